# METADATA
# title: Share of equity in one order
# description: |
#   One order may be worth no more than a share of the account's equity.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: ORD-07
#   severity: high
#   owner: market risk
#   regulation:
#     - house rule
#   fix103: 3
#   unit: bps
#   facts:
#     - order.equity_share_bps
#   limits:
#     - order_share_max_bps
#   remedy: |
#     Send a smaller order, or several over time.
# schemas:
#   - input: schema.document
package writ.controls.order_share

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "order_share_max_bps"

observed := input.order.equity_share_bps

proven if num.within(observed, limits[limit])
