package writ.halts_test

import data.writ.fixtures
import data.writ.halts

everywhere := {"kind": "global", "name": "*"}

facts(index, drawdown) := {
	"market": {"volatility_index_e4": index},
	"accounts": {"main": {"drawdown_bps": drawdown}},
}

calm := facts(400000, 4000)

due(document) := triggered if {
	triggered := halts.triggered with input as document with data.limits as fixtures.limits
}

test_calm_at_the_limits if due(calm) == set()

test_calm_without_accounts if due({"market": {"volatility_index_e4": 1}, "accounts": {}}) == set()

test_volatility_beyond if {
	due(facts(400001, 0)) == {{
		"cause": "OMEGA2_VOLATILITY",
		"scope": everywhere,
		"observed": 400001,
		"limit": 400000,
	}}
}

test_volatility_missing if {
	every market in [{}, {"volatility_index_e4": null}, {"volatility_index_e4": "1"}, 5, null] {
		due({"market": market, "accounts": calm.accounts}) == {{
			"cause": "OMEGA2_VOLATILITY",
			"scope": everywhere,
			"limit": 400000,
		}}
	}
	due(json.remove(calm, ["market"])) == {{
		"cause": "OMEGA2_VOLATILITY",
		"scope": everywhere,
		"limit": 400000,
	}}
}

test_volatility_of_zero_or_less if {
	every index in [0, -1] {
		due(facts(index, 0)) == {{
			"cause": "OMEGA2_VOLATILITY",
			"scope": everywhere,
			"observed": index,
			"limit": 400000,
		}}
	}
}

test_drawdown_beyond if {
	due(facts(1, 4001)) == {{
		"cause": "OMEGA2_DRAWDOWN",
		"scope": {"kind": "account", "name": "main"},
		"observed": 4001,
		"limit": 4000,
	}}
}

test_drawdown_missing_stops_that_account_only if {
	every account in [{}, {"drawdown_bps": null}, {"drawdown_bps": "0"}, 5, null, []] {
		due({
			"market": {"volatility_index_e4": 1},
			"accounts": {"main": account, "other": {"drawdown_bps": 0}},
		}) == {{
			"cause": "OMEGA2_DRAWDOWN",
			"scope": {"kind": "account", "name": "main"},
			"limit": 4000,
		}}
	}
}

test_drawdown_negative if {
	due(facts(1, -1)) == {{
		"cause": "OMEGA2_DRAWDOWN",
		"scope": {"kind": "account", "name": "main"},
		"observed": -1,
		"limit": 4000,
	}}
}

test_accounts_unknown_stop_everything if {
	halt := {"cause": "OMEGA2_DRAWDOWN", "scope": everywhere}
	every accounts in [null, 5, "main", [], [{"drawdown_bps": 0}]] {
		due({"market": {"volatility_index_e4": 1}, "accounts": accounts}) == {halt}
	}
	due({"market": {"volatility_index_e4": 1}}) == {halt}
}

test_limits_of_zero_stop_everything if {
	halts.triggered == {
		{"cause": "OMEGA2_VOLATILITY", "scope": everywhere, "observed": 1, "limit": 0},
		{
			"cause": "OMEGA2_DRAWDOWN",
			"scope": {"kind": "account", "name": "main"},
			"observed": 0,
			"limit": 0,
		},
	}
		with input as facts(1, 0)
		with data.limits as {"global": {"volatility_index_max_e4": 0, "drawdown_max_bps": 0}}
}

test_limits_missing_stop_everything if {
	halts.triggered == {
		{"cause": "OMEGA2_VOLATILITY", "scope": everywhere, "observed": 1},
		{
			"cause": "OMEGA2_DRAWDOWN",
			"scope": {"kind": "account", "name": "main"},
			"observed": 0,
		},
	}
		with input as facts(1, 0) with data.limits as {"global": {}}
}

test_a_document_that_cannot_be_read_stops_everything if {
	every document in [null, 5, "text", []] {
		due(document) == {
			{"cause": "OMEGA2_VOLATILITY", "scope": everywhere, "limit": 400000},
			{"cause": "OMEGA2_DRAWDOWN", "scope": everywhere},
		}
	}
}

own(limit) := object.union(fixtures.limits, {"accounts": {"main": {"drawdown_max_bps": limit}}})

test_the_own_limit_of_an_account_tightens if {
	halts.triggered == {{
		"cause": "OMEGA2_DRAWDOWN",
		"scope": {"kind": "account", "name": "main"},
		"observed": 101,
		"limit": 100,
	}}
		with input as facts(1, 101)
		with data.limits as own(100)
	halts.triggered == set() with input as facts(1, 100) with data.limits as own(100)
}

test_the_own_limit_of_an_account_never_loosens if {
	halts.triggered == {{
		"cause": "OMEGA2_DRAWDOWN",
		"scope": {"kind": "account", "name": "main"},
		"observed": 4001,
		"limit": 4000,
	}}
		with input as facts(1, 4001)
		with data.limits as own(5000)
}

test_an_own_limit_that_is_none_stops_the_account if {
	every limit in [0, -1] {
		halts.triggered == {{
			"cause": "OMEGA2_DRAWDOWN",
			"scope": {"kind": "account", "name": "main"},
			"observed": 0,
			"limit": limit,
		}}
			with input as facts(1, 0)
			with data.limits as own(limit)
	}
	every limit in ["1", null, true] {
		halts.triggered == {{
			"cause": "OMEGA2_DRAWDOWN",
			"scope": {"kind": "account", "name": "main"},
			"observed": 0,
			"limit": 4000,
		}}
			with input as facts(1, 0)
			with data.limits as own(limit)
	}
}

test_the_limit_of_another_account_does_not_count if {
	limits := object.union(fixtures.limits, {"accounts": {"other": {"drawdown_max_bps": 0}}})
	halts.triggered == set() with input as calm with data.limits as limits
}
