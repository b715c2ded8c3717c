# METADATA
# title: Well formed
# description: |
#   Every part of the document is there that the other controls take for granted, every value is
#   of its type and range, and no part is unknown. A fact that could not be had is absent and is
#   refused by the control that needs it, not by this one.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: INP-01
#   severity: critical
#   owner: engineering
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(ii)
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - caps
#     - account
#     - activity
#     - control
#     - doubt
#     - hours
#     - ids
#     - instrument
#     - market
#     - model
#     - order
#     - overlay
#     - override
#     - permission
#     - projected
#     - rates
#     - provenance
#     - replaced
#     - salt
#     - time
#     - v
#     - venue
#   limits: []
#   remedy: |
#     A fact is out of range or the document was not made by this version of the gateway; see
#     the input document of the decision.
# schemas:
#   - input: schema.document
package writ.controls.well_formed

import data.writ.lib.num
import data.writ.lib.shape

proven if {
	shape.closed(
		input,
		{"v", "salt", "ids", "time", "order", "rates", "control", "permission", "overlay", "caps"},
		{"instrument", "account", "market", "model", "projected", "activity", "replaced", "doubt", "hours", "venue", "provenance", "override"},
	)
	input.v == 2
	shape.salt(input.salt)
	ids_typed
	time_typed
	order_typed
	order_consistent
	control_typed
	permission_typed
	overlay_typed
	caps_typed
	provenance_typed
	override_typed
	instrument_typed
	account_typed
	market_typed
	hours_typed
	venue_typed
	model_typed
	projected_typed
	rates_typed
	activity_typed
	replaced_typed
	doubt_typed
}

ids_typed if {
	shape.closed(
		input.ids,
		{"decision_id", "order_id", "client_order_id", "principal", "source_signal_id"},
		set(),
	)
	every id in input.ids {
		shape.identifier(id)
	}
}

time_typed if {
	shape.closed(input.time, {"wall_us", "market_us", "session"}, set())
	num.positive(input.time.wall_us)
	num.positive(input.time.market_us)
	shape.date(input.time.session)
}

# What is left out when it cannot be computed.
computed := {"qty_e8", "worst_price", "notional_micros", "price_deviation_bps", "short_window_deviation_bps", "long_window_deviation_bps", "equity_share_bps"}

order_typed if {
	shape.closed(
		input.order,
		{
			"account", "symbol", "side", "type", "time_in_force", "qty", "qty_decimals",
			"price_decimals", "limit_price", "stop_price", "strategy_id", "reduce_only",
			"extended_hours", "locate_id", "source_run", "replaces",
		},
		computed | {"expires_us"},
	)
	shape.identifier(input.order.account)
	shape.symbol(input.order.symbol)
	shape.identifier(input.order.strategy_id)
	input.order.side in {"buy", "sell", "sell_short"}
	input.order.type in {"market", "limit", "stop", "stop_limit"}
	input.order.time_in_force in {"day", "gtc", "ioc", "fok", "gtd"}
	is_boolean(input.order.reduce_only)
	is_boolean(input.order.extended_hours)
	shape.identifier(input.order.locate_id)
	shape.identifier(input.order.source_run)
	shape.identifier(input.order.replaces)
	num.positive(input.order.qty)
	shape.decimals(input.order.qty_decimals)
	shape.decimals(input.order.price_decimals)
	every name in computed {
		shape.natural_or_absent(input.order, name)
	}
}

order_consistent if {
	priced(input.order.limit_price, {"limit", "stop_limit"})
	priced(input.order.stop_price, {"stop", "stop_limit"})
	quantity_consistent
	expiry_consistent
}

# A price stands exactly where the type of the order has one.
priced(price, types) if {
	input.order.type in types
	num.positive(price)
}

priced("none", types) if not input.order.type in types

# An order has an end of its own, which is to come, exactly where its time in force says so.
expiry_consistent if {
	input.order.time_in_force != "gtd"
	not "expires_us" in object.keys(input.order)
}

expiry_consistent if {
	input.order.time_in_force == "gtd"
	num.positive(input.order.expires_us)
	input.order.expires_us > input.time.market_us
}

