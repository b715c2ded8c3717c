package writ.controls.trading_hours_test

import data.writ.controls.trading_hours
import data.writ.fixtures

limits := {"global": {"close_buffer_min_ms": 100}}

to_close(value) := fixtures.with_fact("hours", "to_close_ms", value)

test_at_the_limit if {
	trading_hours.proven with input as to_close(100) with data.limits as limits
	trading_hours.observed == 100 with input as to_close(100)
}

test_one_too_late if {
	not trading_hours.proven with input as to_close(99) with data.limits as limits
	not trading_hours.proven with input as to_close(0) with data.limits as limits
}

test_closed if {
	every value in [false, null, "true", 1] {
		not trading_hours.proven with input as fixtures.with_fact("hours", "open", value) with data.limits as limits
		not trading_hours.observed with input as fixtures.with_fact("hours", "open", value) with data.limits as limits
	}
}

test_limit_of_zero if {
	not trading_hours.proven with input as to_close(0) with data.limits as {"global": {"close_buffer_min_ms": 0}}
	not trading_hours.proven with input as to_close(1000) with data.limits as {"global": {"close_buffer_min_ms": 0}}
	not trading_hours.proven with input as extended with data.limits as {"global": {"close_buffer_min_ms": 0}} with data.permissions as permitted
}

test_limit_missing if {
	not trading_hours.proven with input as to_close(1000) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not trading_hours.proven with input as to_close(1000) with data.limits as {"global": {"close_buffer_min_ms": limit}}
	}
}

test_the_largest_of_a_minimum_counts if {
	tables := {"global": {"close_buffer_min_ms": 100}, "accounts": {"main": {"close_buffer_min_ms": 101}}}
	not trading_hours.proven with input as to_close(100) with data.limits as tables
	trading_hours.proven with input as to_close(101) with data.limits as tables
}

test_fact_missing if {
	not trading_hours.proven with input as fixtures.without("hours") with data.limits as limits
	not trading_hours.proven with input as fixtures.without("hours/open") with data.limits as limits
	not trading_hours.proven with input as fixtures.without("hours/to_close_ms") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not trading_hours.proven with input as to_close(value) with data.limits as limits
	}
}

extended := object.union(fixtures.document, {
	"order": {"extended_hours": true},
	"venue": {"extended_hours": true},
	"hours": {"open": false},
})

permitted := {"*": {"extended_hours": true}}

test_extended_hours if {
	trading_hours.proven with input as extended with data.limits as limits with data.permissions as permitted
	trading_hours.proven with input as json.remove(extended, ["hours"]) with data.limits as limits with data.permissions as permitted
	trading_hours.proven with input as extended with data.limits as limits with data.permissions as {"main": {"extended_hours": true}}
}

test_an_account_s_own_entry_replaces_the_one_for_all if {
	not trading_hours.proven with input as extended with data.limits as limits
		with data.permissions as {"*": {"extended_hours": true}, "main": {"extended_hours": false}}
	not trading_hours.proven with input as extended with data.limits as limits
		with data.permissions as {"*": {"extended_hours": true}, "main": {}}
}

test_extended_hours_that_are_not_permitted if {
	every permissions in [
		{}, {"*": {"extended_hours": false}}, {"*": {"extended_hours": "true"}}, {"*": {}},
		{"other": {"extended_hours": true}}, null, {"*": {"extended_hours": 1}},
	] {
		not trading_hours.proven with input as extended with data.limits as limits with data.permissions as permissions
	}
}

test_extended_hours_that_nobody_asked_for_or_trades if {
	every change in [
		{"order": {"extended_hours": false}}, {"order": {"extended_hours": "true"}},
		{"venue": {"extended_hours": false}}, {"venue": {"extended_hours": null}},
	] {
		not trading_hours.proven with input as object.union(extended, change)
			with data.limits as limits with data.permissions as permitted
	}
	every path in ["order/extended_hours", "venue/extended_hours", "venue"] {
		not trading_hours.proven with input as json.remove(extended, [path])
			with data.limits as limits with data.permissions as permitted
	}
}
