# METADATA
# title: Short selling
# description: |
#   The value sold short, with this order and every working order filled, must be zero, or
#   within a limit that stands. Without a limit there is no short selling.
# related_resources:
#   - description: Regulation SHO, Rule 203
#     ref: https://www.ecfr.gov/current/title-17/section-242.203
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: SHT-01
#   severity: critical
#   owner: market risk
#   regulation:
#     - Regulation SHO Rule 203(b)
#     - SEC Rule 15c3-5(c)(2)
#   fix103: 22
#   facts:
#     - projected.short_notional_micros
#   limits:
#     - short_notional_max_micros
#   remedy: |
#     Sell no more than the account holds, counting orders that are still working.
# schemas:
#   - input: schema.document
#   - data.limits: schema.limits
package writ.controls.short_selling

import data.writ.lib.num

proven if input.projected.short_notional_micros == 0

proven if num.within(input.projected.short_notional_micros, data.limits.short_notional_max_micros)

figures["observed"] := input.projected.short_notional_micros

figures["limit"] := data.limits.short_notional_max_micros
