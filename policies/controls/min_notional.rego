# METADATA
# title: Below floor
# description: |
#   The order must be worth at least what the signed list and the venue ask for; zero is no floor.
#   A floor never keeps a position from being reduced.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: ORD-06
#   severity: high
#   owner: trading desk
#   regulation:
#     - house rule
#   fix103: 20
#   unit: micros
#   facts:
#     - control.mode
#     - instrument.min_notional_micros
#     - order.notional_micros
#     - order.reduce_only
#     - projected.reduces
#     - venue
#   limits: []
#   remedy: |
#     Below floor: order more at once, or leave it. Reducing a position has no floor: send the order
#     as reduce-only.
# schemas:
#   - input: schema.document
package writ.controls.min_notional

import data.writ.lib.exits
import data.writ.lib.num

observed := input.order.notional_micros

proven if {
	reaches(input.instrument.min_notional_micros)
	reaches_venue
}

proven if exits.reduces

reaches(0)

reaches(floor) if {
	num.positive(floor)
	num.positive(observed)
	observed >= floor
}

reaches_venue if reaches(input.venue.min_notional_micros)

# Nothing is sent, so no venue needs to be known.
reaches_venue if {
	input.control.mode == "RESEARCH"
	not input.venue
}
