package writ.controls.repeated_execution_test

import data.writ.controls.repeated_execution
import data.writ.fixtures
import data.writ.main

limits := {"global": {"repeated_orders_max_count": 5}}

counted(value) := fixtures.with_fact("activity", "repeated_300s_count", value)

test_at_the_limit if {
	repeated_execution.proven with input as counted(5) with data.limits as limits
}

test_one_beyond if {
	not repeated_execution.proven with input as counted(6) with data.limits as limits
}

test_the_first_one if {
	repeated_execution.proven with input as counted(1) with data.limits as limits
}

test_a_limit_of_one if {
	repeated_execution.proven with input as counted(1) with data.limits as {"global": {"repeated_orders_max_count": 1}}
	not repeated_execution.proven with input as counted(2) with data.limits as {"global": {"repeated_orders_max_count": 1}}
}

test_a_count_without_the_order_itself_proves_nothing if {
	not repeated_execution.proven with input as counted(0) with data.limits as limits
}

test_limit_of_zero if {
	not repeated_execution.proven with input as counted(1) with data.limits as {"global": {"repeated_orders_max_count": 0}}
}

test_limit_missing if {
	not repeated_execution.proven with input as counted(1) with data.limits as {"global": {}}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not repeated_execution.proven with input as counted(1) with data.limits as {"global": {"repeated_orders_max_count": limit}}
	}
}

test_a_strategy_is_held_to_less if {
	tighter := object.union(limits, {"strategies": {"momentum": {"repeated_orders_max_count": 2}}})
	document := object.union(counted(3), {"order": {"strategy_id": "momentum"}})
	not repeated_execution.proven with input as document with data.limits as tighter
	repeated_execution.proven with input as counted(3) with data.limits as tighter
}

test_an_account_cannot_be_given_more if {
	looser := object.union(limits, {"accounts": {"main": {"repeated_orders_max_count": 9}}})
	not repeated_execution.proven with input as counted(6) with data.limits as looser
}

test_fact_missing if {
	not repeated_execution.proven with input as fixtures.without("activity/repeated_300s_count") with data.limits as limits
}

test_section_missing if {
	not repeated_execution.proven with input as fixtures.without("activity") with data.limits as limits
}

test_fact_of_another_type if {
	every value in fixtures.not_natural {
		not repeated_execution.proven with input as counted(value) with data.limits as limits
	}
}

test_what_is_observed if {
	repeated_execution.observed == 6 with input as counted(6) with data.limits as limits
}

test_a_strategy_that_exceeds_it_is_halted if {
	document := object.union(counted(6), {"order": {"strategy_id": "momentum"}})
	halt := repeated_execution.latch with input as document with data.limits as limits
	halt == {"cause": "REPEATED_EXECUTION", "scope": {"kind": "strategy", "name": "momentum"}}
}

test_without_a_strategy_the_account_is_halted if {
	halt := repeated_execution.latch with input as counted(6) with data.limits as limits
	halt == {"cause": "REPEATED_EXECUTION", "scope": {"kind": "account", "name": "main"}}
}

test_nothing_is_halted_within_the_limit if {
	not repeated_execution.latch with input as counted(5) with data.limits as limits
}

test_nothing_is_halted_for_what_cannot_be_read if {
	not repeated_execution.latch with input as fixtures.without("activity") with data.limits as limits
	not repeated_execution.latch with input as counted("6") with data.limits as limits
	not repeated_execution.latch with input as counted(6) with data.limits as {"global": {"repeated_orders_max_count": 0}}
	not repeated_execution.latch with input as counted(6) with data.limits as {"global": {}}
}

test_the_verdict_asks_for_the_halt if {
	short := {"global": object.union(fixtures.global_limits, {"repeated_orders_max_count": 5})}
	document := object.union(counted(6), {"order": {"strategy_id": "momentum"}})
	verdict := main.decision with input as document with data.limits as short with data.instruments as fixtures.instruments
	not verdict.allow
	verdict.halts == {{
		"cause": "REPEATED_EXECUTION",
		"scope": {"kind": "strategy", "name": "momentum"},
		"observed": 6,
		"limit": 5,
	}}
}

let_through(control, projected) := object.union(
	fixtures.exit,
	{
		"activity": {"repeated_300s_count": 6},
		"control": object.union({"halted": true, "exit_allowed": true}, control),
		"projected": projected,
	},
)

test_an_exit_passes_where_exits_are_let_through if {
	repeated_execution.proven with input as let_through({}, {}) with data.limits as limits
}

test_an_exit_is_counted_where_nothing_lets_it_through if {
	not repeated_execution.proven with input as let_through({"halted": false}, {}) with data.limits as limits
	not repeated_execution.proven with input as let_through({"exit_allowed": false}, {}) with data.limits as limits
	not repeated_execution.proven with input as let_through({}, {"reduces": false}) with data.limits as limits
}
