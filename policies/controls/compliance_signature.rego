# METADATA
# title: Compliance signature
# description: |
#   An order above the signed threshold, or in a symbol of the signed list, needs a compliance
#   officer's override for exactly this order. An order that only reduces passes. A threshold of
#   zero, a value or a list that is not known let nothing else pass, with or without an override.
# related_resources:
#   - description: Provenance and overrides
#     ref: docs/provenance.md
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: CMP-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)(i)
#     - house rule
#   fix103: 99
#   unit: micros
#   facts:
#     - order.notional_micros
#     - order.symbol
#     - override.control
#   limits:
#     - compliance_notional_max_micros
#   remedy: |
#     Have a compliance officer sign an override for exactly this order (`writ override sign
#     --control CMP-01`), or send a smaller order in a symbol that is not listed.
# schemas:
#   - input: schema.document
#   - data.compliance_symbols: schema.compliance_symbols
package writ.controls.compliance_signature

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "compliance_notional_max_micros"

observed := input.order.notional_micros

proven if exits.reduces

# A list that is missing, or is none, says nothing about what is not on it.
proven if {
	is_object(data.compliance_symbols)
	is_string(input.order.symbol)
	not input.order.symbol in object.keys(data.compliance_symbols)
	num.within(observed, limits[limit])
}

proven if {
	is_object(data.compliance_symbols)
	num.positive(limits[limit])
	num.natural(observed)
	input.override.control == "CMP-01"
}
