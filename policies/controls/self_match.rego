# METADATA
# title: No trade with oneself
# description: |
#   The price that the order may reach must not meet a working order of the other side, of any
#   account of this gateway. A working order stands at its limit, one without a limit at the far
#   edge of its collar. One whose stop the market has not reached is met only between its stop and
#   its own bound, where it would fill once it wakes.
# related_resources:
#   - description: FINRA Rule 5210, publication of transactions and quotations, supplementary material .02 self-trades
#     ref: https://www.finra.org/rules-guidance/rulebooks/finra-rules/5210
# custom:
#   id: SLF-01
#   severity: high
#   owner: market conduct
#   regulation:
#     - FINRA Rule 5210 supplementary material .02
#   fix103: 99
#   unit: price
#   facts:
#     - activity.opposite_price
#     - order.side
#     - order.worst_price
#   limits: []
#   remedy: |
#     An order of this house stands on the other side at that price (FIX: other, self-match). Wait
#     until it is filled, cancel it, or send a limit that does not reach it.
# schemas:
#   - input: schema.document
package writ.controls.self_match

import data.writ.lib.num

observed := input.activity.opposite_price

proven if input.activity.opposite_price == "none"

proven if {
	input.order.side == "buy"
	num.positive(input.order.worst_price)
	num.positive(observed)
	input.order.worst_price < observed
}

proven if {
	input.order.side in {"sell", "sell_short"}
	num.positive(input.order.worst_price)
	num.positive(observed)
	input.order.worst_price > observed
}
