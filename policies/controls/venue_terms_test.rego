package writ.controls.venue_terms_test

import data.writ.controls.venue_terms
import data.writ.fixtures

limits := {"global": {"venue_age_max_ms": 100}}

stated(change) := object.union(fixtures.document, {"venue": change})

ordered(change) := object.union(fixtures.document, {"order": change})

test_known if {
	venue_terms.proven with input as fixtures.document with data.limits as limits
}

test_at_the_limit if {
	venue_terms.proven with input as stated({"age_ms": 100}) with data.limits as limits
	venue_terms.proven with input as stated({"age_ms": 0}) with data.limits as limits
	not venue_terms.proven with input as stated({"age_ms": 101}) with data.limits as limits
	venue_terms.observed == 101 with input as stated({"age_ms": 101})
}

test_limit_of_zero_missing_or_odd if {
	not venue_terms.proven with input as stated({"age_ms": 0}) with data.limits as {"global": {}}
	every limit in [0, "100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not venue_terms.proven with input as stated({"age_ms": 0}) with data.limits as {"global": {"venue_age_max_ms": limit}}
	}
}

test_age_of_another_type if {
	every value in fixtures.not_natural {
		not venue_terms.proven with input as stated({"age_ms": value}) with data.limits as limits
	}
}

test_not_tradable if {
	every value in [false, null, "true", 1] {
		not venue_terms.proven with input as stated({"tradable": value}) with data.limits as limits
	}
}

test_quantity_is_whole_lots if {
	venue_terms.proven with input as stated({"lot": 5}) with data.limits as limits
	every lot in [20, 3, 0, -10, "10", null] {
		not venue_terms.proven with input as stated({"lot": lot}) with data.limits as limits
	}
}

test_prices_are_whole_ticks if {
	every name in ["limit_price", "stop_price"] {
		venue_terms.proven with input as ordered({name: 500}) with data.limits as limits
		venue_terms.proven with input as ordered({name: "none"}) with data.limits as limits
		every price in [0, 1, 501, -500, "500", null] {
			not venue_terms.proven with input as ordered({name: price}) with data.limits as limits
		}
		not venue_terms.proven with input as fixtures.without(concat("/", ["order", name])) with data.limits as limits
	}
	every tick in [0, 300, "100", null] {
		not venue_terms.proven with input as stated({"tick": tick}) with data.limits as limits
	}
}

test_venue_missing if {
	every path in ["venue", "venue/age_ms", "venue/lot", "venue/tick", "venue/tradable", "order/qty"] {
		not venue_terms.proven with input as fixtures.without(path) with data.limits as limits
	}
}

test_research_needs_no_venue if {
	research := object.union(fixtures.without("venue"), {"control": {"mode": "RESEARCH"}})
	venue_terms.proven with input as research with data.limits as {"global": {}}
	not venue_terms.proven with input as object.union(research, {"control": {"mode": "LIVE"}}) with data.limits as limits
}

test_nothing_is_observed_of_terms_that_the_order_does_not_fit if {
	venue_terms.observed == 7 with input as stated({"age_ms": 7})
	every change in [{"tradable": false}, {"lot": 20}, {"tick": 300}] {
		not venue_terms.observed with input as object.union(stated({"age_ms": 7}), {"venue": change})
	}
}
