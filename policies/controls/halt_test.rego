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
