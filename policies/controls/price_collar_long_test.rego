package writ.controls.price_collar_long_test

import data.writ.controls.price_collar_long
import data.writ.fixtures

limits := {"global": {"price_collar_long_max_bps": 100}}

test_at_the_limit if {
	price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 100) with data.limits as limits
}

test_one_beyond if {
	not price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 101) with data.limits as limits
}

test_zero_observed if {
	price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 0) with data.limits as limits
}

test_limit_of_zero if {
	not price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 0) with data.limits as {"global": {"price_collar_long_max_bps": 0}}
}

test_limit_missing if {
	not price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", 0) with data.limits as {"global": {"price_collar_long_max_bps": limit}}
	}
}

test_fact_missing if {
	not price_collar_long.proven with input as fixtures.without("order/long_window_deviation_bps") with data.limits as limits
}

test_section_missing if {
	not price_collar_long.proven with input as fixtures.without("order") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not price_collar_long.proven with input as fixtures.with_fact("order", "long_window_deviation_bps", value) with data.limits as limits
	}
}

test_what_is_observed if {
	price_collar_long.observed == 101 with input as fixtures.with_fact("order", "long_window_deviation_bps", 101) with data.limits as limits
}

an_exit(order, projected) := object.union(fixtures.exit, {"order": object.union({"long_window_deviation_bps": 101}, order), "projected": projected})

test_an_exit_passes if {
	price_collar_long.proven with input as an_exit({}, {}) with data.limits as limits
	price_collar_long.proven with input as json.remove(an_exit({}, {}), ["order/long_window_deviation_bps"]) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	not price_collar_long.proven with input as an_exit({"reduce_only": false}, {}) with data.limits as limits
	not price_collar_long.proven with input as an_exit({}, {"reduces": false}) with data.limits as limits
}
