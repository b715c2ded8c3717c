package writ.controls.positive_equity_test

import data.writ.controls.positive_equity
import data.writ.fixtures

test_above_zero if {
	positive_equity.proven with input as fixtures.with_fact("account", "equity_micros", 1)
}

test_zero_and_below if {
	every equity in [0, -1] {
		not positive_equity.proven with input as fixtures.with_fact("account", "equity_micros", equity)
	}
}

test_missing if {
	not positive_equity.proven with input as fixtures.without("account/equity_micros")
	not positive_equity.proven with input as fixtures.without("account")
}

test_of_another_type if {
	every value in fixtures.not_natural {
		not positive_equity.proven with input as fixtures.with_fact("account", "equity_micros", value)
	}
}

test_what_is_observed if {
	positive_equity.observed == -5 with input as fixtures.with_fact("account", "equity_micros", -5)
}

test_an_exit_passes_beyond if {
	positive_equity.proven with input as object.union(fixtures.exit, {"account": {"equity_micros": -1}})
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"account": {"equity_micros": -1}}, section))
		not positive_equity.proven with input as document
	}
}
