package writ.controls.compliance_signature_test

import data.writ.controls.compliance_signature
import data.writ.fixtures

limits := {"global": {"compliance_notional_max_micros": 100}}

override := {"control": "CMP-01", "override_id": "ovr_1", "by": "carol"}

# A purchase worth so much, without an override.
worth(notional) := object.union(
	json.remove(fixtures.document, ["override"]),
	{"order": {"notional_micros": notional}},
)

overridden(document, given) := object.union(document, {"override": given})

test_up_to_the_threshold if {
	every notional in [0, 1, 99, 100] {
		compliance_signature.proven with input as worth(notional) with data.limits as limits with data.compliance_symbols as {}
	}
}

test_one_beyond if {
	not compliance_signature.proven with input as worth(101) with data.limits as limits with data.compliance_symbols as {}
	compliance_signature.observed == 101 with input as worth(101)
}

test_a_listed_symbol if {
	every listed in [{"ACME": true}, {"ACME": true, "OTHER": true}, {"ACME": false}, {"ACME": null}] {
		not compliance_signature.proven with input as worth(1) with data.limits as limits with data.compliance_symbols as listed
	}
	every listed in [{}, {"OTHER": true}, {"ACM": true}, {"acme": true}, {"ACME ": true}] {
		compliance_signature.proven with input as worth(1) with data.limits as limits with data.compliance_symbols as listed
	}
}

test_with_an_override if {
	every listed in [{}, {"ACME": true}] {
		every notional in [1, 100, 101] {
			given := overridden(worth(notional), override)
			compliance_signature.proven with input as given with data.limits as limits with data.compliance_symbols as listed
		}
	}
}

test_an_override_of_another_control if {
	every control in ["REG-01", "CMP-02", "", "cmp-01", null, true, ["CMP-01"]] {
		given := overridden(worth(101), object.union(override, {"control": control}))
		not compliance_signature.proven with input as given with data.limits as limits with data.compliance_symbols as {}
	}
	every given in [null, "CMP-01", [], {}, 1] {
		not compliance_signature.proven with input as overridden(worth(101), given) with data.limits as limits with data.compliance_symbols as {}
	}
}

test_no_list_proves_nothing if {
	every listed in [null, [], ["OTHER"], "OTHER", 0, true] {
		not compliance_signature.proven with input as worth(1) with data.limits as limits with data.compliance_symbols as listed
		not compliance_signature.proven with input as overridden(worth(1), override) with data.limits as limits with data.compliance_symbols as listed
	}
	not compliance_signature.proven with input as worth(1) with data.limits as limits
}

test_a_threshold_that_does_not_stand if {
	every value in [0, -1, 1.5, "100", null, true, [100], 9007199254740992] {
		given := {"global": {"compliance_notional_max_micros": value}}
		not compliance_signature.proven with input as worth(0) with data.limits as given with data.compliance_symbols as {}
		not compliance_signature.proven with input as overridden(worth(0), override) with data.limits as given with data.compliance_symbols as {}
	}
	not compliance_signature.proven with input as worth(0) with data.limits as {"global": {}} with data.compliance_symbols as {}
}

test_a_value_or_symbol_that_is_not_known if {
	every notional in fixtures.not_natural {
		not compliance_signature.proven with input as worth(notional) with data.limits as limits with data.compliance_symbols as {}
		not compliance_signature.proven with input as overridden(worth(notional), override) with data.limits as limits with data.compliance_symbols as {}
	}
	every path in ["order", "order/notional_micros", "order/symbol"] {
		not compliance_signature.proven with input as json.remove(worth(1), [path]) with data.limits as limits with data.compliance_symbols as {}
	}
	every symbol in [0, true, null, ["ACME"], {"ACME": 1}] {
		not compliance_signature.proven with input as object.union(worth(1), {"order": {"symbol": symbol}})
			with data.limits as limits
			with data.compliance_symbols as {}
	}
}

test_an_exit_needs_no_signature if {
	exit := json.remove(fixtures.exit, ["override", "order/notional_micros"])
	compliance_signature.proven with input as exit with data.limits as {"global": {}} with data.compliance_symbols as {"ACME": true}
	every part in [{"order": {"reduce_only": false}}, {"projected": {"reduces": false}}] {
		not compliance_signature.proven with input as object.union(exit, part) with data.limits as limits with data.compliance_symbols as {}
	}
}
