# METADATA
# title: Permission
# description: |
#   Where an order stays inside the gateway nobody has to permit it. Elsewhere a manifest does, and
#   only an exit that a named person lets out goes without: nothing may trap a position.
# schemas:
#   - input: schema.document
package writ.lib.permission

import data.writ.lib.exits

# METADATA
# description: Whether the mode keeps the order inside the gateway, where nothing need be signed.
inside if input.control.mode in {"RESEARCH", "SIMULATION"}

# METADATA
# description: Whether the order leaves for a broker's venue.
outside if input.control.mode in {"PAPER", "LIVE"}

# METADATA
# description: Whether the order only reduces and a named person has opened an exit-only state for it.
let_out if {
	exits.reduces
	input.permission.exit_open == true
}
