package writ.controls.position_notional_test

import data.writ.controls.position_notional
import data.writ.fixtures

limits := {"global": {"position_notional_max_micros": 100}}

test_at_the_limit if {
	position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 101) with data.limits as limits
}

test_zero_observed if {
	position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 0) with data.limits as limits
}

test_limit_of_zero if {
	not position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 0) with data.limits as {"global": {"position_notional_max_micros": 0}}
}

test_limit_missing if {
	not position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", 0) with data.limits as {"global": {"position_notional_max_micros": limit}}
	}
}

test_fact_missing if {
	not position_notional.proven with input as fixtures.without("projected/position_notional_micros") with data.limits as limits
}

test_section_missing if {
	not position_notional.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not position_notional.proven with input as fixtures.with_fact("projected", "position_notional_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	position_notional.observed == 101 with input as fixtures.with_fact("projected", "position_notional_micros", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	position_notional.proven with input as object.union(fixtures.exit, {"projected": {"position_notional_micros": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"position_notional_micros": 101}}, section))
		not position_notional.proven with input as document with data.limits as limits
	}
}
