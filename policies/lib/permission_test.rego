package writ.lib.permission_test

import data.writ.fixtures
import data.writ.lib.permission

let_out := object.union(fixtures.exit, {"permission": {"exit_open": true}})

other_modes := ["", "paper", "PAPER ", "OTHER", null, 0, true, ["PAPER"], {"PAPER": true}]

test_inside_and_outside if {
	every mode in ["RESEARCH", "SIMULATION"] {
		permission.inside with input as fixtures.with_fact("control", "mode", mode)
		not permission.outside with input as fixtures.with_fact("control", "mode", mode)
	}
	every mode in ["PAPER", "LIVE"] {
		permission.outside with input as fixtures.with_fact("control", "mode", mode)
		not permission.inside with input as fixtures.with_fact("control", "mode", mode)
	}
}

test_an_unknown_mode_is_neither if {
	every mode in other_modes {
		not permission.inside with input as fixtures.with_fact("control", "mode", mode)
		not permission.outside with input as fixtures.with_fact("control", "mode", mode)
	}
	every path in ["control", "control/mode"] {
		not permission.inside with input as fixtures.without(path)
		not permission.outside with input as fixtures.without(path)
	}
}

test_an_exit_is_let_out if {
	permission.let_out with input as let_out
}

test_an_exit_that_nobody_opened_for_is_not if {
	not permission.let_out with input as fixtures.exit
	every value in [false, "true", 1, null, [true], {}] {
		not permission.let_out with input as object.union(let_out, {"permission": {"exit_open": value}})
	}
	every path in ["permission", "permission/exit_open"] {
		not permission.let_out with input as json.remove(let_out, [path])
	}
}

test_what_is_no_exit_is_not_let_out if {
	every part in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		not permission.let_out with input as object.union(let_out, part)
	}
}
