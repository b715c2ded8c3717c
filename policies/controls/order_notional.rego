# METADATA
# title: Order notional
# description: |
#   The value of the order at its worst price must be known, above zero and within the limit for
#   a single order. An order that provably only reduces passes where its value is not known.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ORD-01
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(b)
#     - SEC Rule 15c3-5(c)(1)(ii)
#   fix103: 27
#   unit: micros
#   facts:
#     - order.notional_micros
#   limits:
#     - order_notional_max_micros
#   remedy: |
#     Send a smaller order, or ask the risk officers for a release with a higher
#     order_notional_max_micros.
# schemas:
#   - input: schema.document
package writ.controls.order_notional

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "order_notional_max_micros"

observed := input.order.notional_micros

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}

# Where no rate tells what it is worth, an exit is held by its quantity alone (ORD-02): a missing
# rate traps no position. What is known to be worth too much is split by its sender.
proven if {
	exits.reduces
	not input.order.notional_micros
}
