# METADATA
# title: Exits
# description: |
#   An order that can only take risk off: its caller asked for that, and position and working
#   orders prove that it can neither open, grow nor turn a position.
# schemas:
#   - input: schema.document
package writ.lib.exits

# METADATA
# description: Whether the order only reduces, by its caller's word and by the facts.
reduces if {
	input.order.reduce_only == true
	input.projected.reduces == true
}
