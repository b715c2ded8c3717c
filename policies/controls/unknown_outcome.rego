# METADATA
# title: Unknown outcome
# description: |
#   No new risk in an account and symbol while nobody knows what became of an order there: it may
#   be filled, working or nowhere, and whatever is decided meanwhile rests on a guess. An order that
#   provably only reduces may pass, because its proof counts every order in doubt as filled in full
#   against it; not where a broker told something that cannot be true, because then the position
#   itself is in question, and no worst case is known.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: UNK-01
#   severity: critical
#   owner: operations
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 99
#   unit: count
#   facts:
#     - doubt.anomalies
#     - doubt.orders
#   limits: []
#   remedy: |
#     What became of an order is being found out; see the orders of this account and symbol. One
#     that waits for a person is settled by hand (writ order settle).
# schemas:
#   - input: schema.document
package writ.controls.unknown_outcome

import data.writ.lib.exits
import data.writ.lib.num

observed := input.doubt.orders

proven if {
	input.doubt.orders == 0
	input.doubt.anomalies == 0
}

proven if {
	exits.reduces
	num.natural(input.doubt.orders)
	input.doubt.anomalies == 0
}
