package writ.controls.day_notional_test

import data.writ.controls.day_notional
import data.writ.fixtures

# An order in a mode, what the day comes to with it, and the ceiling.
ordered(mode, day, ceiling) := object.union(fixtures.document, {
	"control": {"mode": mode},
	"permission": {"day_notional_micros": day, "notional_per_day_max_micros": ceiling},
})

test_inside_the_gateway_there_is_no_ceiling if {
	every mode in ["RESEARCH", "SIMULATION"] {
		day_notional.proven with input as ordered(mode, 101, 100)
		day_notional.proven with input as ordered(mode, 101, "none")
		not day_notional.observed with input as ordered(mode, 101, 100)
	}
}

test_outside_up_to_the_ceiling if {
	every mode in ["PAPER", "LIVE"] {
		every day in [0, 1, 99, 100] {
			day_notional.proven with input as ordered(mode, day, 100)
		}
	}
}

test_outside_one_beyond if {
	every mode in ["PAPER", "LIVE"] {
		not day_notional.proven with input as ordered(mode, 101, 100)
		day_notional.observed == 101 with input as ordered(mode, 101, 100)
		day_notional.ceiling == 100 with input as ordered(mode, 101, 100)
	}
}

test_a_ceiling_that_does_not_stand if {
	every ceiling in [0, -1, 1.5, "100", "none", null, true, [100], 9007199254740992] {
		not day_notional.proven with input as ordered("PAPER", 0, ceiling)
	}
	missing := json.remove(ordered("PAPER", 0, 100), ["permission/notional_per_day_max_micros"])
	not day_notional.proven with input as missing
}

test_a_day_that_is_not_known if {
	every day in fixtures.not_natural {
		not day_notional.proven with input as ordered("PAPER", day, 100)
	}
	every path in ["permission", "permission/day_notional_micros", "control", "control/mode"] {
		not day_notional.proven with input as json.remove(ordered("PAPER", 1, 100), [path])
	}
}

test_any_other_mode if {
	every mode in ["", "paper", "OTHER", null, 0, true, ["PAPER"]] {
		not day_notional.proven with input as ordered(mode, 1, 100)
	}
}

test_an_exit_passes_only_where_somebody_opened_for_it if {
	exit := object.union(fixtures.exit, {
		"control": {"mode": "LIVE"},
		"permission": {"day_notional_micros": 101, "notional_per_day_max_micros": 100},
	})
	not day_notional.proven with input as exit
	day_notional.proven with input as object.union(exit, {"permission": {"exit_open": true}})
}
