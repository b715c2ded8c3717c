package writ.controls.live_test

import data.writ.controls.live
import data.writ.fixtures

ordered(mode, open) := object.union(
	fixtures.document,
	{"control": {"mode": mode}, "permission": {"live_open": open}},
)

test_elsewhere_there_is_nothing_to_open if {
	every mode in ["RESEARCH", "SIMULATION", "PAPER"] {
		every open in [true, false] {
			live.proven with input as ordered(mode, open)
		}
	}
}

test_live_has_to_be_open if {
	live.proven with input as ordered("LIVE", true)
	not live.proven with input as ordered("LIVE", false)
}

test_a_manifest_and_a_lifted_directive_open_nothing if {
	lifted := object.union(ordered("LIVE", false), {
		"control": {"mode": "LIVE", "omega4_lifted": true},
		"permission": {"standing": true, "mode": "LIVE", "live_open": false},
	})
	not live.proven with input as lifted
}

test_any_other_mode if {
	every mode in ["", "live", "LIVE ", "OTHER", null, 0, true, ["LIVE"], {"LIVE": true}] {
		not live.proven with input as ordered(mode, true)
	}
}

test_of_another_type_or_missing if {
	every value in ["true", 1, null, [true], {}] {
		not live.proven with input as ordered("LIVE", value)
	}
	every path in ["permission", "permission/live_open", "control", "control/mode"] {
		not live.proven with input as json.remove(ordered("LIVE", true), [path])
	}
}

test_an_exit_passes_only_where_somebody_opened_for_it if {
	exit := object.union(fixtures.exit, {"control": {"mode": "LIVE"}, "permission": {"live_open": false}})
	not live.proven with input as exit
	live.proven with input as object.union(exit, {"permission": {"exit_open": true}})
}
