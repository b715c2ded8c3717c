package writ.controls.min_notional_test

import data.writ.controls.min_notional
import data.writ.fixtures

floors(listed, stated, worth) := object.union(fixtures.document, {
	"instrument": {"min_notional_micros": listed},
	"venue": {"min_notional_micros": stated},
	"order": {"notional_micros": worth},
})

test_no_floor if {
	min_notional.proven with input as floors(0, 0, 1)
}

test_at_the_floor if {
	min_notional.proven with input as floors(100, 0, 100)
	min_notional.proven with input as floors(0, 100, 100)
	min_notional.proven with input as floors(100, 90, 100)
}

test_below_the_larger_floor if {
	not min_notional.proven with input as floors(100, 0, 99)
	not min_notional.proven with input as floors(0, 100, 99)
	not min_notional.proven with input as floors(90, 100, 99)
	not min_notional.proven with input as floors(100, 90, 99)
}

test_an_order_of_nothing_or_of_unknown_worth if {
	not min_notional.proven with input as floors(1, 0, 0)
	not min_notional.proven with input as json.remove(floors(1, 0, 100), ["order/notional_micros"])
	not min_notional.proven with input as json.remove(floors(0, 1, 100), ["order/notional_micros"])
	min_notional.proven with input as json.remove(floors(0, 0, 100), ["order/notional_micros"])
}

test_an_exit_has_no_floor if {
	exit := object.union(floors(100, 100, 1), {"order": {"reduce_only": true}, "projected": {"reduces": true}})
	min_notional.proven with input as exit
	not min_notional.proven with input as object.union(exit, {"projected": {"reduces": false}})
	not min_notional.proven with input as object.union(exit, {"order": {"reduce_only": false}})
}

test_fact_missing if {
	every path in [
		"order/notional_micros", "instrument/min_notional_micros", "venue/min_notional_micros",
		"instrument", "venue",
	] {
		not min_notional.proven with input as json.remove(floors(1, 1, 100), [path])
	}
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not min_notional.proven with input as floors(value, 1, 100)
		not min_notional.proven with input as floors(1, value, 100)
		not min_notional.proven with input as floors(1, 1, value)
	}
}

test_research_needs_no_venue if {
	research := json.remove(
		object.union(floors(100, 0, 100), {"control": {"mode": "RESEARCH"}}),
		["venue"],
	)
	min_notional.proven with input as research
	not min_notional.proven with input as object.union(research, {"order": {"notional_micros": 99}})
	not min_notional.proven with input as object.union(research, {"venue": {"min_notional_micros": 101}})
}

test_what_is_observed if {
	min_notional.observed == 99 with input as floors(100, 100, 99)
}
