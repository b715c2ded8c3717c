# METADATA
# title: A document that every control proves
# description: The tests change it in one place at a time. Part of the tests, never of a release.
package writ.fixtures

document := {
	"v": 2,
	"salt": "0123456789abcdef0123456789abcdef",
	"ids": {
		"decision_id": "dec_1",
		"order_id": "ord_1",
		"client_order_id": "none",
		"source_signal_id": "none",
		"principal": "strategy-a",
	},
	"time": {"wall_us": 1440441000000000, "market_us": 1440441000000000, "session": "2015-08-24"},
	"order": {
		"account": "main",
		"symbol": "ACME",
		"side": "buy",
		"type": "limit",
		"time_in_force": "day",
		"qty": 10,
		"qty_decimals": 0,
		"price_decimals": 4,
		"limit_price": 500,
		"stop_price": "none",
		"strategy_id": "none",
		"reduce_only": false,
		"extended_hours": false,
		"locate_id": "none",
		"source_run": "run-1",
		"replaces": "ord_0",
		"qty_e8": 1000000000,
		"worst_price": 500,
		"notional_micros": 100,
		"price_deviation_bps": 100,
		"equity_share_bps": 100,
		"short_window_deviation_bps": 100,
		"long_window_deviation_bps": 100,
	},
	"instrument": instruments.ACME,
	"account": {
		"equity_micros": 100,
		"cash_micros": 100,
		"day_loss_micros": 100,
		"drawdown_bps": 100,
		"maintenance_margin_bps": 100,
	},
	"rates": {"EUR": {"rate_e8": 110000000, "age_ms": 100}},
	"market": {"bid": 490, "ask": 500, "last": 495, "age_ms": 100, "spread_bps": 100, "source": "primary"},
	"hours": {"open": true, "to_close_ms": 100},
	"venue": {
		"lot": 10,
		"tick": 100,
		"min_notional_micros": 0,
		"tradable": true,
		"shortable": true,
		"short_restricted": false,
		"types": {"market": true, "limit": true, "stop": true, "stop_limit": true},
		"times_in_force": {"day": true, "gtc": true, "ioc": true, "fok": true, "gtd": true},
		"reduce_only": true,
		"extended_hours": false,
		"age_ms": 100,
	},
	"projected": {
		"positions_count": 100,
		"position_notional_micros": 100,
		"gross_exposure_micros": 100,
		"day_turnover_micros": 100,
		"leverage_bps": 100,
		"short_notional_micros": 100,
		"margin_debit_micros": 100,
		"sector_exposure_bps": 100,
		"asset_exposure_bps": 100,
		"initial_margin_bps": 100,
		"reduces": false,
	},
	"replaced": {"order_id": "ord_0", "working": true, "same": true, "filled_qty": 100},
	"doubt": {"orders": 0, "anomalies": 0},
	"activity": {
		"messages_1s_count": 100,
		"messages_60s_count": 100,
		"identical_60s_count": 100,
		"repeated_300s_count": 100,
		"opposite_price": 501,
	},
	"model": {
		"volatility_e4": {"value": 100, "age_ms": 100, "source": "monitor"},
		"regime": {"value": "CRISIS", "age_ms": 100, "source": "monitor"},
		"entropy_e4": {"value": 100, "age_ms": 100, "source": "monitor"},
		"drift_e4": {"value": 100, "age_ms": 100, "source": "monitor"},
		"data_integrity": {"value": true, "age_ms": 100, "source": "monitor"},
		"protocol_firing": {"value": true, "age_ms": 100, "source": "monitor"},
	},
	"control": {"mode": "SIMULATION", "omega4_lifted": true, "halted": false, "exit_allowed": false},
	"permission": {
		"standing": true,
		"mode": "PAPER",
		"epoch": 1,
		"venue": true,
		"account": true,
		"strategy": true,
		"live_open": false,
		"exit_open": false,
		"day_orders": 100,
		"day_notional_micros": 100,
		"orders_per_day_max": 100,
		"notional_per_day_max_micros": 100,
	},
	"overlay": {"restricted": false},
	"provenance": {"source_run": "run-1", "attested": true, "by": "alice"},
	"override": {"control": "REG-01", "override_id": "ovr_1", "by": "carol"},
	"caps": {
		"day_turnover_max_micros": "none",
		"gross_exposure_max_micros": "none",
		"leverage_max_bps": "none",
		"margin_debit_max_micros": "none",
		"order_notional_max_micros": "none",
		"position_notional_max_micros": "none",
		"positions_max_count": "none",
		"short_notional_max_micros": "none",
	},
}

# An order that only reduces: the account is long, and it sells.
exit := object.union(document, {
	"order": {"side": "sell", "reduce_only": true},
	"projected": {"reduces": true, "short_notional_micros": 0},
})

instruments := {"ACME": {
	"class": "equity",
	"sector": "Industrials",
	"currency": "USD",
	"qty_decimals": 0,
	"price_decimals": 4,
	"lot": 10,
	"tick": 100,
	"multiplier": 1,
	"min_notional_micros": 0,
	"borrow": "easy",
}}

permissions := {"*": {
	"principals": {"*": true},
	"classes": {"equity": true, "etf": true, "crypto": true},
	"extended_hours": false,
}}

restricted := {"OTHER": true}

compliance_symbols := {"OTHER": true}

base_currency := "USD"

limits := {"global": global_limits, "accounts": {}, "strategies": {}, "symbols": {}}

global_limits := {
	"order_share_max_bps": 100,
	"order_notional_max_micros": 100,
	"order_qty_max_e8": 1000000000,
	"price_collar_max_bps": 100,
	"quote_age_max_ms": 100,
	"close_buffer_min_ms": 100,
	"price_collar_long_max_bps": 100,
	"price_collar_short_max_bps": 100,
	"spread_max_bps": 100,
	"venue_age_max_ms": 100,
	"positions_max_count": 100,
	"position_notional_max_micros": 100,
	"gross_exposure_max_micros": 100,
	"day_turnover_max_micros": 100,
	"leverage_max_bps": 100,
	"short_notional_max_micros": 100,
	"margin_debit_max_micros": 100,
	"day_loss_max_micros": 100,
	"sector_exposure_max_bps": 100,
	"approval_age_max_ms": 300000,
	"volatility_index_max_e4": 400000,
	"drawdown_max_bps": 4000,
	"asset_exposure_max_bps": 100,
	"initial_margin_min_bps": 100,
	"maintenance_margin_min_bps": 100,
	"exchange_rate_age_max_ms": 100,
	"crisis_buy_max_bps": 100,
	"compliance_notional_max_micros": 1000,
	"drift_max_e4": 100,
	"entropy_max_e4": 100,
	"model_age_max_ms": 100,
	"messages_per_second_max_count": 100,
	"messages_per_minute_max_count": 100,
	"identical_orders_max_count": 100,
	"repeated_orders_max_count": 100,
	"reconciliation_drift_max_bps": 500,
	"rejections_in_a_row_max_count": 5,
}

not_natural := [-1, 1.5, 9007199254740992, "100", null, true, [100], {"a": 100}]

with_fact(section, name, value) := object.union(document, {section: {name: value}})

without(path) := json.remove(document, [path])
