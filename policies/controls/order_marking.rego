# METADATA
# title: Order marking
# description: |
#   A sale says what it is. One that is marked as a sale of what the account holds may not end
#   short, with every working order filled; one that is marked short may. A purchase is neither.
# related_resources:
#   - description: Regulation SHO, Rule 200
#     ref: https://www.ecfr.gov/current/title-17/section-242.200
# custom:
#   id: SHT-02
#   severity: critical
#   owner: market risk
#   regulation:
#     - Regulation SHO Rule 200(g)
#   fix103: 22
#   unit: micros
#   facts:
#     - order.side
#     - projected.short_notional_micros
#   limits: []
#   remedy: |
#     Sell no more than the account holds, counting orders that are still working, or mark the
#     order as what it is: side sell_short.
# schemas:
#   - input: schema.document
package writ.controls.order_marking

import data.writ.lib.exits

observed := input.projected.short_notional_micros

proven if input.order.side in {"buy", "sell_short"}

proven if {
	input.order.side == "sell"
	observed == 0
}

proven if {
	input.order.side == "sell"
	exits.reduces
}
