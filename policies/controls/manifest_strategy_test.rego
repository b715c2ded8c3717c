package writ.controls.manifest_strategy_test

import data.writ.controls.manifest_strategy
import data.writ.fixtures

ordered(mode, allowed) := object.union(
	fixtures.document,
	{"control": {"mode": mode}, "permission": {"strategy": allowed}},
)

test_inside_the_gateway_every_strategy_may if {
	every mode in ["RESEARCH", "SIMULATION"] {
		manifest_strategy.proven with input as ordered(mode, false)
	}
}

test_outside_the_manifest_allows_it if {
	every mode in ["PAPER", "LIVE"] {
		manifest_strategy.proven with input as ordered(mode, true)
		not manifest_strategy.proven with input as ordered(mode, false)
	}
}

test_any_other_mode if {
	every mode in ["", "paper", "OTHER", null, 0, true, ["PAPER"]] {
		not manifest_strategy.proven with input as ordered(mode, true)
	}
}

test_of_another_type_or_missing if {
	every value in ["true", 1, null, [true], {}, "momentum-3"] {
		not manifest_strategy.proven with input as ordered("PAPER", value)
	}
	every path in ["permission", "permission/strategy", "control", "control/mode"] {
		not manifest_strategy.proven with input as json.remove(ordered("PAPER", true), [path])
	}
}

test_an_exit_passes_only_where_somebody_opened_for_it if {
	exit := object.union(fixtures.exit, {"control": {"mode": "LIVE"}, "permission": {"strategy": false}})
	not manifest_strategy.proven with input as exit
	manifest_strategy.proven with input as object.union(exit, {"permission": {"exit_open": true}})
}
