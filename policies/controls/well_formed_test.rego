package writ.controls.well_formed_test

import data.writ.controls.well_formed
import data.writ.fixtures

change(section, values) := object.union(fixtures.document, {section: values})

test_the_fixture if {
	well_formed.proven with input as fixtures.document
}

test_not_an_object if {
	every document in [null, true, 5, "text", [], [fixtures.document], {}] {
		not well_formed.proven with input as document
	}
}

test_parts_that_must_be_there if {
	every path in [
		"v", "salt", "ids", "time", "order", "control", "caps", "permission", "overlay",
		"ids/decision_id", "ids/order_id", "ids/client_order_id", "ids/principal",
		"ids/source_signal_id",
		"time/wall_us", "time/market_us", "time/session",
		"order/account", "order/symbol", "order/side", "order/type", "order/time_in_force",
		"order/qty", "order/qty_decimals", "order/price_decimals", "order/limit_price",
		"order/stop_price", "order/strategy_id", "order/reduce_only",
		"order/extended_hours", "order/locate_id", "order/source_run", "order/replaces",
		"replaced/order_id", "replaced/working", "replaced/same", "doubt/orders", "doubt/anomalies",
		"control/mode", "control/omega4_lifted", "control/halted", "control/exit_allowed",
		"market/bid", "market/ask", "market/last", "market/age_ms",
		"market/spread_bps", "market/source", "hours/open", "hours/to_close_ms",
		"venue/lot", "venue/tick", "venue/min_notional_micros", "venue/tradable",
		"venue/shortable", "venue/short_restricted", "venue/types", "venue/times_in_force",
		"venue/reduce_only", "venue/extended_hours", "venue/age_ms",
		"instrument/class", "instrument/sector", "instrument/currency", "instrument/lot",
		"instrument/tick", "instrument/qty_decimals", "instrument/price_decimals",
		"instrument/multiplier", "instrument/min_notional_micros", "instrument/borrow",
		"caps/leverage_max_bps",
		"permission/standing", "permission/mode", "permission/epoch", "permission/venue",
		"permission/account", "permission/strategy", "permission/live_open",
		"permission/exit_open", "permission/day_orders", "permission/orders_per_day_max",
		"permission/notional_per_day_max_micros", "overlay/restricted",
	] {
		not well_formed.proven with input as fixtures.without(path)
	}
}

test_facts_that_may_be_absent if {
	every path in [
		"instrument", "account", "market", "projected", "hours", "venue", "doubt",
		"replaced/filled_qty", "venue/types/stop", "venue/times_in_force/ioc",
		"order/short_window_deviation_bps", "order/long_window_deviation_bps",
		"order/qty_e8", "order/worst_price", "order/notional_micros", "order/price_deviation_bps",
		"account/equity_micros", "account/cash_micros", "account/day_loss_micros",
		"projected/positions_count", "projected/position_notional_micros",
		"projected/gross_exposure_micros", "projected/day_turnover_micros",
		"projected/leverage_bps", "projected/short_notional_micros",
		"projected/margin_debit_micros", "projected/sector_exposure_bps", "projected/reduces",
		"permission/day_notional_micros",
	] {
		well_formed.proven with input as fixtures.without(path)
	}
}

test_unknown_parts if {
	every section in ["ids", "time", "order", "control", "caps", "instrument", "account", "market", "projected", "hours", "venue"] {
		not well_formed.proven with input as change(section, {"unknown": 1})
	}
	not well_formed.proven with input as object.union(fixtures.document, {"unknown": 1})
}

test_sections_of_another_type if {
	every section in ["ids", "time", "order", "control", "caps", "instrument", "account", "market", "projected", "hours", "venue"] {
		every value in [null, false, 5, "text", [], [1]] {
			not well_formed.proven with input as change(section, value)
		}
	}
}

