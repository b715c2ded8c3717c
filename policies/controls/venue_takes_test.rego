package writ.controls.venue_takes_test

import data.writ.controls.venue_takes
import data.writ.fixtures

changed(order, venue) := object.union(fixtures.document, {"order": order, "venue": venue})

test_taken if {
	venue_takes.proven with input as fixtures.document
}

test_types if {
	every type in ["market", "limit", "stop", "stop_limit"] {
		venue_takes.proven with input as changed({"type": type}, {})
		not venue_takes.proven with input as json.remove(
			changed({"type": type}, {}),
			[concat("/", ["venue/types", type])],
		)
		not venue_takes.proven with input as changed({"type": type}, {"types": {type: false}})
	}
	not venue_takes.proven with input as changed({"type": "iceberg"}, {})
}

test_times_in_force if {
	every tif in ["day", "gtc", "ioc", "fok", "gtd"] {
		venue_takes.proven with input as changed({"time_in_force": tif}, {})
		not venue_takes.proven with input as json.remove(
			changed({"time_in_force": tif}, {}),
			[concat("/", ["venue/times_in_force", tif])],
		)
		not venue_takes.proven with input as changed({"time_in_force": tif}, {"times_in_force": {tif: "true"}})
	}
	not venue_takes.proven with input as changed({"time_in_force": "opg"}, {})
}

test_options if {
	every name in ["reduce_only", "extended_hours"] {
		venue_takes.proven with input as changed({name: true}, {name: true})
		venue_takes.proven with input as changed({name: false}, {name: false})
		every value in [false, null, "true", 1] {
			not venue_takes.proven with input as changed({name: true}, {name: value})
		}
		every value in [null, "false", 0] {
			not venue_takes.proven with input as changed({name: value}, {name: true})
		}
	}
}

test_an_exit_that_is_proven_needs_no_venue_that_keeps_to_it if {
	exit := object.union(fixtures.exit, {"venue": {"reduce_only": false}})
	venue_takes.proven with input as exit
	not venue_takes.proven with input as object.union(exit, {"projected": {"reduces": false}})
	not venue_takes.proven with input as object.union(exit, {"order": {"type": "stop_limit"}, "venue": {"types": {"stop_limit": false}}})
}

test_short_sales if {
	venue_takes.proven with input as changed({"side": "sell_short"}, {"shortable": true})
	not venue_takes.proven with input as changed({"side": "sell_short"}, {"shortable": false})
	every side in ["buy", "sell"] {
		venue_takes.proven with input as changed({"side": side}, {"shortable": false})
	}
	every side in ["short", null, 1] {
		not venue_takes.proven with input as changed({"side": side}, {"shortable": true})
	}
}

test_missing if {
	every path in [
		"venue", "venue/types", "venue/times_in_force", "venue/reduce_only", "venue/extended_hours",
		"venue/shortable", "order/type", "order/time_in_force", "order/reduce_only",
		"order/extended_hours", "order/side",
	] {
		not venue_takes.proven with input as fixtures.without(path)
	}
}

test_research_needs_no_venue if {
	research := object.union(fixtures.without("venue"), {"control": {"mode": "RESEARCH"}})
	venue_takes.proven with input as research
	not venue_takes.proven with input as object.union(research, {"control": {"mode": "PAPER"}})
}
