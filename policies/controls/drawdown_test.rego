package writ.controls.drawdown_test

import data.writ.controls.drawdown
import data.writ.fixtures

limits := {"global": {"drawdown_max_bps": 100}}

at(value) := fixtures.with_fact("account", "drawdown_bps", value)

leaving(document) := object.union(document, {"order": {"reduce_only": true}, "projected": {"reduces": true}})

test_at_the_limit if {
	drawdown.proven with input as at(100) with data.limits as limits
}

test_one_beyond if {
	not drawdown.proven with input as at(101) with data.limits as limits
}

test_one_below if {
	drawdown.proven with input as at(99) with data.limits as limits
}

test_zero_observed if {
	drawdown.proven with input as at(0) with data.limits as limits
}

test_limit_of_zero if {
	every value in [0, 100, 9007199254740991] {
		not drawdown.proven with input as at(value) with data.limits as {"global": {"drawdown_max_bps": 0}}
	}
}

test_limit_missing if {
	not drawdown.proven with input as at(100) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not drawdown.proven with input as at(100) with data.limits as {"global": {"drawdown_max_bps": limit}}
	}
}

test_the_strictest_table_counts if {
	tighter := object.union(limits, {"symbols": {"ACME": {"drawdown_max_bps": 90}}})
	not drawdown.proven with input as at(100) with data.limits as tighter
	drawdown.proven with input as at(90) with data.limits as tighter
	looser := object.union(limits, {"accounts": {"main": {"drawdown_max_bps": 110}}})
	not drawdown.proven with input as at(101) with data.limits as looser
}

test_fact_missing if {
	not drawdown.proven with input as fixtures.without("account/drawdown_bps") with data.limits as limits
}

test_section_missing if {
	not drawdown.proven with input as fixtures.without("account") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not drawdown.proven with input as at(value) with data.limits as limits
	}
}

test_what_only_reduces_is_let_out if {
	drawdown.proven with input as leaving(at(101)) with data.limits as limits
	drawdown.proven with input as leaving(at(101)) with data.limits as {"global": {}}
}

test_what_is_called_an_exit_and_is_none_is_not if {
	every part in [{"order": {"reduce_only": true}}, {"projected": {"reduces": true}}] {
		not drawdown.proven with input as object.union(at(101), part) with data.limits as limits
	}
}

test_what_is_observed if {
	drawdown.observed == 101 with input as at(101) with data.limits as limits
}
