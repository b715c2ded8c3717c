package writ.controls.compliance_test

import data.writ.controls.compliance
import data.writ.fixtures

test_modes_without_money if {
	every mode in ["RESEARCH", "SIMULATION", "PAPER"] {
		compliance.proven with input as fixtures.with_fact("control", "mode", mode)
	}
}

test_live_is_not_proven if {
	not compliance.proven with input as fixtures.with_fact("control", "mode", "LIVE")
}

test_a_lifted_directive_is_no_manifest if {
	not compliance.proven with input as object.union(
		fixtures.document,
		{"control": {"mode": "LIVE", "omega4_lifted": true, "manifest": true}},
	)
}

test_any_other_mode if {
	every mode in ["", "live", "paper", "PAPER ", "OTHER", null, true, 0, ["PAPER"], {"PAPER": true}] {
		not compliance.proven with input as fixtures.with_fact("control", "mode", mode)
	}
}

test_mode_missing if {
	not compliance.proven with input as fixtures.without("control/mode")
	not compliance.proven with input as fixtures.without("control")
	not compliance.proven with input as {}
}
