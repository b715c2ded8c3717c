package writ.controls.short_sale_restriction_test

import data.writ.controls.short_sale_restriction
import data.writ.fixtures

short(price, bid, restricted) := object.union(fixtures.document, {
	"order": {"side": "sell_short", "limit_price": price},
	"market": {"bid": bid},
	"venue": {"short_restricted": restricted},
})

test_unrestricted if {
	short_sale_restriction.proven with input as short(400, 490, false)
	short_sale_restriction.proven with input as short("none", 490, false)
}

test_restricted_above_the_bid if {
	short_sale_restriction.proven with input as short(491, 490, true)
}

test_restricted_at_or_below_the_bid if {
	not short_sale_restriction.proven with input as short(490, 490, true)
	not short_sale_restriction.proven with input as short(400, 490, true)
}

test_restricted_without_a_limit_or_a_bid if {
	every price in ["none", null, true, 491.5, -1, 0] {
		not short_sale_restriction.proven with input as short(price, 490, true)
	}
	every bid in [0, null, "490", false] {
		not short_sale_restriction.proven with input as short(491, bid, true)
	}
	not short_sale_restriction.proven with input as json.remove(short(491, 490, true), ["market"])
}

test_not_known_whether_restricted if {
	every value in [null, "false", 0, 1] {
		not short_sale_restriction.proven with input as short(491, 490, value)
	}
	not short_sale_restriction.proven with input as json.remove(short(491, 490, true), ["venue"])
}

test_other_sides_are_free if {
	every side in ["buy", "sell"] {
		short_sale_restriction.proven with input as object.union(fixtures.without("venue"), {"order": {"side": side}})
	}
	every side in ["short", null] {
		not short_sale_restriction.proven with input as object.union(fixtures.document, {"order": {"side": side}})
	}
	not short_sale_restriction.proven with input as fixtures.without("order/side")
}

test_research_sends_nothing if {
	research := object.union(short("none", 490, true), {"control": {"mode": "RESEARCH"}})
	short_sale_restriction.proven with input as json.remove(research, ["venue"])
	not short_sale_restriction.proven with input as object.union(research, {"control": {"mode": "LIVE"}})
}
