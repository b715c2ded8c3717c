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
#   facts:
#     - projected.leverage_bps
#   limits:
#     - leverage_max_bps
#   remedy: |
#     Reduce positions or add equity to the account.
# schemas:
#   - input: schema.document
#   - data.limits: schema.limits
package writ.controls.leverage

import data.writ.lib.num

proven if num.within(input.projected.leverage_bps, data.limits.leverage_max_bps)

figures["observed"] := input.projected.leverage_bps

figures["limit"] := data.limits.leverage_max_bps
