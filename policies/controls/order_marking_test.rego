package writ.controls.order_marking_test

import data.writ.controls.order_marking
import data.writ.fixtures

sale(side, short) := object.union(fixtures.document, {
	"order": {"side": side},
	"projected": {"short_notional_micros": short},
})

test_a_purchase_is_never_short if {
	every short in [0, 1, 100] {
		order_marking.proven with input as sale("buy", short)
	}
}

test_a_sale_of_what_is_held if {
	order_marking.proven with input as sale("sell", 0)
}

test_a_sale_that_would_end_short if {
	every short in [1, 100, -1, "0", false, null] {
		not order_marking.proven with input as sale("sell", short)
	}
}

test_a_sale_without_the_fact if {
	every path in ["projected/short_notional_micros", "projected"] {
		not order_marking.proven with input as json.remove(sale("sell", 0), [path])
	}
}

test_a_short_sale_says_so if {
	every short in [0, 1, 100] {
		order_marking.proven with input as sale("sell_short", short)
	}
}

test_an_exit_cannot_end_short if {
	order_marking.proven with input as json.remove(fixtures.exit, ["projected/short_notional_micros"])
}

test_another_side if {
	every side in ["", "sell_short_exempt", null, 1, true] {
		not order_marking.proven with input as sale(side, 0)
	}
	not order_marking.proven with input as fixtures.without("order/side")
}

test_what_is_observed if {
	order_marking.observed == 7 with input as sale("sell", 7)
}
