# METADATA
# title: Orders of the same content
# description: |
#   Orders of one account that ask for the same thing (symbol, side, type, time in force,
#   quantity and prices) and were allowed over the last minute of market time, with this one
#   among them, must be within the limit: what looks like an order sent twice is one. A limit
#   of 1 lets no order be repeated within the minute.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: DUP-01
#   severity: high
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(ii)
#   fix103: 6
#   unit: count
#   facts:
#     - activity.identical_60s_count
#   limits:
#     - identical_orders_max_count
#   remedy: |
#     Check whether the order was sent already. If it is meant a second time, wait a minute, or
#     ask the risk officers for a release with a higher identical_orders_max_count.
# schemas:
#   - input: schema.document
package writ.controls.duplicate_order

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "identical_orders_max_count"

observed := input.activity.identical_60s_count

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}
