# METADATA
# title: Short sale restriction
# description: |
#   While the venue restricts short sales in the symbol, one must have a limit above the bid. In
#   RESEARCH nothing is sent.
# related_resources:
#   - description: Regulation SHO Rule 201, circuit breaker
#     ref: https://www.ecfr.gov/current/title-17/section-242.201
# custom:
#   id: SHT-04
#   severity: high
#   owner: compliance
#   regulation:
#     - Regulation SHO 242.201(b)
#   fix103: 22
#   unit: none
#   facts:
#     - control.mode
#     - market.bid
#     - order.limit_price
#     - order.side
#     - venue.short_restricted
#   limits: []
#   remedy: |
#     Price the short sale above the bid, or wait until the restriction ends with the next session.
# schemas:
#   - input: schema.document
package writ.controls.short_sale_restriction

import data.writ.lib.num

proven if input.control.mode == "RESEARCH"

proven if input.order.side in {"buy", "sell"}

proven if {
	input.order.side == "sell_short"
	input.venue.short_restricted == false
}

proven if {
	input.order.side == "sell_short"
	input.venue.short_restricted == true
	num.positive(input.market.bid)
	num.positive(input.order.limit_price)
	input.order.limit_price > input.market.bid
}
