package writ.controls.quote_age_test

import data.writ.controls.quote_age
import data.writ.fixtures

limits := {"global": {"quote_age_max_ms": 100}}

test_at_the_limit if {
	quote_age.proven with input as fixtures.with_fact("market", "age_ms", 100) with data.limits as limits
}

test_one_beyond if {
	not quote_age.proven with input as fixtures.with_fact("market", "age_ms", 101) with data.limits as limits
}

test_zero_observed if {
	quote_age.proven with input as fixtures.with_fact("market", "age_ms", 0) with data.limits as limits
}

test_limit_of_zero if {
	not quote_age.proven with input as fixtures.with_fact("market", "age_ms", 0) with data.limits as {"global": {"quote_age_max_ms": 0}}
}

test_limit_missing if {
	not quote_age.proven with input as fixtures.with_fact("market", "age_ms", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not quote_age.proven with input as fixtures.with_fact("market", "age_ms", 0) with data.limits as {"global": {"quote_age_max_ms": limit}}
	}
}

test_fact_missing if {
	not quote_age.proven with input as fixtures.without("market/age_ms") with data.limits as limits
}

test_section_missing if {
	not quote_age.proven with input as fixtures.without("market") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not quote_age.proven with input as fixtures.with_fact("market", "age_ms", value) with data.limits as limits
	}
}

test_what_is_observed if {
	quote_age.observed == 101 with input as fixtures.with_fact("market", "age_ms", 101) with data.limits as limits
}
