package writ.controls.order_share_test

import data.writ.controls.order_share
import data.writ.fixtures

limits := {"global": {"order_share_max_bps": 100}}

at(value) := fixtures.with_fact("order", "equity_share_bps", value)

test_at_the_limit if {
	order_share.proven with input as at(100) with data.limits as limits
}

test_one_beyond if {
	not order_share.proven with input as at(101) with data.limits as limits
}

test_one_below if {
	order_share.proven with input as at(99) with data.limits as limits
}

test_zero_observed if {
	order_share.proven with input as at(0) with data.limits as limits
}

test_limit_of_zero if {
	every value in [0, 100, 9007199254740991] {
		not order_share.proven with input as at(value) with data.limits as {"global": {"order_share_max_bps": 0}}
	}
}

test_limit_missing if {
	not order_share.proven with input as at(100) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every value in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		odd := {"global": {"order_share_max_bps": value}}
		not order_share.proven with input as at(100) with data.limits as odd
	}
}

test_the_strictest_table_counts if {
	tighter := object.union(limits, {"symbols": {"ACME": {"order_share_max_bps": 90}}})
	not order_share.proven with input as at(100) with data.limits as tighter
	order_share.proven with input as at(90) with data.limits as tighter
	looser := object.union(limits, {"accounts": {"main": {"order_share_max_bps": 110}}})
	not order_share.proven with input as at(101) with data.limits as looser
}

test_fact_missing if {
	not order_share.proven with input as fixtures.without("order/equity_share_bps") with data.limits as limits
}

test_section_missing if {
	not order_share.proven with input as fixtures.without("order") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not order_share.proven with input as at(value) with data.limits as limits
	}
}

test_what_is_observed if {
	order_share.observed == 101 with input as at(101) with data.limits as limits
}
