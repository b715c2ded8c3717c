package writ.controls.replaceable_test

import data.writ.controls.replaceable
import data.writ.fixtures

test_the_order_takes_the_place_of_one_that_works if {
	replaceable.proven with input as fixtures.document
}

test_it_takes_nobodys_place if {
	alone := fixtures.with_fact("order", "replaces", "none")
	replaceable.proven with input as alone
	replaceable.proven with input as json.remove(alone, ["replaced"])
}

test_not_working_or_another_order if {
	every name in ["working", "same"] {
		every value in [false, "true", 1, null] {
			not replaceable.proven with input as fixtures.with_fact("replaced", name, value)
		}
		not replaceable.proven with input as fixtures.without(concat("/", ["replaced", name]))
	}
	not replaceable.proven with input as fixtures.with_fact("replaced", "order_id", "ord_9")
	not replaceable.proven with input as fixtures.without("replaced/order_id")
	not replaceable.proven with input as fixtures.without("replaced")
}

test_what_was_filled_has_to_be_known if {
	replaceable.proven with input as fixtures.with_fact("replaced", "filled_qty", 0)
	every value in fixtures.not_natural {
		not replaceable.proven with input as fixtures.with_fact("replaced", "filled_qty", value)
	}
	not replaceable.proven with input as fixtures.without("replaced/filled_qty")
}

test_unknown if {
	every value in ["", "ord_9", null, 5, true] {
		not replaceable.proven with input as fixtures.with_fact("order", "replaces", value)
	}
	not replaceable.proven with input as fixtures.without("order/replaces")
}
