# METADATA
# title: Order kinds of the venue
# description: |
#   The venue must take the order as it is: its type, its time in force, and whatever it asks for
#   beyond that, such as reduce-only, extended hours or a short sale. In RESEARCH nothing is sent. A
#   venue need not know of reduce-only where position and working orders prove that the order
#   only reduces.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: VEN-02
#   severity: high
#   owner: trading desk
#   regulation:
#     - house rule
#   fix103: 11
#   unit: none
#   facts:
#     - control.mode
#     - order.extended_hours
#     - order.reduce_only
#     - order.side
#     - order.time_in_force
#     - order.type
#     - projected.reduces
#     - venue.extended_hours
#     - venue.reduce_only
#     - venue.shortable
#     - venue.times_in_force
#     - venue.types
#   limits: []
#   remedy: |
#     Use a type, a time in force and options that the broker of this account takes, or another
#     account.
# schemas:
#   - input: schema.document
package writ.controls.venue_takes

import data.writ.lib.exits

proven if input.control.mode == "RESEARCH"

proven if {
	input.venue.types[input.order.type] == true
	input.venue.times_in_force[input.order.time_in_force] == true
	kept_to_reducing
	taken(input.order.extended_hours, input.venue.extended_hours)
	taken(short, input.venue.shortable)
}

kept_to_reducing if taken(input.order.reduce_only, input.venue.reduce_only)

# What position and working orders prove needs no word of the venue.
kept_to_reducing if exits.reduces

short if input.order.side == "sell_short"

short := false if input.order.side in {"buy", "sell"}

taken(false, _)

taken(true, true)
