package writ.controls.leverage_test

import data.writ.controls.leverage
import data.writ.fixtures

limits := {"global": {"leverage_max_bps": 100}}

test_at_the_limit if {
	leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 100) with data.limits as limits
}

test_one_beyond if {
	not leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 101) with data.limits as limits
}

test_zero_observed if {
	leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 0) with data.limits as limits
}

test_limit_of_zero if {
	not leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 0) with data.limits as {"global": {"leverage_max_bps": 0}}
}

test_limit_missing if {
	not leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", 0) with data.limits as {"global": {"leverage_max_bps": limit}}
	}
}

test_fact_missing if {
	not leverage.proven with input as fixtures.without("projected/leverage_bps") with data.limits as limits
}

test_section_missing if {
	not leverage.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not leverage.proven with input as fixtures.with_fact("projected", "leverage_bps", value) with data.limits as limits
	}
}

test_what_is_observed if {
	leverage.observed == 101 with input as fixtures.with_fact("projected", "leverage_bps", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	leverage.proven with input as object.union(fixtures.exit, {"projected": {"leverage_bps": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"leverage_bps": 101}}, section))
		not leverage.proven with input as document with data.limits as limits
	}
}
