package writ.controls.asset_exposure_test

import data.writ.controls.asset_exposure
import data.writ.fixtures

limits := {"global": {"asset_exposure_max_bps": 100}}

at(value) := fixtures.with_fact("projected", "asset_exposure_bps", value)

leaving(document) := object.union(document, {"order": {"reduce_only": true}, "projected": {"reduces": true}})

test_at_the_limit if {
	asset_exposure.proven with input as at(100) with data.limits as limits
}

test_one_beyond if {
	not asset_exposure.proven with input as at(101) with data.limits as limits
}

test_one_below if {
	asset_exposure.proven with input as at(99) with data.limits as limits
}

test_zero_observed if {
	asset_exposure.proven with input as at(0) with data.limits as limits
}

test_limit_of_zero if {
	every value in [0, 100, 9007199254740991] {
		not asset_exposure.proven with input as at(value) with data.limits as {"global": {"asset_exposure_max_bps": 0}}
	}
}

test_limit_missing if {
	not asset_exposure.proven with input as at(100) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not asset_exposure.proven with input as at(100) with data.limits as {"global": {"asset_exposure_max_bps": limit}}
	}
}

test_the_strictest_table_counts if {
	tighter := object.union(limits, {"symbols": {"ACME": {"asset_exposure_max_bps": 90}}})
	not asset_exposure.proven with input as at(100) with data.limits as tighter
	asset_exposure.proven with input as at(90) with data.limits as tighter
	looser := object.union(limits, {"accounts": {"main": {"asset_exposure_max_bps": 110}}})
	not asset_exposure.proven with input as at(101) with data.limits as looser
}

test_fact_missing if {
	not asset_exposure.proven with input as fixtures.without("projected/asset_exposure_bps") with data.limits as limits
}

test_section_missing if {
	not asset_exposure.proven with input as fixtures.without("projected") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not asset_exposure.proven with input as at(value) with data.limits as limits
	}
}

test_what_only_reduces_is_let_out if {
	asset_exposure.proven with input as leaving(at(101)) with data.limits as limits
	asset_exposure.proven with input as leaving(at(101)) with data.limits as {"global": {}}
}

test_what_is_called_an_exit_and_is_none_is_not if {
	every part in [{"order": {"reduce_only": true}}, {"projected": {"reduces": true}}] {
		not asset_exposure.proven with input as object.union(at(101), part) with data.limits as limits
	}
}

test_what_is_observed if {
	asset_exposure.observed == 101 with input as at(101) with data.limits as limits
}
