# METADATA
# title: Protocol firing check
# description: |
#   The protocols around the model must have fired as they are specified, and whoever watches them
#   must have said so not longer ago than the limit for models. A mismatch stops trading. An order that
#   provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-06
#   severity: critical
#   owner: model risk
#   regulation:
#     - house rule
#   fix103: 21
#   unit: ms
#   facts:
#     - model.protocol_firing
#   limits:
#     - model_age_max_ms
#   remedy: |
#     Compare what fired with what should have, and have the service that pushes
#     model.protocol_firing say when both agree.
# schemas:
#   - input: schema.document
package writ.controls.protocol_firing

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "model_age_max_ms"

# The age of a mismatch would explain nothing.
observed := input.model.protocol_firing.age_ms if input.model.protocol_firing.value == true

proven if {
	input.model.protocol_firing.value == true
	num.within(observed, limits[limit])
}

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
