package writ.controls.data_integrity_test

import data.writ.controls.data_integrity
import data.writ.fixtures

limits := {"global": {"model_age_max_ms": 100}}

reading(value, age_ms) := fixtures.with_fact("model", "data_integrity", {"value": value, "age_ms": age_ms})

good := [true]

test_at_the_limit if {
	every value in good {
		data_integrity.proven with input as reading(value, 100) with data.limits as limits
	}
}

test_one_millisecond_too_old if {
	every value in good {
		not data_integrity.proven with input as reading(value, 101) with data.limits as limits
	}
}

test_any_other_value if {
	every value in [false, "true", "false", 1, 0, null, [true], {"true": true}] {
		not data_integrity.proven with input as reading(value, 0) with data.limits as limits
	}
}

test_limit_of_zero if {
	not data_integrity.proven with input as reading(good[0], 0) with data.limits as {"global": {"model_age_max_ms": 0}}
}

test_limit_missing if {
	not data_integrity.proven with input as reading(good[0], 0) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not data_integrity.proven with input as reading(good[0], 0) with data.limits as {"global": {"model_age_max_ms": limit}}
	}
}

test_age_of_another_type if {
	every age in fixtures.not_natural {
		not data_integrity.proven with input as reading(good[0], age) with data.limits as limits
	}
}

test_fact_missing if {
	every path in ["model", "model/data_integrity", "model/data_integrity/value", "model/data_integrity/age_ms"] {
		not data_integrity.proven with input as fixtures.without(path) with data.limits as limits
	}
}

test_what_is_observed if {
	data_integrity.observed == 101 with input as reading(good[0], 101) with data.limits as limits
	data_integrity.limit == "model_age_max_ms"
}

test_of_a_mismatch_nothing_is_observed if {
	every value in [false, null, "true"] {
		not data_integrity.observed with input as reading(value, 101) with data.limits as limits
	}
}

# The model says the worst it can, too late.
ill := {"value": false, "age_ms": 101, "source": "monitor"}

an_exit(order, projected) := object.union(fixtures.exit, {"order": order, "projected": projected, "model": {"data_integrity": ill}})

test_an_exit_passes if {
	data_integrity.proven with input as an_exit({}, {}) with data.limits as limits
	data_integrity.proven with input as json.remove(an_exit({}, {}), ["model"]) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	not data_integrity.proven with input as an_exit({"reduce_only": false}, {}) with data.limits as limits
	not data_integrity.proven with input as an_exit({}, {"reduces": false}) with data.limits as limits
}
