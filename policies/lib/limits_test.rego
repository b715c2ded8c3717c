package writ.lib.limits_test

import data.writ.fixtures
import data.writ.lib.limits

table := {
	"global": {"order_qty_max_e8": 100, "close_buffer_min_ms": 10, "zero_max_count": 0},
	"accounts": {"main": {"order_qty_max_e8": 90, "close_buffer_min_ms": 12}, "other": {"order_qty_max_e8": 1}},
	"strategies": {},
	"symbols": {},
}

strategy(limit) := object.union(table, {"strategies": {"none": {"order_qty_max_e8": limit}}})

capped(value) := object.union(fixtures.document, {"caps": {"order_qty_max_e8": value}})

test_the_strictest_wins if {
	limits.effective.order_qty_max_e8 == 90 with input as fixtures.document with data.limits as table
	limits.effective.order_qty_max_e8 == 80 with input as fixtures.document with data.limits as strategy(80)
	limits.effective.order_qty_max_e8 == 90 with input as fixtures.document with data.limits as strategy(95)
	limits.effective.order_qty_max_e8 == 70 with input as capped(70) with data.limits as strategy(80)
}

test_of_a_minimum_the_largest_counts if {
	limits.effective.close_buffer_min_ms == 12 with input as fixtures.document with data.limits as table
}

test_nothing_loosens if {
	limits.effective.order_qty_max_e8 == 90 with input as capped(1000) with data.limits as table
	limits.source("order_qty_max_e8") == "account" with input as capped(1000) with data.limits as table
}

test_none_is_no_cap if {
	limits.effective.order_qty_max_e8 == 90 with input as capped("none") with data.limits as table
}

test_what_is_no_limit_counts_as_zero if {
	every value in [0, -1, 1.5, "80", true, null, [80], 9007199254740992] {
		limits.effective.order_qty_max_e8 == 0 with input as capped(value) with data.limits as table
		limits.source("order_qty_max_e8") == "caps" with input as capped(value) with data.limits as table
		limits.effective.order_qty_max_e8 == 0 with input as fixtures.document with data.limits as strategy(value)
	}
}

test_a_table_cannot_stand_in_for_the_global_one if {
	odd := object.union(table, {"symbols": {"ACME": {"zero_max_count": 5, "new_max_count": 5}}})
	limits.effective.zero_max_count == 0 with input as fixtures.document with data.limits as odd
	limits.effective.new_max_count == 0 with input as fixtures.document with data.limits as odd
}

test_where_it_comes_from if {
	limits.source("order_qty_max_e8") == "account" with input as fixtures.document with data.limits as table
	limits.source("zero_max_count") == "global" with input as fixtures.document with data.limits as table
	limits.source("order_qty_max_e8") == "account" with input as fixtures.document with data.limits as strategy(90)
	limits.source("order_qty_max_e8") == "strategy" with input as fixtures.document with data.limits as strategy(80)
	limits.source("order_qty_max_e8") == "global" with input as fixtures.document with data.limits as {"global": {"order_qty_max_e8": 5}}
}

test_no_global_table if {
	every value in [null, [], "x", 5] {
		not limits.effective with input as fixtures.document with data.limits as {"global": value}
	}
	not limits.effective with input as fixtures.document with data.limits as {}
}

test_odd_caps_change_nothing if {
	every value in [null, [5], "x", 5, {}] {
		limits.effective.order_qty_max_e8 == 90 with input as object.union(fixtures.document, {"caps": value}) with data.limits as table
	}
}