test_hours_and_venue_flags if {
	every pair in [
		["hours", "open"], ["venue", "tradable"], ["venue", "shortable"],
		["venue", "short_restricted"], ["venue", "reduce_only"], ["venue", "extended_hours"],
	] {
		every value in [true, false] {
			well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
		every value in [0, 1, "true", null, []] {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
}

taking(name, value) := object.union(
	fixtures.without("venue"),
	{"venue": object.union(object.remove(fixtures.document.venue, [name]), {name: value})},
)

test_what_a_venue_takes if {
	every name in ["types", "times_in_force"] {
		well_formed.proven with input as taking(name, {})
		every value in [null, 5, ["limit"], {"iceberg": true}, {"limit": 1, "day": 1}, {"limit": "true", "day": "true"}] {
			not well_formed.proven with input as taking(name, value)
		}
	}
}

test_version if {
	every version in [0, 1, 3, "2", null, true] {
		not well_formed.proven with input as change("v", version)
	}
}

test_texts if {
	every pair in [
		["ids", "decision_id"], ["ids", "order_id"], ["ids", "client_order_id"], ["ids", "principal"],
		["ids", "source_signal_id"],
		["order", "account"], ["order", "symbol"], ["order", "strategy_id"], ["time", "session"],
		["instrument", "sector"], ["instrument", "currency"],
	] {
		every value in ["", 5, null, true, [], {}] {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
	every value in ["", 5, null, "XYZ"] {
		not well_formed.proven with input as change("salt", value)
	}
}

test_enumerations if {
	every pair in [
		["order", "side"], ["order", "type"], ["order", "time_in_force"],
		["control", "mode"], ["instrument", "class"], ["market", "source"],
	] {
		every value in ["unknown", "", 1, null, true] {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
}

test_booleans if {
	every name in ["omega4_lifted", "halted", "exit_allowed"] {
		every value in [true, false] {
			well_formed.proven with input as fixtures.with_fact("control", name, value)
		}
		every value in [0, 1, "true", null, []] {
			not well_formed.proven with input as fixtures.with_fact("control", name, value)
		}
	}
}

test_naturals if {
	every pair in [
		["order", "qty_e8"], ["order", "worst_price"], ["order", "notional_micros"],
		["order", "price_deviation_bps"], ["order", "qty_decimals"], ["order", "price_decimals"],
		["account", "day_loss_micros"], ["market", "age_ms"],
		["order", "short_window_deviation_bps"], ["order", "long_window_deviation_bps"],
		["market", "spread_bps"], ["hours", "to_close_ms"],
		["venue", "min_notional_micros"], ["venue", "age_ms"],
		["instrument", "qty_decimals"], ["instrument", "price_decimals"],
		["projected", "positions_count"], ["projected", "position_notional_micros"],
		["projected", "gross_exposure_micros"], ["projected", "day_turnover_micros"],
		["projected", "leverage_bps"], ["projected", "short_notional_micros"],
		["projected", "margin_debit_micros"], ["projected", "sector_exposure_bps"],
		["instrument", "min_notional_micros"], ["caps", "leverage_max_bps"],
	] {
		every value in fixtures.not_natural {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
}

test_flags_of_the_order_and_its_projection if {
	every pair in [["order", "reduce_only"], ["projected", "reduces"]] {
		every value in [true, false] {
			well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
		every value in [0, 1, "true", null, []] {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
}

test_borrow if {
	every value in ["easy", "locate", "none"] {
		well_formed.proven with input as fixtures.with_fact("instrument", "borrow", value)
	}
	every value in ["hard", "", 1, null, true] {
		not well_formed.proven with input as fixtures.with_fact("instrument", "borrow", value)
	}
}

test_caps if {
	every value in ["none", 0, 1, 9007199254740991] {
		well_formed.proven with input as fixtures.with_fact("caps", "positions_max_count", value)
	}
	not well_formed.proven with input as fixtures.with_fact("caps", "positions_max_count", "all")
}

test_positives if {
	every pair in [
		["time", "wall_us"], ["time", "market_us"], ["order", "qty"],
		["market", "bid"], ["market", "ask"], ["market", "last"],
		["instrument", "lot"], ["instrument", "tick"], ["instrument", "multiplier"],
		["venue", "lot"], ["venue", "tick"],
	] {
		every value in array.concat([0], fixtures.not_natural) {
			not well_formed.proven with input as fixtures.with_fact(pair[0], pair[1], value)
		}
	}
}

test_equity_and_cash_may_be_negative if {
	every name in ["equity_micros", "cash_micros"] {
		every value in [-1, 0, 1] {
			well_formed.proven with input as fixtures.with_fact("account", name, value)
		}
		every value in ["1", null, true, 1.5, 9007199254740992, -9007199254740992] {
			not well_formed.proven with input as fixtures.with_fact("account", name, value)
		}
	}
}

test_prices_belong_to_the_type if {
	every row in [
		["market", "none", "none"], ["limit", 500, "none"],
		["stop", "none", 500], ["stop_limit", 500, 500],
	] {
		well_formed.proven with input as priced(row[0], row[1], row[2])
	}
	every row in [
		["market", 500, "none"], ["market", "none", 500], ["market", 500, 500],
		["limit", "none", "none"], ["limit", "none", 500], ["limit", 500, 500],
		["stop", "none", "none"], ["stop", 500, "none"], ["stop", 500, 500],
		["stop_limit", "none", "none"], ["stop_limit", 500, "none"], ["stop_limit", "none", 500],
		["limit", 0, "none"], ["limit", -500, "none"], ["limit", "500", "none"], ["limit", null, "none"],
		["market", null, "none"], ["market", "none", null],
	] {
		not well_formed.proven with input as priced(row[0], row[1], row[2])
	}
}

test_the_counted_quantity_is_the_quantity if {
	every row in [[10, 0, 1000000000], [1, 8, 1], [125, 2, 125000000]] {
		well_formed.proven with input as change("order", {"qty": row[0], "qty_decimals": row[1], "qty_e8": row[2]})
	}
	every row in [[10, 0, 1], [10, 0, 999999999], [10, 1, 1000000000]] {
		not well_formed.proven with input as change("order", {"qty": row[0], "qty_decimals": row[1], "qty_e8": row[2]})
	}
}

test_a_crossed_quote if {
	well_formed.proven with input as change("market", {"bid": 500, "ask": 500})
	not well_formed.proven with input as change("market", {"bid": 501, "ask": 500})
}

priced(type, limit_price, stop_price) := change("order", {
	"type": type,
	"limit_price": limit_price,
	"stop_price": stop_price,
})

test_orders_in_doubt_are_counted if {
	every name in ["orders", "anomalies"] {
		every value in fixtures.not_natural {
			not well_formed.proven with input as change("doubt", {"orders": 9, name: value})
		}
	}
	every value in fixtures.not_natural {
		not well_formed.proven with input as object.union(fixtures.without("doubt"), {"doubt": value})
	}
	well_formed.proven with input as change("doubt", {"orders": 2, "anomalies": 2})
	not well_formed.proven with input as change("doubt", {"orders": 1, "anomalies": 2})
	not well_formed.proven with input as change("doubt", {"unknown": 1})
}

test_an_order_with_an_end_of_its_own_names_it if {
	now := fixtures.document.time.market_us
	gtd := change("order", {"time_in_force": "gtd"})
	well_formed.proven with input as object.union(gtd, {"order": {"expires_us": now + 1}})
	not well_formed.proven with input as gtd
	every value in array.concat([0, 1, now - 1, now], fixtures.not_natural) {
		not well_formed.proven with input as object.union(gtd, {"order": {"expires_us": value}})
	}
	every tif in ["day", "gtc", "ioc", "fok"] {
		not well_formed.proven with input as change("order", {"time_in_force": tif, "expires_us": now + 1})
	}
}

test_the_replaced_order_may_be_absent if {
	well_formed.proven with input as fixtures.without("replaced")
}

test_what_is_said_of_the_replaced_order if {
	every value in [null, false, 5, "text", [], [1], {"unknown": 1}] {
		not well_formed.proven with input as object.union(fixtures.without("replaced"), {"replaced": value})
	}
	not well_formed.proven with input as fixtures.with_fact("replaced", "unknown", 1)
	every name in ["working", "same"] {
		well_formed.proven with input as fixtures.with_fact("replaced", name, false)
		every value in [0, "true", null] {
			not well_formed.proven with input as fixtures.with_fact("replaced", name, value)
		}
	}
	every value in ["", 5, null, true, "a b"] {
		not well_formed.proven with input as fixtures.with_fact("replaced", "order_id", value)
	}
}

test_the_whole_ticket if {
	every name in ["locate_id", "source_run", "replaces"] {
		well_formed.proven with input as fixtures.with_fact("order", name, "id-1")
		every value in ["", 5, null, true, "a b"] {
			not well_formed.proven with input as fixtures.with_fact("order", name, value)
		}
	}
	every name in ["reduce_only", "extended_hours"] {
		well_formed.proven with input as fixtures.with_fact("order", name, true)
		every value in [0, "true", null] {
			not well_formed.proven with input as fixtures.with_fact("order", name, value)
		}
	}
	every side in ["buy", "sell", "sell_short"] {
		well_formed.proven with input as fixtures.with_fact("order", "side", side)
	}
}

words := {
	"volatility_e4": 100, "regime": "NORMAL", "entropy_e4": 100, "drift_e4": 100,
	"data_integrity": true, "protocol_firing": true,
}

word(name, reading) := fixtures.with_fact("model", name, reading)

test_a_model_says_what_it_says if {
	well_formed.proven with input as fixtures.without("model")
	every name, value in words {
		well_formed.proven with input as fixtures.without(concat("/", ["model", name]))
		well_formed.proven with input as word(name, {"value": value, "age_ms": 0, "source": "s"})
	}
	every value in ["CALM", "NORMAL", "STRESSED", "CRISIS"] {
		well_formed.proven with input as word("regime", {"value": value})
	}
	every name in ["data_integrity", "protocol_firing"] {
		well_formed.proven with input as word(name, {"value": false})
	}
}

test_a_word_of_a_model_is_whole if {
	every name in object.keys(words) {
		every part in ["value", "age_ms", "source"] {
			not well_formed.proven with input as fixtures.without(concat("/", ["model", name, part]))
		}
		every reading in [{"more": 1}, {"age_ms": -1}, {"age_ms": "1"}, {"source": ""}, {"source": 1}] {
			not well_formed.proven with input as word(name, reading)
		}
		every value in [null, -1, 1.5, "", [], {"a": 1}] {
			not well_formed.proven with input as word(name, {"value": value})
		}
	}
	not well_formed.proven with input as word("temper", {"value": 1, "age_ms": 1, "source": "s"})
	not well_formed.proven with input as word("regime", {"value": "PANIC"})
	not well_formed.proven with input as word("regime", {"value": true})
	not well_formed.proven with input as word("drift_e4", {"value": true})
	not well_formed.proven with input as word("data_integrity", {"value": 1})
	not well_formed.proven with input as change("model", "healthy")
}

test_provenance_and_override_may_be_absent if {
	well_formed.proven with input as fixtures.without("provenance")
	well_formed.proven with input as fixtures.without("override")
}

test_provenance_is_typed if {
	every change in [
		{"source_run": ""}, {"source_run": "a b"}, {"source_run": null}, {"attested": 1}, {"attested": "true"},
		{"attested": null}, {"by": ""}, {"by": 5}, {"more": "x"},
	] {
		not well_formed.proven with input as object.union(fixtures.document, {"provenance": change})
	}
	every name in ["source_run", "attested", "by"] {
		not well_formed.proven with input as fixtures.without(concat("/", ["provenance", name]))
	}
}

test_override_is_typed if {
	every change in [{"control": ""}, {"control": null}, {"override_id": "a b"}, {"override_id": 1}, {"by": true}, {"more": "x"}] {
		not well_formed.proven with input as object.union(fixtures.document, {"override": change})
	}
	every name in ["control", "override_id", "by"] {
		not well_formed.proven with input as fixtures.without(concat("/", ["override", name]))
	}
}

rated(rates) := object.union(fixtures.without("rates"), {"rates": rates})

test_rates_by_currency if {
	well_formed.proven with input as rated({})
	well_formed.proven with input as rated({"EUR": {"rate_e8": 1, "age_ms": 0}, "JPY": {"rate_e8": 9007199254740991, "age_ms": 1}})
	not well_formed.proven with input as fixtures.without("rates")
	every rates in [
		null, [], "EUR", {"EUR": 1}, {"EUR": {}}, {"euro": {"rate_e8": 1, "age_ms": 0}},
		{"EUR": {"rate_e8": 1}}, {"EUR": {"age_ms": 0}}, {"EUR": {"rate_e8": 1, "age_ms": 0, "by": "x"}},
		{"EUR": {"rate_e8": 0, "age_ms": 0}}, {"EUR": {"rate_e8": 1, "age_ms": -1}},
		{"EUR": {"rate_e8": "1", "age_ms": 0}}, {"EUR": {"rate_e8": 1.5, "age_ms": 0}},
	] {
		not well_formed.proven with input as rated(rates)
	}
}

test_shares_of_an_account_are_not_below_zero if {
	every name in ["drawdown_bps", "maintenance_margin_bps", "day_loss_micros"] {
		well_formed.proven with input as fixtures.with_fact("account", name, 0)
		well_formed.proven with input as fixtures.without(concat("/", ["account", name]))
		every value in fixtures.not_natural {
			not well_formed.proven with input as fixtures.with_fact("account", name, value)
		}
	}
}

test_activity_may_be_unknown_and_nothing_may_stand_opposite if {
	well_formed.proven with input as fixtures.without("activity")
	well_formed.proven with input as fixtures.with_fact("activity", "opposite_price", "none")
	well_formed.proven with input as fixtures.with_fact("activity", "opposite_price", 500)
	every value in array.concat([0, "some"], fixtures.not_natural) {
		not well_formed.proven with input as fixtures.with_fact("activity", "opposite_price", value)
	}
}

test_permission_without_a_manifest if {
	well_formed.proven with input as change("permission", {
		"standing": false,
		"mode": "none",
		"epoch": "none",
		"orders_per_day_max": "none",
		"notional_per_day_max_micros": "none",
	})
}

test_permission_is_typed if {
	every values in [
		{"standing": "true"}, {"venue": 1}, {"account": null}, {"strategy": "none"}, {"live_open": 0},
		{"exit_open": []}, {"mode": "SIMULATION"}, {"mode": null}, {"epoch": -1}, {"epoch": "1"},
		{"day_orders": 0}, {"day_orders": 1.5}, {"orders_per_day_max": null},
		{"notional_per_day_max_micros": 9007199254740992}, {"day_notional_micros": -1},
		{"day_notional_micros": "none"}, {"more": true},
	] {
		not well_formed.proven with input as change("permission", values)
	}
	every value in [null, true, 5, "text", []] {
		not well_formed.proven with input as object.union(json.remove(fixtures.document, ["permission"]), {"permission": value})
	}
}

test_overlay_is_typed if {
	every values in [{"restricted": "false"}, {"restricted": 0}, {"restricted": null}, {"more": true}] {
		not well_formed.proven with input as change("overlay", values)
	}
	every value in [null, true, 5, "text", []] {
		not well_formed.proven with input as object.union(json.remove(fixtures.document, ["overlay"]), {"overlay": value})
	}
}
