# METADATA
# title: Trading hours
# description: |
#   The market must be open and its close at least the limit away. An order for extended hours
#   passes where the venue trades in them and the account is permitted to.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MKT-03
#   severity: high
#   owner: trading desk
#   regulation:
#     - house rule
#   fix103: 2
#   unit: ms
#   facts:
#     - hours.open
#     - hours.to_close_ms
#     - order.account
#     - order.extended_hours
#     - venue.extended_hours
#   limits:
#     - close_buffer_min_ms
#   remedy: |
#     Send the order in the regular session, before the last minutes; extended hours need a venue
#     that trades in them and a permission of the account.
# schemas:
#   - input: schema.document
#   - data.permissions: schema.permissions
package writ.controls.trading_hours

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "close_buffer_min_ms"

# Of a closed market, the next close would explain nothing.
observed := input.hours.to_close_ms if input.hours.open == true

proven if {
	input.hours.open == true
	num.natural(observed)
	num.positive(limits[limit])
	observed >= limits[limit]
}

proven if {
	num.positive(limits[limit])
	input.order.extended_hours == true
	input.venue.extended_hours == true
	permission.extended_hours == true
}

# An entry for the account stands in place of the one for all.
permission := data.permissions[input.order.account] if {
	data.permissions[input.order.account]
} else := data.permissions["*"]
