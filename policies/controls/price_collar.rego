# METADATA
# title: Price collar
# description: |
#   The worst price at which the order can fill must be known and must not lie further from the
#   market than the collar allows.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ORD-03
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(a)
#     - SEC Rule 15c3-5(c)(1)(ii)
#   fix103: 16
#   unit: bps
#   facts:
#     - order.price_deviation_bps
#     - order.worst_price
#   limits:
#     - price_collar_max_bps
#   remedy: |
#     Price the order closer to the market, or wait for a fresh quote.
# schemas:
#   - input: schema.document
package writ.controls.price_collar

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "price_collar_max_bps"

observed := input.order.price_deviation_bps

proven if {
	num.positive(input.order.worst_price)
	num.within(observed, limits[limit])
}
