package writ.controls.order_qty_test

import data.writ.controls.order_qty
import data.writ.fixtures

limits := {"global": {"order_qty_max_e8": 100}}

test_at_the_limit if {
	order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 100) with data.limits as limits
}

test_one_beyond if {
	not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 101) with data.limits as limits
}

test_smallest_value if {
	order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 1) with data.limits as limits
}

test_an_order_of_no_size_proves_nothing if {
	not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 0) with data.limits as limits
}

test_limit_of_zero if {
	not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 1) with data.limits as {"global": {"order_qty_max_e8": 0}}
}

test_limit_missing if {
	not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", 1) with data.limits as {"global": {"order_qty_max_e8": limit}}
	}
}

test_fact_missing if {
	not order_qty.proven with input as fixtures.without("order/qty_e8") with data.limits as limits
}

test_section_missing if {
	not order_qty.proven with input as fixtures.without("order") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not order_qty.proven with input as fixtures.with_fact("order", "qty_e8", value) with data.limits as limits
	}
}

test_what_is_observed if {
	order_qty.observed == 101 with input as fixtures.with_fact("order", "qty_e8", 101) with data.limits as limits
}
