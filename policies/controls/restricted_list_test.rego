package writ.controls.restricted_list_test

import data.writ.controls.restricted_list
import data.writ.fixtures

test_not_on_the_list if {
	every listed in [{}, {"OTHER": true}, {"ACM": true}, {"acme": true}, {"ACME ": true}] {
		restricted_list.proven with input as fixtures.document with data.restricted as listed
	}
}

test_on_the_list if {
	every listed in [{"ACME": true}, {"ACME": true, "OTHER": true}, {"ACME": false}, {"ACME": null}] {
		not restricted_list.proven with input as fixtures.document with data.restricted as listed
	}
}

test_an_exit_does_not_pass if {
	exit := object.union(
		fixtures.document,
		{"order": {"reduce_only": true, "side": "sell"}, "projected": {"reduces": true}},
	)
	not restricted_list.proven with input as exit with data.restricted as {"ACME": true}
}

test_no_list_proves_nothing if {
	every listed in [null, [], ["OTHER"], "OTHER", 0, true] {
		not restricted_list.proven with input as fixtures.document with data.restricted as listed
	}
	not restricted_list.proven with input as fixtures.document
}

test_symbol_missing_or_of_another_type if {
	not restricted_list.proven with input as fixtures.without("order/symbol") with data.restricted as {}
	not restricted_list.proven with input as fixtures.without("order") with data.restricted as {}
	every value in [0, true, null, ["ACME"], {"ACME": 1}] {
		not restricted_list.proven with input as fixtures.with_fact("order", "symbol", value)
			with data.restricted as {}
	}
}

test_on_a_standing_overlay if {
	not restricted_list.proven with input as fixtures.with_fact("overlay", "restricted", true) with data.restricted as {}
	restricted_list.proven with input as fixtures.with_fact("overlay", "restricted", false) with data.restricted as {}
}

test_overlay_missing_or_of_another_type if {
	every value in [0, "false", null, [], {}] {
		not restricted_list.proven with input as fixtures.with_fact("overlay", "restricted", value) with data.restricted as {}
	}
	every path in ["overlay", "overlay/restricted"] {
		not restricted_list.proven with input as fixtures.without(path) with data.restricted as {}
	}
}
