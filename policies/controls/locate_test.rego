package writ.controls.locate_test

import data.writ.controls.locate
import data.writ.fixtures

order(side, borrow, id) := object.union(fixtures.document, {
	"order": {"side": side, "locate_id": id},
	"instrument": {"borrow": borrow},
})

test_what_is_not_short_needs_none if {
	every side in ["buy", "sell"] {
		every borrow in ["easy", "locate", "none"] {
			locate.proven with input as order(side, borrow, "none")
		}
	}
}

test_easy_to_borrow if {
	every id in ["none", "loc-1"] {
		locate.proven with input as order("sell_short", "easy", id)
	}
}

test_a_promise_is_needed if {
	locate.proven with input as order("sell_short", "locate", "loc-1")
	every id in ["none", "", 5, null, true, "two words"] {
		not locate.proven with input as order("sell_short", "locate", id)
	}
	not locate.proven with input as json.remove(order("sell_short", "locate", "loc-1"), ["order/locate_id"])
}

test_not_to_be_borrowed if {
	every id in ["none", "loc-1"] {
		not locate.proven with input as order("sell_short", "none", id)
	}
}

test_unknown if {
	every borrow in ["", "hard", null, 1, true] {
		not locate.proven with input as order("sell_short", borrow, "loc-1")
	}
	not locate.proven with input as json.remove(order("sell_short", "easy", "loc-1"), ["instrument"])
	every side in ["", "short", null, 1, true] {
		not locate.proven with input as order(side, "easy", "loc-1")
	}
	not locate.proven with input as fixtures.without("order/side")
}
