# METADATA
# title: Locate
# description: |
#   A short sale needs shares that can be borrowed: the release says that they are easy to borrow,
#   or a lender has promised them and the order names the promise. What it lists as not to be
#   borrowed is never sold short.
# related_resources:
#   - description: Regulation SHO, Rule 203
#     ref: https://www.ecfr.gov/current/title-17/section-242.203
# custom:
#   id: SHT-03
#   severity: critical
#   owner: market risk
#   regulation:
#     - Regulation SHO Rule 203(b)(1)
#   fix103: 22
#   unit: none
#   facts:
#     - instrument.borrow
#     - order.locate_id
#     - order.side
#   limits: []
#   remedy: |
#     Obtain a locate from the lender and name it in locate_id.
# schemas:
#   - input: schema.document
package writ.controls.locate

import data.writ.lib.shape

proven if input.order.side in {"buy", "sell"}

proven if {
	input.order.side == "sell_short"
	input.instrument.borrow == "easy"
}

proven if {
	input.order.side == "sell_short"
	input.instrument.borrow == "locate"
	shape.identifier(input.order.locate_id)
	input.order.locate_id != "none"
}
