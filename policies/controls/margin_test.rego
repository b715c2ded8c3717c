package writ.controls.margin_test

import data.writ.controls.margin
import data.writ.fixtures

limits := {"global": {"margin_debit_max_micros": 100}}

test_none_needs_no_limit if {
	every limits in [{}, {"margin_debit_max_micros": 0}, {"margin_debit_max_micros": 100}] {
		margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 0) with data.limits as limits
	}
}

test_at_the_limit if {
	margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 101) with data.limits as limits
}

test_limit_of_zero if {
	not margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 1) with data.limits as {"global": {"margin_debit_max_micros": 0}}
}

test_limit_missing if {
	not margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", 1) with data.limits as {"global": {"margin_debit_max_micros": limit}}
	}
}

test_fact_missing if {
	not margin.proven with input as fixtures.without("projected/margin_debit_micros") with data.limits as limits
}

test_section_missing if {
	not margin.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not margin.proven with input as fixtures.with_fact("projected", "margin_debit_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	margin.observed == 101 with input as fixtures.with_fact("projected", "margin_debit_micros", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	margin.proven with input as object.union(fixtures.exit, {"projected": {"margin_debit_micros": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"margin_debit_micros": 101}}, section))
		not margin.proven with input as document with data.limits as limits
	}
}
