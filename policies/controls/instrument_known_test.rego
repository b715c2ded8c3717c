package writ.controls.instrument_known_test

import data.writ.controls.instrument_known
import data.writ.fixtures

listed(change) := {"ACME": object.union(fixtures.instruments.ACME, change)}

stated(change) := object.union(fixtures.document, {"instrument": change})

ordered(change) := object.union(fixtures.document, {"order": change})

test_listed if {
	instrument_known.proven with input as fixtures.document with data.instruments as fixtures.instruments
}

test_unknown_symbol if {
	not instrument_known.proven with input as ordered({"symbol": "OTHER"})
		with data.instruments as fixtures.instruments
	not instrument_known.proven with input as fixtures.document with data.instruments as {}
	not instrument_known.proven with input as fixtures.without("order/symbol")
		with data.instruments as fixtures.instruments
}

test_instrument_missing if {
	not instrument_known.proven with input as fixtures.without("instrument")
		with data.instruments as fixtures.instruments
}

test_facts_differ_from_the_release if {
	every change in [
		{"class": "etf"}, {"sector": "Energy"}, {"currency": "EUR"},
		{"qty_decimals": 1}, {"price_decimals": 3}, {"lot": 1}, {"tick": 1}, {"more": 1},
	] {
		not instrument_known.proven with input as stated(change)
			with data.instruments as fixtures.instruments
	}
}

test_scales_differ_from_the_release if {
	every change in [{"qty_decimals": 1}, {"price_decimals": 3}] {
		not instrument_known.proven with input as ordered(change)
			with data.instruments as fixtures.instruments
	}
}

test_quantity_is_whole_lots if {
	every qty in [10, 20, 1000] {
		instrument_known.proven with input as ordered({"qty": qty})
			with data.instruments as fixtures.instruments
	}
	every qty in [0, 5, 11, -10, "10", null] {
		not instrument_known.proven with input as ordered({"qty": qty})
			with data.instruments as fixtures.instruments
	}
}

test_prices_are_whole_ticks if {
	every name in ["limit_price", "stop_price"] {
		instrument_known.proven with input as ordered({name: 500})
			with data.instruments as fixtures.instruments
		instrument_known.proven with input as ordered({name: "none"})
			with data.instruments as fixtures.instruments
		every price in [0, 1, 501, -500, "500", null] {
			not instrument_known.proven with input as ordered({name: price})
				with data.instruments as fixtures.instruments
		}
		not instrument_known.proven with input as fixtures.without(concat("/", ["order", name]))
			with data.instruments as fixtures.instruments
	}
}

test_lot_and_tick_must_stand if {
	every change in [{"lot": 0}, {"tick": 0}, {"lot": null}, {"tick": "100"}] {
		not instrument_known.proven with input as stated(change) with data.instruments as listed(change)
	}
}