# What is counted is what is sent: one unit is 10^8 at 8 decimals.
units_e8 := [100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1]

quantity_consistent if not "qty_e8" in object.keys(input.order)

quantity_consistent if input.order.qty_e8 == input.order.qty * units_e8[input.order.qty_decimals]

control_typed if {
	shape.closed(input.control, {"mode", "omega4_lifted", "halted", "exit_allowed"}, set())
	input.control.mode in {"RESEARCH", "SIMULATION", "PAPER", "LIVE"}
	is_boolean(input.control.omega4_lifted)
	is_boolean(input.control.halted)
	is_boolean(input.control.exit_allowed)
}

said_of_permission := {"standing", "venue", "account", "strategy", "live_open", "exit_open"}

# What the day comes to is not known where the order's own value is not.
permission_typed if {
	shape.closed(
		input.permission,
		said_of_permission | {"mode", "epoch", "day_orders", "orders_per_day_max", "notional_per_day_max_micros"},
		{"day_notional_micros"},
	)
	input.permission.mode in {"PAPER", "LIVE", "none"}
	every name in said_of_permission {
		is_boolean(input.permission[name])
	}
	num.positive(input.permission.day_orders)
	every name in ["epoch", "orders_per_day_max", "notional_per_day_max_micros"] {
		cap_typed(input.permission[name])
	}
	shape.natural_or_absent(input.permission, "day_notional_micros")
}

overlay_typed if {
	shape.closed(input.overlay, {"restricted"}, set())
	is_boolean(input.overlay.restricted)
}

caps_typed if {
	shape.closed(
		input.caps,
		{
			"day_turnover_max_micros", "gross_exposure_max_micros", "leverage_max_bps",
			"margin_debit_max_micros", "order_notional_max_micros",
			"position_notional_max_micros", "positions_max_count", "short_notional_max_micros",
		},
		set(),
	)
	every cap in input.caps {
		cap_typed(cap)
	}
}

cap_typed("none")

cap_typed(cap) if num.natural(cap)

absent(section) if not section in object.keys(input)

provenance_typed if absent("provenance")

provenance_typed if {
	shape.closed(input.provenance, {"source_run", "attested", "by"}, set())
	shape.identifier(input.provenance.source_run)
	shape.identifier(input.provenance.by)
	is_boolean(input.provenance.attested)
}

override_typed if absent("override")

override_typed if {
	shape.closed(input.override, {"control", "override_id", "by"}, set())
	every part in input.override {
		shape.identifier(part)
	}
}

instrument_typed if absent("instrument")

instrument_typed if {
	shape.closed(
		input.instrument,
		{"class", "sector", "currency", "qty_decimals", "price_decimals", "lot", "tick", "multiplier", "min_notional_micros", "borrow"},
		set(),
	)
	input.instrument.class in {"equity", "etf", "crypto"}
	shape.label(input.instrument.sector)
	shape.currency(input.instrument.currency)
	shape.decimals(input.instrument.qty_decimals)
	shape.decimals(input.instrument.price_decimals)
	num.positive(input.instrument.lot)
	num.positive(input.instrument.tick)
	num.positive(input.instrument.multiplier)
	num.natural(input.instrument.min_notional_micros)
	input.instrument.borrow in {"easy", "locate", "none"}
}

account_typed if absent("account")

# Equity and cash may be below zero; a loss may not, because a gain is a loss of zero, nor a share.
account_typed if {
	shape.closed(
		input.account,
		set(),
		{"equity_micros", "cash_micros", "day_loss_micros", "drawdown_bps", "maintenance_margin_bps"},
	)
	every value in input.account {
		num.integer(value)
	}
	every name in ["day_loss_micros", "drawdown_bps", "maintenance_margin_bps"] {
		object.get(input.account, name, 0) >= 0
	}
}

market_typed if absent("market")

market_typed if {
	shape.closed(input.market, {"bid", "ask", "last", "age_ms", "spread_bps", "source"}, set())
	num.positive(input.market.bid)
	num.positive(input.market.ask)
	num.positive(input.market.last)
	num.natural(input.market.age_ms)
	num.natural(input.market.spread_bps)
	input.market.source in {"primary", "secondary"}
	input.market.bid <= input.market.ask
}

