package writ.controls.day_orders_test

import data.writ.controls.day_orders
import data.writ.fixtures

# An order in a mode, what the day comes to with it, and the ceiling.
ordered(mode, day, ceiling) := object.union(fixtures.document, {
	"control": {"mode": mode},
	"permission": {"day_orders": day, "orders_per_day_max": ceiling},
})

test_inside_the_gateway_there_is_no_ceiling if {
	every mode in ["RESEARCH", "SIMULATION"] {
		day_orders.proven with input as ordered(mode, 101, 100)
		day_orders.proven with input as ordered(mode, 101, "none")
		not day_orders.observed with input as ordered(mode, 101, 100)
	}
}

test_outside_up_to_the_ceiling if {
	every mode in ["PAPER", "LIVE"] {
		every day in [0, 1, 99, 100] {
			day_orders.proven with input as ordered(mode, day, 100)
		}
	}
}

test_outside_one_beyond if {
	every mode in ["PAPER", "LIVE"] {
		not day_orders.proven with input as ordered(mode, 101, 100)
		day_orders.observed == 101 with input as ordered(mode, 101, 100)
		day_orders.ceiling == 100 with input as ordered(mode, 101, 100)
	}
}

test_a_ceiling_that_does_not_stand if {
	every ceiling in [0, -1, 1.5, "100", "none", null, true, [100], 9007199254740992] {
		not day_orders.proven with input as ordered("PAPER", 0, ceiling)
	}
	missing := json.remove(ordered("PAPER", 0, 100), ["permission/orders_per_day_max"])
	not day_orders.proven with input as missing
}

test_a_day_that_is_not_known if {
	every day in fixtures.not_natural {
		not day_orders.proven with input as ordered("PAPER", day, 100)
	}
	every path in ["permission", "permission/day_orders", "control", "control/mode"] {
		not day_orders.proven with input as json.remove(ordered("PAPER", 1, 100), [path])
	}
}

test_any_other_mode if {
	every mode in ["", "paper", "OTHER", null, 0, true, ["PAPER"]] {
		not day_orders.proven with input as ordered(mode, 1, 100)
	}
}

test_an_exit_passes_only_where_somebody_opened_for_it if {
	exit := object.union(fixtures.exit, {
		"control": {"mode": "LIVE"},
		"permission": {"day_orders": 101, "orders_per_day_max": 100},
	})
	not day_orders.proven with input as exit
	day_orders.proven with input as object.union(exit, {"permission": {"exit_open": true}})
}
