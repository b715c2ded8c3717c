package writ.controls.halt_test

import data.writ.controls.halt
import data.writ.fixtures

test_no_halt if {
	halt.proven with input as fixtures.with_fact("control", "halted", false)
}

test_halted if {
	not halt.proven with input as fixtures.with_fact("control", "halted", true)
}

test_halted_unknown if {
	every value in ["false", 0, null, [], {}] {
		not halt.proven with input as fixtures.with_fact("control", "halted", value)
	}
	not halt.proven with input as fixtures.without("control/halted")
	not halt.proven with input as fixtures.without("control")
}

halted_exit := object.union(fixtures.exit, {"control": {"halted": true, "exit_allowed": true}})

test_an_exit_passes_where_exits_are_allowed if {
	halt.proven with input as halted_exit
}

test_an_exit_is_held_where_they_are_not if {
	every value in [false, "true", 1, null] {
		not halt.proven with input as object.union(halted_exit, {"control": {"exit_allowed": value}})
	}
	not halt.proven with input as json.remove(halted_exit, ["control/exit_allowed"])
	not halt.proven with input as json.remove(halted_exit, ["control/halted"])
}

test_what_is_no_exit_never_passes if {
	not halt.proven with input as object.union(halted_exit, {"order": {"reduce_only": false}})
	not halt.proven with input as object.union(halted_exit, {"projected": {"reduces": false}})
}
