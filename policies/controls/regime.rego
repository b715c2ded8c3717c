# METADATA
# title: Regime check
# description: |
#   The market regime (regime_check) must be known, one of the four that there are, and not older
#   than the limit for models. What a regime allows is for other controls to say. An order that
#   provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-02
#   severity: high
#   owner: market risk
#   regulation:
#     - house rule
#   fix103: 21
#   unit: ms
#   facts:
#     - model.regime
#   limits:
#     - model_age_max_ms
#   remedy: |
#     Check the service that pushes model.regime: it is silent, late, or names a regime that there
#     is not.
# schemas:
#   - input: schema.document
package writ.controls.regime

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "model_age_max_ms"

observed := input.model.regime.age_ms

proven if {
	input.model.regime.value in {"CALM", "NORMAL", "STRESSED", "CRISIS"}
	num.within(observed, limits[limit])
}

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
