# METADATA
# title: Venue terms
# description: |
#   The venue must say that it trades the symbol, not longer ago than the limit, and the order must
#   be in its lots and ticks too: of the signed list and the venue the stricter counts. In RESEARCH
#   nothing is sent and no venue is needed.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: VEN-01
#   severity: high
#   owner: trading desk
#   regulation:
#     - SEC Rule 15c3-5(c)(2)
#     - house rule
#   fix103: 18
#   unit: ms
#   facts:
#     - control.mode
#     - order.limit_price
#     - order.qty
#     - order.stop_price
#     - venue.age_ms
#     - venue.lot
#     - venue.tick
#     - venue.tradable
#   limits:
#     - venue_age_max_ms
#   remedy: |
#     Send the order at a lot and tick that list and venue share; if the venue is not known, check
#     the connection to the broker.
# schemas:
#   - input: schema.document
package writ.controls.venue_terms

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "venue_age_max_ms"

# The age of terms that the order does not fit would explain nothing.
observed := input.venue.age_ms if fits

proven if input.control.mode == "RESEARCH"

proven if {
	num.within(observed, limits[limit])
	fits
}

fits if {
	input.venue.tradable == true
	whole(input.order.qty, input.venue.lot)
	on_tick(input.order.limit_price)
	on_tick(input.order.stop_price)
}

on_tick("none")

on_tick(price) if whole(price, input.venue.tick)

whole(value, step) if {
	num.positive(value)
	num.positive(step)
	value % step == 0
}
