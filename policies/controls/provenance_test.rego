package writ.controls.provenance_test

import data.writ.controls.provenance
import data.writ.fixtures

from_run(run, section) := object.union(fixtures.document, {"order": {"source_run": run}, "provenance": section})

claiming(run) := object.union(fixtures.without("provenance"), {"order": {"source_run": run}})

attested := {"source_run": "run-1", "attested": true, "by": "alice"}

test_an_order_without_a_claim if {
	provenance.proven with input as claiming("none")
}

test_an_attested_run if {
	provenance.proven with input as from_run("run-1", attested)
}

test_a_run_that_is_not_attested if {
	every value in [false, null, 1, "true", [true]] {
		not provenance.proven with input as from_run("run-1", object.union(attested, {"attested": value}))
	}
}

test_a_run_that_nothing_is_known_of if {
	not provenance.proven with input as claiming("run-1")
	not provenance.proven with input as from_run("run-1", {"source_run": "run-1", "by": "alice", "attested": false})
}

test_another_run_is_attested if {
	every run in ["run-2", "run-", "", "NONE", "run-1 "] {
		not provenance.proven with input as from_run(run, attested)
	}
}

test_no_text_names_no_run if {
	every run in [null, 0, true, [], {}] {
		not provenance.proven with input as from_run(run, object.union(attested, {"source_run": run}))
	}
}

test_claim_missing if {
	not provenance.proven with input as json.remove(from_run("run-1", attested), ["order/source_run"])
	not provenance.proven with input as json.remove(from_run("run-1", attested), ["order"])
}
