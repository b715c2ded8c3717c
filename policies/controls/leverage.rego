# METADATA
# title: Leverage
# description: |
#   Gross exposure against equity, in basis points, with this order and every working order
#   filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: EXP-02
#   severity: high
#   owner: credit risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 25
#   unit: bps
#   facts:
#     - projected.leverage_bps
#   limits:
#     - leverage_max_bps
#   remedy: |
#     Reduce positions or add equity to the account.
# schemas:
#   - input: schema.document
package writ.controls.leverage

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "leverage_max_bps"

observed := input.projected.leverage_bps

proven if num.within(observed, limits[limit])

proven if exits.reduces
