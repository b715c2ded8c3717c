package writ.controls.entropy_test

import data.writ.controls.entropy
import data.writ.fixtures

limits := {"global": {"entropy_max_e4": 100, "model_age_max_ms": 100}}

reading(value, age_ms) := fixtures.with_fact("model", "entropy_e4", {"value": value, "age_ms": age_ms})

test_at_the_limit if {
	entropy.proven with input as reading(100, 100) with data.limits as limits
}

test_one_beyond if {
	not entropy.proven with input as reading(101, 100) with data.limits as limits
}

test_zero_observed if {
	entropy.proven with input as reading(0, 100) with data.limits as limits
}

test_one_millisecond_too_old if {
	not entropy.proven with input as reading(100, 101) with data.limits as limits
}

test_of_this_instant if {
	entropy.proven with input as reading(100, 0) with data.limits as limits
}

test_limit_of_zero if {
	every name in object.keys(limits.global) {
		not entropy.proven with input as reading(1, 0) with data.limits as {"global": object.union(limits.global, {name: 0})}
	}
}

test_limit_missing if {
	every name in object.keys(limits.global) {
		not entropy.proven with input as reading(1, 0) with data.limits as {"global": object.remove(limits.global, [name])}
	}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		every name in object.keys(limits.global) {
			not entropy.proven with input as reading(1, 0) with data.limits as {"global": object.union(limits.global, {name: limit})}
		}
	}
}

test_a_stricter_account if {
	scoped := object.union(limits, {"accounts": {"main": {"entropy_max_e4": 99}}})
	not entropy.proven with input as reading(100, 100) with data.limits as scoped
	entropy.proven with input as reading(99, 100) with data.limits as scoped
}

test_value_of_another_type if {
	every value in fixtures.not_natural {
		not entropy.proven with input as reading(value, 100) with data.limits as limits
	}
}

test_age_of_another_type if {
	every value in fixtures.not_natural {
		not entropy.proven with input as reading(100, value) with data.limits as limits
	}
}

test_fact_missing if {
	every path in ["model", "model/entropy_e4", "model/entropy_e4/value", "model/entropy_e4/age_ms"] {
		not entropy.proven with input as fixtures.without(path) with data.limits as limits
	}
}

test_too_old_is_not_known if {
	not entropy.observed with input as reading(100, 101) with data.limits as limits
}

test_what_is_observed if {
	entropy.observed == 101 with input as reading(101, 100) with data.limits as limits
	entropy.limit == "entropy_max_e4"
}

# The model says the worst it can, too late.
ill := {"value": 101, "age_ms": 101, "source": "monitor"}

an_exit(order, projected) := object.union(fixtures.exit, {"order": order, "projected": projected, "model": {"entropy_e4": ill}})

test_an_exit_passes if {
	entropy.proven with input as an_exit({}, {}) with data.limits as limits
	entropy.proven with input as json.remove(an_exit({}, {}), ["model"]) with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	not entropy.proven with input as an_exit({"reduce_only": false}, {}) with data.limits as limits
	not entropy.proven with input as an_exit({}, {"reduces": false}) with data.limits as limits
}
