package writ.controls.duplicate_order_test

import data.writ.controls.duplicate_order
import data.writ.fixtures

limits := {"global": {"identical_orders_max_count": 5}}

counted(value) := fixtures.with_fact("activity", "identical_60s_count", value)

test_at_the_limit if {
	duplicate_order.proven with input as counted(5) with data.limits as limits
}

test_one_beyond if {
	not duplicate_order.proven with input as counted(6) with data.limits as limits
}

test_the_first_one if {
	duplicate_order.proven with input as counted(1) with data.limits as limits
}

test_a_limit_of_one if {
	duplicate_order.proven with input as counted(1) with data.limits as {"global": {"identical_orders_max_count": 1}}
	not duplicate_order.proven with input as counted(2) with data.limits as {"global": {"identical_orders_max_count": 1}}
}

test_a_count_without_the_order_itself_proves_nothing if {
	not duplicate_order.proven with input as counted(0) with data.limits as limits
}

test_limit_of_zero if {
	not duplicate_order.proven with input as counted(1) with data.limits as {"global": {"identical_orders_max_count": 0}}
}

test_limit_missing if {
	not duplicate_order.proven with input as counted(1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not duplicate_order.proven with input as counted(1) with data.limits as {"global": {"identical_orders_max_count": limit}}
	}
}

test_a_strategy_is_held_to_less if {
	tighter := object.union(limits, {"strategies": {"momentum": {"identical_orders_max_count": 2}}})
	document := object.union(counted(3), {"order": {"strategy_id": "momentum"}})
	not duplicate_order.proven with input as document with data.limits as tighter
	duplicate_order.proven with input as counted(3) with data.limits as tighter
}

test_an_account_cannot_be_given_more if {
	looser := object.union(limits, {"accounts": {"main": {"identical_orders_max_count": 9}}})
	not duplicate_order.proven with input as counted(6) with data.limits as looser
}

test_fact_missing if {
	not duplicate_order.proven with input as fixtures.without("activity/identical_60s_count") with data.limits as limits
}

test_section_missing if {
	not duplicate_order.proven with input as fixtures.without("activity") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not duplicate_order.proven with input as counted(value) with data.limits as limits
	}
}

test_what_is_observed if {
	duplicate_order.observed == 6 with input as counted(6) with data.limits as limits
}