hours_typed if absent("hours")

hours_typed if {
	shape.closed(input.hours, {"open", "to_close_ms"}, set())
	is_boolean(input.hours.open)
	num.natural(input.hours.to_close_ms)
}

venue_typed if absent("venue")

venue_typed if {
	shape.closed(
		input.venue,
		{
			"lot", "tick", "min_notional_micros", "tradable", "shortable", "short_restricted",
			"types", "times_in_force", "reduce_only", "extended_hours", "age_ms",
		},
		set(),
	)
	num.positive(input.venue.lot)
	num.positive(input.venue.tick)
	num.natural(input.venue.min_notional_micros)
	is_boolean(input.venue.tradable)
	is_boolean(input.venue.shortable)
	is_boolean(input.venue.short_restricted)
	taken_typed(input.venue.types, {"market", "limit", "stop", "stop_limit"})
	taken_typed(input.venue.times_in_force, {"day", "gtc", "ioc", "fok", "gtd"})
	is_boolean(input.venue.reduce_only)
	is_boolean(input.venue.extended_hours)
	num.natural(input.venue.age_ms)
}

taken_typed(taken, names) if {
	shape.closed(taken, set(), names)
	every value in taken {
		is_boolean(value)
	}
}

model_typed if absent("model")

model_typed if {
	shape.closed(
		input.model,
		set(),
		{"volatility_e4", "regime", "entropy_e4", "drift_e4", "data_integrity", "protocol_firing"},
	)
	every name, reading in input.model {
		shape.closed(reading, reading_parts, set())
		reading_typed(name, reading.value)
		num.natural(reading.age_ms)
		shape.identifier(reading.source)
	}
}

reading_parts := {"value", "age_ms", "source"}

reading_typed("volatility_e4", value) if num.natural(value)

reading_typed("entropy_e4", value) if num.natural(value)

reading_typed("drift_e4", value) if num.natural(value)

reading_typed("regime", value) if value in {"CALM", "NORMAL", "STRESSED", "CRISIS"}

reading_typed("data_integrity", value) if is_boolean(value)

reading_typed("protocol_firing", value) if is_boolean(value)

rates_typed if {
	is_object(input.rates)
	every currency, rate in input.rates {
		shape.currency(currency)
		shape.closed(rate, {"rate_e8", "age_ms"}, set())
		num.positive(rate.rate_e8)
		num.natural(rate.age_ms)
	}
}

projected_typed if absent("projected")

projected_typed if {
	shape.closed(
		input.projected,
		set(),
		{
			"positions_count", "position_notional_micros", "gross_exposure_micros",
			"day_turnover_micros", "leverage_bps", "short_notional_micros",
			"margin_debit_micros", "sector_exposure_bps", "asset_exposure_bps",
			"initial_margin_bps", "reduces",
		},
	)
	every name, value in input.projected {
		projection_typed(name, value)
	}
}

projection_typed("reduces", value) if is_boolean(value)

projection_typed(name, value) if {
	name != "reduces"
	num.natural(value)
}

replaced_typed if absent("replaced")

replaced_typed if {
	shape.closed(input.replaced, {"order_id", "working", "same"}, {"filled_qty"})
	shape.identifier(input.replaced.order_id)
	is_boolean(input.replaced.working)
	is_boolean(input.replaced.same)
	shape.natural_or_absent(input.replaced, "filled_qty")
}

doubt_typed if absent("doubt")

doubt_typed if {
	shape.closed(input.doubt, {"orders", "anomalies"}, set())
	num.natural(input.doubt.orders)
	num.natural(input.doubt.anomalies)
	input.doubt.anomalies <= input.doubt.orders
}

activity_typed if absent("activity")

# Every count has this order in it.
activity_typed if {
	shape.closed(
		input.activity,
		set(),
		{
			"messages_1s_count", "messages_60s_count", "identical_60s_count",
			"repeated_300s_count", "opposite_price",
		},
	)
	every name, value in input.activity {
		activity_part_typed(name, value)
	}
}

activity_part_typed("opposite_price", "none")

activity_part_typed(_, value) if num.positive(value)
