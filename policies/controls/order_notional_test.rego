package writ.controls.order_notional_test

import data.writ.controls.order_notional
import data.writ.fixtures

limits := {"global": {"order_notional_max_micros": 100}}

test_at_the_limit if {
	order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 101) with data.limits as limits
}

test_smallest_value if {
	order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 1) with data.limits as limits
}

test_an_order_of_no_size_proves_nothing if {
	not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 0) with data.limits as limits
}

test_limit_of_zero if {
	not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 1) with data.limits as {"global": {"order_notional_max_micros": 0}}
}

test_limit_missing if {
	not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", 1) with data.limits as {"global": {"order_notional_max_micros": limit}}
	}
}

test_fact_missing if {
	not order_notional.proven with input as fixtures.without("order/notional_micros") with data.limits as limits
}

test_section_missing if {
	not order_notional.proven with input as fixtures.without("order") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not order_notional.proven with input as fixtures.with_fact("order", "notional_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	order_notional.observed == 101 with input as fixtures.with_fact("order", "notional_micros", 101) with data.limits as limits
}

an_exit(order, projected) := object.union(
	json.remove(fixtures.exit, ["order/notional_micros"]),
	{"order": order, "projected": projected},
)

test_an_exit_of_unknown_value_passes if {
	order_notional.proven with input as an_exit({}, {}) with data.limits as limits
}

test_an_exit_of_known_value_is_held_to_the_limit if {
	order_notional.proven with input as an_exit({"notional_micros": 100}, {}) with data.limits as limits
	every value in [101, 0, -1, null, "100"] {
		not order_notional.proven with input as an_exit({"notional_micros": value}, {}) with data.limits as limits
	}
}

test_what_only_says_that_it_is_an_exit_does_not if {
	not order_notional.proven with input as an_exit({"reduce_only": false}, {}) with data.limits as limits
	not order_notional.proven with input as an_exit({}, {"reduces": false}) with data.limits as limits
}
