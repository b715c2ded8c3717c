# METADATA
# title: Decisions
# description: |
#   Allow by proof: an order is allowed when every required control has proven its point,
#   and for no other reason. What cannot be read is not proven. Reasons are codes and integers
#   and never take part in the decision.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   limits:
#     - approval_age_max_ms
#     - close_buffer_min_ms
#     - quote_age_max_ms
#     - spread_max_bps
# schemas:
#   - input: schema.batch
package writ.main

import data.writ.lib.limits
import data.writ.lib.limits.effective as standing
import data.writ.lib.num

# METADATA
# description: Every control by its identifier, and the package under writ.controls that holds it.
registry := {
	"ACC-01": "positive_equity",
	"ACC-02": "daily_loss",
	"ACC-03": "daily_turnover",
	"ACC-04": "drawdown",
	"APR-01": "approval_window",
	"CMP-01": "compliance_signature",
	"DUP-01": "duplicate_order",
	"EXP-01": "gross_exposure",
	"EXP-02": "leverage",
	"EXP-03": "sector_exposure",
	"EXP-04": "asset_exposure",
	"INP-01": "well_formed",
	"INS-01": "instrument_known",
	"LIV-01": "live",
	"LST-01": "restricted_list",
	"MAN-01": "manifest",
	"MAN-02": "manifest_venue",
	"MAN-03": "manifest_strategy",
	"MAN-04": "day_orders",
	"MAN-05": "day_notional",
	"MGN-01": "margin",
	"MGN-02": "initial_margin",
	"MGN-03": "maintenance_margin",
	"MKT-01": "quote_age",
	"MKT-02": "spread",
	"MKT-03": "trading_hours",
	"MOD-01": "volatility",
	"MOD-02": "regime",
	"MOD-03": "entropy",
	"MOD-04": "drift",
	"MOD-05": "data_integrity",
	"MOD-06": "protocol_firing",
	"MSG-01": "message_rate_second",
	"MSG-02": "message_rate_minute",
	"OMEGA-2": "halt",
	"OMEGA-4": "research_only",
	"ORD-01": "order_notional",
	"ORD-02": "order_qty",
	"ORD-03": "price_collar",
	"ORD-04": "price_collar_short",
	"ORD-05": "price_collar_long",
	"ORD-06": "min_notional",
	"POS-01": "positions_count",
	"POS-02": "position_notional",
	"PRM-01": "account_permission",
	"PRM-02": "instrument_permission",
	"PRV-01": "provenance",
	"RAT-01": "exchange_rates",
	"REG-01": "regime_parity",
	"REP-01": "repeated_execution",
	"RPL-01": "replaceable",
	"SHT-01": "short_selling",
	"SHT-02": "order_marking",
	"SHT-03": "locate",
	"SHT-04": "short_sale_restriction",
	"SLF-01": "self_match",
	"UNK-01": "unknown_outcome",
	"VEN-01": "venue_terms",
	"VEN-02": "venue_takes",
}

# METADATA
# description: What must be proven for each order.
required := object.keys(registry)

# METADATA
# description: What has been proven for this order.
passed contains id if {
	some id, name in registry
	data.writ.controls[name].proven == true
}

# METADATA
# description: What is missing from the proof; any member denies.
not_proven := required - passed

default allow := false

# METADATA
# description: Whether the proof is whole. An empty list of controls proves nothing.
allow if {
	count(required) > 0
	count(not_proven) == 0
}

# Lists and not sets: no two are alike, and a set of objects costs an engine more than all else here.
# METADATA
# description: The integers behind each control that was not proven.
reasons := [figures(id) | some id in not_proven]

# METADATA
# description: The integers behind each control that was proven.
proofs := [figures(id) | some id in passed]

figures(id) := object.union(object.union({"control": id}, observed(registry[id])), bound(registry[id]))

# A control may have no figures; what is missing or no integer is left out of them.
observed(name) := {"observed": value} if {
	value := data.writ.controls[name].observed
	num.integer(value)
} else := {}

bound(name) := {"limit": value, "source": limits.source(limit)} if {
	limit := data.writ.controls[name].limit
	value := standing[limit]
	num.integer(value)
} else := {"limit": value, "source": "manifest"} if {
	# A ceiling that no release signs is a fact.
	value := data.writ.controls[name].ceiling
	num.integer(value)
} else := {}

# METADATA
# description: |
#   The halts that controls ask for where they are not proven. They latch: a person resumes.
halts contains halt if {
	some id in not_proven
	latch := data.writ.controls[registry[id]].latch
	halt := object.union_n([latch, observed(registry[id]), bound_of_halt(registry[id])])
}

bound_of_halt(name) := object.remove(bound(name), ["source"])

# METADATA
# description: The thresholds that the gate compares just before sending; zero lets nothing out.
door := object.union(shut, compared)

shut := {
	"approval_age_max_ms": 0,
	"close_buffer_min_ms": 0,
	"quote_age_max_ms": 0,
	"spread_max_bps": 0,
}

# A comprehension, because it is empty where no limits stand.
compared := {name: value |
	some name, _ in shut
	value := standing[name]
	num.positive(value)
}

# METADATA
# description: The verdict on one document; always defined, whatever the document is.
decision := {
	"allow": allow,
	"required": required,
	"passed": passed,
	"reasons": reasons,
	"proofs": proofs,
	"halts": halts,
	"door": door,
}

# METADATA
# title: One verdict for each document of the batch, in order
# description: Undefined unless the batch is an array. A malformed document has a verdict too.
# entrypoint: true
decisions := [verdict |
	some document in input.batch
	verdict := decision with input as document
] if {
	is_array(input.batch)
}
