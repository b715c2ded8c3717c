# METADATA
# title: Restricted list
# description: |
#   The symbol must not be on the signed list of restricted symbols, nor on an overlay that a risk
#   officer has signed since. Restricted means hands off: an order that only reduces does not pass
#   either, and no override stands in for it.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: LST-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)(ii)
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - order.symbol
#     - overlay.restricted
#   limits: []
#   remedy: |
#     Leave this symbol alone. The compliance officers decide when a release takes it off the
#     list, and an overlay ends by itself; positions in it are theirs to clear.
# schemas:
#   - input: schema.document
#   - data.restricted: schema.restricted
package writ.controls.restricted_list

# A list that is missing, or is none, says nothing about what is not on it.
proven if {
	is_object(data.restricted)
	is_string(input.order.symbol)
	not input.order.symbol in object.keys(data.restricted)
	input.overlay.restricted == false
}
