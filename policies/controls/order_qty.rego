# METADATA
# title: Order quantity
# description: |
#   The number of units in the order, at 8 decimals, must be known, above zero and within the
#   limit for a single order.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ORD-02
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(c)
#     - SEC Rule 15c3-5(c)(1)(ii)
#   fix103: 13
#   unit: e8
#   facts:
#     - order.qty_e8
#   limits:
#     - order_qty_max_e8
#   remedy: |
#     Send a smaller quantity, or ask the risk officers for a release with a higher
#     order_qty_max_e8.
# schemas:
#   - input: schema.document
package writ.controls.order_qty

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "order_qty_max_e8"

observed := input.order.qty_e8

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}
