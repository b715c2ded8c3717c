package writ.controls.spread_test

import data.writ.controls.spread
import data.writ.fixtures

limits := {"global": {"spread_max_bps": 100}}

test_at_the_limit if {
	spread.proven with input as fixtures.with_fact("market", "spread_bps", 100) with data.limits as limits
}

test_one_beyond if {
	not spread.proven with input as fixtures.with_fact("market", "spread_bps", 101) with data.limits as limits
}

test_zero_observed if {
	spread.proven with input as fixtures.with_fact("market", "spread_bps", 0) with data.limits as limits
}

test_limit_of_zero if {
	not spread.proven with input as fixtures.with_fact("market", "spread_bps", 0) with data.limits as {"global": {"spread_max_bps": 0}}
}

test_limit_missing if {
	not spread.proven with input as fixtures.with_fact("market", "spread_bps", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not spread.proven with input as fixtures.with_fact("market", "spread_bps", 0) with data.limits as {"global": {"spread_max_bps": limit}}
	}
}

test_fact_missing if {
	not spread.proven with input as fixtures.without("market/spread_bps") with data.limits as limits
}

test_section_missing if {
	not spread.proven with input as fixtures.without("market") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not spread.proven with input as fixtures.with_fact("market", "spread_bps", value) with data.limits as limits
	}
}

test_what_is_observed if {
	spread.observed == 101 with input as fixtures.with_fact("market", "spread_bps", 101) with data.limits as limits
}
