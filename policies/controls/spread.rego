# METADATA
# title: Spread
# description: |
#   Bid and ask must not lie further apart than the limit, as a share of the price between them:
#   spread_check.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: MKT-02
#   severity: high
#   owner: market data
#   regulation:
#     - house rule
#   fix103: 21
#   unit: bps
#   facts:
#     - market.spread_bps
#   limits:
#     - spread_max_bps
#   remedy: |
#     Wait until the market in this symbol is narrower, or ask the risk officers for another limit.
# schemas:
#   - input: schema.document
package writ.controls.spread

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "spread_max_bps"

observed := input.market.spread_bps

proven if num.within(observed, limits[limit])
