# METADATA
# title: Volatility check
# description: |
#   The volatility index (volatility_check) must be known, above zero, not older than the limit for
#   models, and not above the limit. An index of zero is a broken feed, not a calm market. An order
#   that provably only reduces passes.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MOD-01
#   severity: high
#   owner: market risk
#   regulation:
#     - house rule
#   fix103: 21
#   unit: e4
#   facts:
#     - model.volatility_e4
#   limits:
#     - volatility_index_max_e4
#     - model_age_max_ms
#   remedy: |
#     Wait until the market is calmer. If the index is not known or too old, check the service that
#     pushes model.volatility, or the market data feed.
# schemas:
#   - input: schema.document
package writ.controls.volatility

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "volatility_index_max_e4"

# A reading that is too old is not known any more.
observed := input.model.volatility_e4.value if {
	num.within(input.model.volatility_e4.age_ms, limits.model_age_max_ms)
}

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}

# The model speaks of what to begin; its silence traps nobody in what they hold.
proven if exits.reduces
