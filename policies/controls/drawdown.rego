# METADATA
# title: Drawdown
# description: |
#   The fall of equity from the highest opening of a day, in basis points, must be known and
#   within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ACC-04
#   severity: high
#   owner: credit risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 25
#   unit: bps
#   facts:
#     - account.drawdown_bps
#   limits:
#     - drawdown_max_bps
#   remedy: |
#     Reduce positions with reduce-only orders, and have the loss looked at before trading on.
# schemas:
#   - input: schema.document
package writ.controls.drawdown

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "drawdown_max_bps"

observed := input.account.drawdown_bps

proven if num.within(observed, limits[limit])

proven if exits.reduces
