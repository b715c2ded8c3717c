# METADATA
# title: Entropy check
# description: |
#   The entropy of what the model says (entropy_check) must be known, not older than the limit for
#   models, and not above the limit: above it the model is as good as guessing. An order that
#   provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-03
#   severity: high
#   owner: model risk
#   regulation:
#     - house rule
#   fix103: 21
#   unit: e4
#   facts:
#     - model.entropy_e4
#   limits:
#     - entropy_max_e4
#     - model_age_max_ms
#   remedy: |
#     Have the owners of the model look at it. If the entropy is not known or too old, check the
#     service that pushes model.entropy.
# schemas:
#   - input: schema.document
package writ.controls.entropy

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "entropy_max_e4"

# A reading that is too old is not known any more.
observed := input.model.entropy_e4.value if {
	num.within(input.model.entropy_e4.age_ms, limits.model_age_max_ms)
}

proven if num.within(observed, limits[limit])

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
