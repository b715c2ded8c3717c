# METADATA
# title: Drift check
# description: |
#   How far the model has drifted from what it was approved on (drift_check) must be known, not
#   older than the limit for models, and not above the limit. An order that
#   provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-04
#   severity: high
#   owner: model risk
#   regulation:
#     - house rule
#   fix103: 21
#   unit: e4
#   facts:
#     - model.drift_e4
#   limits:
#     - drift_max_e4
#     - model_age_max_ms
#   remedy: |
#     Have the model validated anew before it trades again. If the drift is not known or too old,
#     check the service that pushes model.drift.
# schemas:
#   - input: schema.document
package writ.controls.drift

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "drift_max_e4"

# A reading that is too old is not known any more.
observed := input.model.drift_e4.value if {
	num.within(input.model.drift_e4.age_ms, limits.model_age_max_ms)
}

proven if num.within(observed, limits[limit])

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
