package writ.controls.gross_exposure_test

import data.writ.controls.gross_exposure
import data.writ.fixtures

limits := {"global": {"gross_exposure_max_micros": 100}}

test_at_the_limit if {
	gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 100) with data.limits as limits
}

test_one_beyond if {
	not gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 101) with data.limits as limits
}

test_zero_observed if {
	gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 0) with data.limits as limits
}

test_limit_of_zero if {
	not gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 0) with data.limits as {"global": {"gross_exposure_max_micros": 0}}
}

test_limit_missing if {
	not gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", 0) with data.limits as {"global": {"gross_exposure_max_micros": limit}}
	}
}

test_fact_missing if {
	not gross_exposure.proven with input as fixtures.without("projected/gross_exposure_micros") with data.limits as limits
}

test_section_missing if {
	not gross_exposure.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not gross_exposure.proven with input as fixtures.with_fact("projected", "gross_exposure_micros", value) with data.limits as limits
	}
}

test_what_is_observed if {
	gross_exposure.observed == 101 with input as fixtures.with_fact("projected", "gross_exposure_micros", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	gross_exposure.proven with input as object.union(fixtures.exit, {"projected": {"gross_exposure_micros": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"gross_exposure_micros": 101}}, section))
		not gross_exposure.proven with input as document with data.limits as limits
	}
}
