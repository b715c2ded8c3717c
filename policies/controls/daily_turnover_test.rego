package writ.controls.daily_turnover_test

import data.writ.controls.daily_turnover
import data.writ.fixtures

limits := {"global": {"day_turnover_max_micros": 100}}

test_at_the_limit if {
	daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 101) with data.limits as limits
}

test_zero_observed if {
	daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 0) with data.limits as limits
}

test_limit_of_zero if {
	not daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 0) with data.limits as {"global": {"day_turnover_max_micros": 0}}
}

test_limit_missing if {
	not daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", 0) with data.limits as {"global": {"day_turnover_max_micros": limit}}
	}
}

test_fact_missing if {
	not daily_turnover.proven with input as fixtures.without("projected/day_turnover_micros") with data.limits as limits
}

test_section_missing if {
	not daily_turnover.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not daily_turnover.proven with input as fixtures.with_fact("projected", "day_turnover_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	daily_turnover.observed == 101 with input as fixtures.with_fact("projected", "day_turnover_micros", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	daily_turnover.proven with input as object.union(fixtures.exit, {"projected": {"day_turnover_micros": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"day_turnover_micros": 101}}, section))
		not daily_turnover.proven with input as document with data.limits as limits
	}
}
