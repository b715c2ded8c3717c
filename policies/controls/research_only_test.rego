package writ.controls.research_only_test

import data.writ.controls.research_only
import data.writ.fixtures

with_control(mode, lifted) := object.union(
	fixtures.document,
	{"control": {"mode": mode, "omega4_lifted": lifted}},
)

test_research_needs_no_lift if {
	every lifted in [true, false] {
		research_only.proven with input as with_control("RESEARCH", lifted)
	}
}

test_forwarding_modes_need_the_lift if {
	every mode in ["SIMULATION", "PAPER", "LIVE"] {
		research_only.proven with input as with_control(mode, true)
		not research_only.proven with input as with_control(mode, false)
	}
}

test_lift_of_another_type if {
	every lifted in ["true", 1, null, [true], {}] {
		not research_only.proven with input as with_control("SIMULATION", lifted)
	}
}

test_lift_missing if {
	not research_only.proven with input as fixtures.without("control/omega4_lifted")
}

test_mode_unknown_or_missing if {
	every mode in ["DISABLED", "research", "", null, 0, true] {
		not research_only.proven with input as with_control(mode, true)
	}
	not research_only.proven with input as fixtures.without("control/mode")
	not research_only.proven with input as fixtures.without("control")
}
