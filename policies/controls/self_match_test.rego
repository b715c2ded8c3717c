package writ.controls.self_match_test

import data.writ.controls.self_match
import data.writ.fixtures

facing(side, worst, opposite) := object.union(
	fixtures.document,
	{"order": {"side": side, "worst_price": worst}, "activity": {"opposite_price": opposite}},
)

sales := ["sell", "sell_short"]

test_nobody_on_the_other_side if {
	every side in ["buy", "sell", "sell_short"] {
		self_match.proven with input as facing(side, 500, "none")
	}
}

test_a_purchase_below_every_sale if {
	self_match.proven with input as facing("buy", 499, 500)
}

test_a_purchase_that_meets_a_sale if {
	not self_match.proven with input as facing("buy", 500, 500)
	not self_match.proven with input as facing("buy", 501, 500)
}

test_a_sale_above_every_purchase if {
	every side in sales {
		self_match.proven with input as facing(side, 501, 500)
	}
}

test_a_sale_that_meets_a_purchase if {
	every side in sales {
		not self_match.proven with input as facing(side, 500, 500)
		not self_match.proven with input as facing(side, 499, 500)
	}
}

test_another_side_proves_nothing if {
	every side in ["hold", "", null, 1] {
		not self_match.proven with input as facing(side, 499, 500)
		not self_match.proven with input as facing(side, 501, 500)
	}
}

test_an_order_that_nothing_bounds if {
	document := json.remove(facing("buy", 499, 500), ["order/worst_price"])
	not self_match.proven with input as document
}

test_an_order_bounded_by_something_else if {
	every value in array.concat(fixtures.not_natural, [0, "none"]) {
		not self_match.proven with input as facing("buy", value, 500)
		not self_match.proven with input as facing("sell", value, 500)
	}
}

test_a_price_that_is_not_known if {
	not self_match.proven with input as fixtures.without("activity/opposite_price")
	not self_match.proven with input as fixtures.without("activity")
}

test_a_price_of_another_type if {
	every value in array.concat(fixtures.not_natural, [0, "NONE", ""]) {
		not self_match.proven with input as facing("buy", 1, value)
		not self_match.proven with input as facing("sell", 9007199254740991, value)
	}
}

test_what_is_observed if {
	self_match.observed == 500 with input as facing("buy", 501, 500)
}
