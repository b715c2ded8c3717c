package writ.controls.short_selling_test

import data.writ.controls.short_selling
import data.writ.fixtures

limits := {"global": {"short_notional_max_micros": 100}}

test_none_needs_no_limit if {
	every limits in [{}, {"short_notional_max_micros": 0}, {"short_notional_max_micros": 100}] {
		short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 0) with data.limits as limits
	}
}

test_at_the_limit if {
	short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 101) with data.limits as limits
}

test_limit_of_zero if {
	not short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 1) with data.limits as {"global": {"short_notional_max_micros": 0}}
}

test_limit_missing if {
	not short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", 1) with data.limits as {"global": {"short_notional_max_micros": limit}}
	}
}

test_fact_missing if {
	not short_selling.proven with input as fixtures.without("projected/short_notional_micros") with data.limits as limits
}

test_section_missing if {
	not short_selling.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not short_selling.proven with input as fixtures.with_fact("projected", "short_notional_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	short_selling.observed == 101 with input as fixtures.with_fact("projected", "short_notional_micros", 101) with data.limits as limits
}

an_exit(order, projected) := object.union(
	json.remove(fixtures.exit, ["projected/short_notional_micros"]),
	{"order": order, "projected": projected},
)

test_an_exit_passes_whatever_is_known if {
	short_selling.proven with input as an_exit({}, {}) with data.limits as {"global": {}}
	short_selling.proven with input as an_exit({}, {"short_notional_micros": 101}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	not short_selling.proven with input as an_exit({"reduce_only": false}, {}) with data.limits as limits
	not short_selling.proven with input as an_exit({}, {"reduces": false}) with data.limits as limits
}
