package writ.controls.manifest_venue_test

import data.writ.controls.manifest_venue
import data.writ.fixtures

ordered(mode, said) := object.union(fixtures.document, {"control": {"mode": mode}, "permission": said})

nowhere := {"venue": false, "account": false}

test_research_sends_nothing if {
	manifest_venue.proven with input as ordered("RESEARCH", nowhere)
}

test_simulation_stays_inside if {
	manifest_venue.proven with input as ordered("SIMULATION", {"venue": true, "account": false})
	not manifest_venue.proven with input as ordered("SIMULATION", {"venue": false, "account": true})
}

test_outside_both_are_needed if {
	every mode in ["PAPER", "LIVE"] {
		manifest_venue.proven with input as ordered(mode, {"venue": true, "account": true})
		not manifest_venue.proven with input as ordered(mode, {"venue": false, "account": true})
		not manifest_venue.proven with input as ordered(mode, {"venue": true, "account": false})
		not manifest_venue.proven with input as ordered(mode, nowhere)
	}
}

test_any_other_mode if {
	every mode in ["", "paper", "OTHER", null, 0, true, ["PAPER"]] {
		not manifest_venue.proven with input as ordered(mode, {"venue": true, "account": true})
	}
}

test_of_another_type_or_missing if {
	every value in ["true", 1, null, [true], {}] {
		not manifest_venue.proven with input as ordered("PAPER", {"venue": value, "account": true})
		not manifest_venue.proven with input as ordered("PAPER", {"venue": true, "account": value})
		not manifest_venue.proven with input as ordered("SIMULATION", {"venue": value})
	}
	paper := ordered("PAPER", {"venue": true, "account": true})
	every path in ["permission", "permission/venue", "permission/account", "control", "control/mode"] {
		not manifest_venue.proven with input as json.remove(paper, [path])
	}
}

# An exit that somebody let out, after the manifest has lapsed.
let_out(said) := object.union(fixtures.exit, {
	"control": {"mode": "LIVE"},
	"permission": object.union({"exit_open": true, "standing": false}, said),
})

test_an_exit_goes_where_every_order_may_and_nowhere_else if {
	manifest_venue.proven with input as let_out({"venue": true, "account": true})
	not manifest_venue.proven with input as let_out({"venue": true, "account": false})
	not manifest_venue.proven with input as let_out({"venue": false, "account": true})
}
