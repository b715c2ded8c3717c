# METADATA
# title: Regime parity
# description: |
#   In a CRISIS a purchase may be no larger a share of equity than the limit, unless an officer
#   has signed an override for exactly this order. An order that only reduces, and a sale, pass.
#   Without a known regime a purchase proves nothing; a limit of zero lets none pass in a CRISIS,
#   with or without an override.
# related_resources:
#   - description: Provenance and overrides
#     ref: docs/provenance.md
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: REG-01
#   severity: high
#   owner: model risk
#   regulation:
#     - RTS 6 article 15(6)
#     - house rule
#   fix103: 21
#   unit: bps
#   facts:
#     - model.regime.value
#     - order.equity_share_bps
#     - order.side
#     - override.control
#   limits:
#     - crisis_buy_max_bps
#   remedy: |
#     Send a smaller purchase, wait for another regime, or have an officer sign an override for
#     exactly this order (`writ override sign --control REG-01`). An override that has expired,
#     was used, or is for another order, gateway or mode counts as none.
# schemas:
#   - input: schema.document
package writ.controls.regime_parity

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "crisis_buy_max_bps"

# In any other regime the share is not what decides.
observed := input.order.equity_share_bps if input.model.regime.value == "CRISIS"

proven if input.order.side in {"sell", "sell_short"}

proven if exits.reduces

proven if input.model.regime.value in {"CALM", "NORMAL", "STRESSED"}

proven if {
	input.model.regime.value == "CRISIS"
	num.within(observed, limits[limit])
}

proven if {
	input.model.regime.value == "CRISIS"
	num.positive(limits[limit])
	num.natural(observed)
	input.override.control == "REG-01"
}
