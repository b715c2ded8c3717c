# METADATA
# title: Data integrity check
# description: |
#   Whoever watches the data that models work on must have said that it is whole, not longer ago
#   than the limit for models. A mismatch, or no word, stops trading. An order that
#   provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-05
#   severity: critical
#   owner: data management
#   regulation:
#     - house rule
#   fix103: 21
#   unit: ms
#   facts:
#     - model.data_integrity
#   limits:
#     - model_age_max_ms
#   remedy: |
#     Find out which data does not match, and have the service that pushes model.data_integrity
#     check it again.
# schemas:
#   - input: schema.document
package writ.controls.data_integrity

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "model_age_max_ms"

# The age of a mismatch would explain nothing.
observed := input.model.data_integrity.age_ms if input.model.data_integrity.value == true

proven if {
	input.model.data_integrity.value == true
	num.within(observed, limits[limit])
}

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
