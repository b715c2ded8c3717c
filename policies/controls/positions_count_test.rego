package writ.controls.positions_count_test

import data.writ.controls.positions_count
import data.writ.fixtures

limits := {"global": {"positions_max_count": 100}}

test_at_the_limit if {
	positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 100) with data.limits as limits
}

test_one_beyond if {
	not positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 101) with data.limits as limits
}

test_zero_observed if {
	positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 0) with data.limits as limits
}

test_limit_of_zero if {
	not positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 0) with data.limits as {"global": {"positions_max_count": 0}}
}

test_limit_missing if {
	not positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not positions_count.proven with input as fixtures.with_fact("projected", "positions_count", 0) with data.limits as {"global": {"positions_max_count": limit}}
	}
}

test_fact_missing if {
	not positions_count.proven with input as fixtures.without("projected/positions_count") with data.limits as limits
}

test_section_missing if {
	not positions_count.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not positions_count.proven with input as fixtures.with_fact("projected", "positions_count", value) with data.limits as limits
	}
}

test_what_is_observed if {
	positions_count.observed == 101 with input as fixtures.with_fact("projected", "positions_count", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	positions_count.proven with input as object.union(fixtures.exit, {"projected": {"positions_count": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"positions_count": 101}}, section))
		not positions_count.proven with input as document with data.limits as limits
	}
}
