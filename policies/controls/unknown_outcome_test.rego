package writ.controls.unknown_outcome_test

import data.writ.controls.unknown_outcome
import data.writ.fixtures

doubted(base, orders, anomalies) := object.union(
	base,
	{"doubt": {"orders": orders, "anomalies": anomalies}},
)

test_nothing_in_doubt if unknown_outcome.proven with input as doubted(fixtures.document, 0, 0)

test_new_risk_beside_an_order_in_doubt if {
	every orders in [1, 2, 9007199254740991] {
		not unknown_outcome.proven with input as doubted(fixtures.document, orders, 0)
	}
	not unknown_outcome.proven with input as doubted(fixtures.document, 1, 1)
}

test_an_exit_is_proven_against_the_worst_case if {
	every orders in [0, 1, 2] {
		unknown_outcome.proven with input as doubted(fixtures.exit, orders, 0)
	}
}

test_half_an_exit_is_none if {
	asked := object.union(fixtures.exit, {"projected": {"reduces": false}})
	not unknown_outcome.proven with input as doubted(asked, 1, 0)
	reducing := object.union(fixtures.exit, {"order": {"reduce_only": false}})
	not unknown_outcome.proven with input as doubted(reducing, 1, 0)
}

test_an_anomaly_knows_no_worst_case if {
	not unknown_outcome.proven with input as doubted(fixtures.exit, 1, 1)
	not unknown_outcome.proven with input as doubted(fixtures.exit, 0, 1)
}

test_unknown if {
	every base in [fixtures.document, fixtures.exit] {
		every value in fixtures.not_natural {
			not unknown_outcome.proven with input as doubted(base, value, 0)
			not unknown_outcome.proven with input as doubted(base, 0, value)
		}
		every path in ["doubt", "doubt/orders", "doubt/anomalies"] {
			not unknown_outcome.proven with input as json.remove(base, [path])
		}
	}
}
