package writ.main_test

import data.writ.fixtures
import data.writ.main

decide(document) := verdict if {
	verdict := main.decision with input as document
		with data.limits as fixtures.limits
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
}

test_allow_when_everything_is_proven if {
	verdict := decide(fixtures.document)
	verdict.allow == true
	verdict.passed == verdict.required
	verdict.reasons == []
	verdict.door == {
		"approval_age_max_ms": 300000,
		"close_buffer_min_ms": 100,
		"quote_age_max_ms": 100,
		"spread_max_bps": 100,
	}
	count(verdict.required) >= 24
}

test_one_failure_denies if {
	verdict := decide(fixtures.with_fact("order", "notional_micros", 101))
	verdict.allow == false
	verdict.required - verdict.passed == {"ORD-01"}
	verdict.reasons == [{"control": "ORD-01", "observed": 101, "limit": 100, "source": "global"}]
}

test_reasons_leave_out_what_is_missing_or_no_integer if {
	verdict := decide(fixtures.without("order/notional_micros"))
	verdict.reasons == [
		{"control": "CMP-01", "limit": 1000, "source": "global"},
		{"control": "ORD-01", "limit": 100, "source": "global"},
	]
	other := decide(fixtures.with_fact("order", "notional_micros", "100"))
	{"control": "ORD-01", "limit": 100, "source": "global"} in other.reasons
	other.allow == false
}

test_each_proof_has_its_figures if {
	verdict := decide(fixtures.document)
	{proof.control | some proof in verdict.proofs} == verdict.passed
	count(verdict.proofs) == count(verdict.passed)
	{"control": "ORD-01", "observed": 100, "limit": 100, "source": "global"} in verdict.proofs
	{"control": "OMEGA-2"} in verdict.proofs
}

test_a_ceiling_comes_from_the_manifest if {
	leaving := object.union(fixtures.document, {"control": {"mode": "PAPER"}, "permission": {"day_orders": 101}})
	verdict := decide(leaving)
	verdict.reasons == [{"control": "MAN-04", "observed": 101, "limit": 100, "source": "manifest"}]
	unsigned := object.union(leaving, {"permission": {"orders_per_day_max": "none"}})
	decide(unsigned).reasons == [{"control": "MAN-04", "observed": 101}]
}

test_the_strictest_table_is_named if {
	verdict := main.decision with input as fixtures.document
		with data.limits as object.union(fixtures.limits, {"symbols": {"ACME": {"order_notional_max_micros": 99}}})
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
	verdict.reasons == [{"control": "ORD-01", "observed": 100, "limit": 99, "source": "symbol"}]
}

latch := {"cause": "TEST", "scope": {"kind": "strategy", "name": "s"}}

test_a_control_that_is_not_proven_latches if {
	verdict := main.decision with input as fixtures.with_fact("order", "notional_micros", 101)
		with data.limits as fixtures.limits
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
		with data.writ.controls.order_notional.latch as latch
	verdict.halts == {object.union(latch, {"observed": 101, "limit": 100})}
}

test_a_control_that_is_proven_latches_nothing if {
	verdict := main.decision with input as fixtures.document
		with data.limits as fixtures.limits
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
		with data.writ.controls.order_notional.latch as latch
	verdict.halts == set()
}

test_a_control_without_figures if {
	verdict := decide(fixtures.with_fact("control", "halted", true))
	verdict.reasons == [{"control": "OMEGA-2"}]
}

test_no_limits_prove_nothing if {
	verdict := main.decision with input as fixtures.document
		with data.limits as {"global": {}}
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
	verdict.allow == false
	verdict.door == main.shut
	bounded := {id | some id, name in main.registry; data.writ.controls[name].limit}
	count(bounded) > 0
	bounded & verdict.passed == set()
}

test_no_controls_allow_nothing if {
	not main.allow with input as fixtures.document with main.registry as {}
}

test_a_control_that_is_not_there_denies if {
	not main.allow with input as fixtures.document
		with data.limits as fixtures.limits
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
		with main.registry as {"ORD-01": "order_notional", "NEW-01": "not_written"}
}

test_only_true_is_a_proof if {
	every value in [1, "true", [true], {"proven": true}] {
		not main.allow with input as fixtures.document
			with main.registry as {"NEW-01": "halt"}
			with data.writ.controls.halt.proven as value
	}
}

test_a_verdict_for_each_document_in_order if {
	denied := fixtures.with_fact("control", "halted", true)
	batch := [fixtures.document, denied, 5, null, false, {}, [], "text", fixtures.document]
	verdicts := main.decisions with input as {"batch": batch}
		with data.limits as fixtures.limits
		with data.base_currency as fixtures.base_currency with data.instruments as fixtures.instruments with data.permissions as fixtures.permissions with data.restricted as fixtures.restricted with data.compliance_symbols as fixtures.compliance_symbols
	[verdict.allow | some verdict in verdicts] == [true, false, false, false, false, false, false, false, true]
}

test_an_empty_batch if {
	main.decisions == [] with input as {"batch": []}
}

test_undefined_without_a_batch if {
	every value in [{}, {"batch": {"a": fixtures.document}}, {"batch": 5}, 5, null, []] {
		not main.decisions with input as value
	}
}

test_the_door_takes_only_a_positive_integer if {
	every limit in [0, -1, 1.5, "300000", null, true, 9007199254740992] {
		every name in object.keys(main.shut) {
			main.door == main.shut with data.limits as {"global": {name: limit}}
		}
	}
}
