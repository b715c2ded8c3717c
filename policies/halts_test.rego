package writ.halts_test

import data.writ.fixtures
import data.writ.halts

everywhere := {"kind": "global", "name": "*"}

quiet := {"drawdown_bps": 0, "day_loss_micros": 0, "rejected_in_a_row": 0, "drift_bps": 0}

facts(index, drawdown) := {
	"known_only": false,
	"market": {"volatility_told": true, "volatility_index_e4": index},
	"accounts": {"main": object.union(quiet, {"drawdown_bps": drawdown})},
}

account(changes) := object.union(facts(1, 0), {"accounts": {"main": changes}})

# What falls outside of the account's own fact, limit and cause.
causes := {
	"OMEGA2_DAILY_LOSS": {"fact": "day_loss_micros", "name": "day_loss_max_micros", "limit": 100},
	"OMEGA2_DRAWDOWN": {"fact": "drawdown_bps", "name": "drawdown_max_bps", "limit": 4000},
	"OMEGA2_DRIFT": {"fact": "drift_bps", "name": "reconciliation_drift_max_bps", "limit": 500},
	"OMEGA2_REJECTIONS": {"fact": "rejected_in_a_row", "name": "rejections_in_a_row_max_count", "limit": 5},
}

of_main(cause, figures) := object.union(
	{"cause": cause, "scope": {"kind": "account", "name": "main"}},
	figures,
)

calm := facts(400000, 4000)

due(document) := triggered if {
	triggered := halts.triggered with input as document with data.limits as fixtures.limits
}

test_calm_at_the_limits if due(calm) == set()

test_calm_without_accounts if due({"market": {"volatility_index_e4": 1}, "accounts": {}}) == set()

test_each_fact_of_an_account_at_and_beyond_its_limit if {
	every cause, of in causes {
		due(account({of.fact: of.limit})) == set()
		due(account({of.fact: of.limit + 1})) == {of_main(cause, {"observed": of.limit + 1, "limit": of.limit})}
	}
}

test_each_fact_of_an_account_missing_or_no_fact if {
	every cause, of in causes {
		due(json.remove(facts(1, 0), [concat("/", ["accounts/main", of.fact])])) == {of_main(cause, {"limit": of.limit})}
		every value in [null, "0", true, 1.5, [], {}] {
			due(account({of.fact: value})) == {of_main(cause, {"limit": of.limit})}
		}
		due(account({of.fact: -1})) == {of_main(cause, {"observed": -1, "limit": of.limit})}
	}
}

test_each_limit_of_zero_or_missing if {
	every cause, of in causes {
		zero := object.union(fixtures.limits, {"global": {of.name: 0}})
		halts.triggered == {of_main(cause, {"observed": 0, "limit": 0})} with input as facts(1, 0)
			with data.limits as zero
		gone := json.remove(fixtures.limits, [concat("/", ["global", of.name])])
		halts.triggered == {of_main(cause, {"observed": 0})} with input as facts(1, 0)
			with data.limits as gone
	}
}

test_each_own_limit_of_an_account_tightens if {
	every cause, of in causes {
		own_of := object.union(fixtures.limits, {"accounts": {"main": {of.name: 3}}})
		halts.triggered == set() with input as account({of.fact: 3}) with data.limits as own_of
		halts.triggered == {of_main(cause, {"observed": 4, "limit": 3})} with input as account({of.fact: 4})
			with data.limits as own_of
	}
}

test_several_at_once_are_several_halts if {
	due(account({"drift_bps": 501, "rejected_in_a_row": 6})) == {
		of_main("OMEGA2_DRIFT", {"observed": 501, "limit": 500}),
		of_main("OMEGA2_REJECTIONS", {"observed": 6, "limit": 5}),
	}
}

test_before_anybody_has_compared_there_is_no_drift if {
	due(account({"drift_bps": "none"})) == set()
	due(account({"rejected_in_a_row": "none"})) == {of_main("OMEGA2_REJECTIONS", {"limit": 5})}
	due(account({"drawdown_bps": "none"})) == {of_main("OMEGA2_DRAWDOWN", {"limit": 4000})}
}

test_where_nobody_has_compared_a_limit_has_to_stand_all_the_same if {
	every limit in [0, -1] {
		halts.triggered == {of_main("OMEGA2_DRIFT", {"limit": limit})} with input as account({"drift_bps": "none"})
			with data.limits as object.union(fixtures.limits, {"global": {"reconciliation_drift_max_bps": limit}})
		halts.triggered == {of_main("OMEGA2_DRIFT", {"limit": limit})} with input as account({"drift_bps": "none"})
			with data.limits as object.union(fixtures.limits, {"accounts": {"main": {"reconciliation_drift_max_bps": limit}}})
	}
}

known(changes) := object.union(changes, {"known_only": true})

test_of_what_is_known_only_what_cannot_be_valued_is_no_news if {
	unvalued := json.remove(facts(1, 0), ["accounts/main/drawdown_bps", "accounts/main/day_loss_micros"])
	due(known(unvalued)) == set()
	due(unvalued) == {
		of_main("OMEGA2_DAILY_LOSS", {"limit": 100}),
		of_main("OMEGA2_DRAWDOWN", {"limit": 4000}),
	}
	every name in ["drift_bps", "rejected_in_a_row"] {
		count(due(known(json.remove(facts(1, 0), [concat("/", ["accounts/main", name])])))) == 1
	}
	every value in [null, "0", -1, true] {
		count(due(known(account({"drawdown_bps": value})))) == 1
	}
	count(due(known(object.union(facts(1, 0), {"accounts": {"main": 5}})))) == 4
	every value in [false, null, 1, "true"] {
		count(due(object.union(unvalued, {"known_only": value}))) == 2
	}
}

test_a_volatility_that_nobody_has_told_of_yet_is_no_halt if {
	silent := json.remove(facts(1, 0), ["market/volatility_index_e4"])
	untold := object.union(silent, {"market": {"volatility_told": false}})
	due(untold) == set()
	count(due(silent)) == 1
	every value in [true, null, 0, "false"] {
		count(due(object.union(silent, {"market": {"volatility_told": value}}))) == 1
	}
	every index in [400001, 0, null, "1"] {
		count(due(object.union(untold, {"market": {"volatility_index_e4": index}}))) == 1
	}
}

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
	every whole in [{}, 5, null, []] {
		document := object.union(facts(1, 0), {"accounts": {"other": quiet}})
		due(object.union(json.remove(document, ["accounts/main"]), {"accounts": {"main": whole}})) == {of_main(cause, {"limit": of.limit}) |
			some cause, of in causes
		}
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
		with data.limits as object.union(fixtures.limits, {"global": {"volatility_index_max_e4": 0, "drawdown_max_bps": 0}})
}

test_limits_missing_stop_everything if {
	of_the_account := {of_main(cause, {"observed": 0}) | some cause, _ in causes}
	expected := of_the_account | {{"cause": "OMEGA2_VOLATILITY", "scope": everywhere, "observed": 1}}
	halts.triggered == expected with input as facts(1, 0) with data.limits as {"global": {}}
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
