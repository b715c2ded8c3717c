package writ.controls.manifest_test

import data.writ.controls.manifest
import data.writ.fixtures

# An order in a mode, and what its manifest says.
ordered(mode, said) := object.union(fixtures.document, {"control": {"mode": mode}, "permission": said})

none := {"standing": false, "mode": "none", "epoch": "none", "account": false, "strategy": false}

test_inside_the_gateway_nothing_is_signed if {
	every mode in ["RESEARCH", "SIMULATION"] {
		manifest.proven with input as ordered(mode, none)
	}
}

test_a_manifest_for_the_mode if {
	every mode in ["PAPER", "LIVE"] {
		manifest.proven with input as ordered(mode, {"standing": true, "mode": mode})
	}
}

test_no_manifest if {
	every mode in ["PAPER", "LIVE"] {
		not manifest.proven with input as ordered(mode, none)
		not manifest.proven with input as ordered(mode, {"standing": false, "mode": mode})
	}
}

test_a_manifest_for_another_mode if {
	not manifest.proven with input as ordered("LIVE", {"standing": true, "mode": "PAPER"})
	not manifest.proven with input as ordered("PAPER", {"standing": true, "mode": "LIVE"})
	not manifest.proven with input as ordered("PAPER", {"standing": true, "mode": "none"})
}

test_any_other_mode if {
	every mode in ["", "paper", "OTHER", "none", null, 0, true, ["PAPER"]] {
		not manifest.proven with input as ordered(mode, {"standing": true, "mode": mode})
	}
}

test_of_another_type_or_missing if {
	every value in ["true", 1, null, [true], {}] {
		not manifest.proven with input as ordered("PAPER", {"standing": value, "mode": "PAPER"})
	}
	paper := ordered("PAPER", {"standing": true, "mode": "PAPER"})
	every path in ["permission", "permission/standing", "permission/mode", "control", "control/mode"] {
		not manifest.proven with input as json.remove(paper, [path])
	}
}

test_an_exit_passes_only_where_somebody_opened_for_it if {
	exit := object.union(fixtures.exit, {"control": {"mode": "LIVE"}, "permission": none})
	not manifest.proven with input as exit
	manifest.proven with input as object.union(exit, {"permission": {"exit_open": true}})
	not manifest.proven with input as ordered("LIVE", object.union(none, {"exit_open": true}))
}
