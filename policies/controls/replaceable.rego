# METADATA
# title: Replaceable
# description: |
#   An order that takes the place of another one needs one that still works, in the same account
#   and symbol and on the same side. It is counted in the place of that one, so nothing else may be
#   taken away from the count; and what of that one was filled must be known, because the gate lets
#   the order out for exactly what remained.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: RPL-01
#   severity: high
#   owner: engineering
#   regulation:
#     - house rule
#   fix103: 5
#   unit: none
#   facts:
#     - order.replaces
#     - replaced.filled_qty
#     - replaced.order_id
#     - replaced.same
#     - replaced.working
#   limits: []
#   remedy: |
#     See what has become of the order (GET /v1/orders/{id}): replace one that the broker has and
#     that can still fill.
# schemas:
#   - input: schema.document
package writ.controls.replaceable

import data.writ.lib.num

proven if input.order.replaces == "none"

proven if {
	input.replaced.order_id == input.order.replaces
	input.replaced.working == true
	input.replaced.same == true
	num.natural(input.replaced.filled_qty)
}
