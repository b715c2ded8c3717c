package writ.controls.sector_exposure_test

import data.writ.controls.sector_exposure
import data.writ.fixtures

limits := {"global": {"sector_exposure_max_bps": 100}}

test_at_the_limit if {
	sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 100) with data.limits as limits
}

test_one_beyond if {
	not sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 101) with data.limits as limits
}

test_zero_observed if {
	sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 0) with data.limits as limits
}

test_limit_of_zero if {
	not sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 0) with data.limits as {"global": {"sector_exposure_max_bps": 0}}
}

test_limit_missing if {
	not sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", 0) with data.limits as {"global": {"sector_exposure_max_bps": limit}}
	}
}

test_fact_missing if {
	not sector_exposure.proven with input as fixtures.without("projected/sector_exposure_bps") with data.limits as limits
}

test_section_missing if {
	not sector_exposure.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not sector_exposure.proven with input as fixtures.with_fact("projected", "sector_exposure_bps", value) with data.limits as limits
	}
}

test_what_is_observed if {
	sector_exposure.observed == 101 with input as fixtures.with_fact("projected", "sector_exposure_bps", 101) with data.limits as limits
}

test_an_exit_passes_beyond if {
	sector_exposure.proven with input as object.union(fixtures.exit, {"projected": {"sector_exposure_bps": 101}}) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	every section in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		document := object.union(fixtures.exit, object.union({"projected": {"sector_exposure_bps": 101}}, section))
		not sector_exposure.proven with input as document with data.limits as limits
	}
}
