# METADATA
# title: Short selling
# description: |
#   The value sold short, with this order and every working order filled, must be zero, or
#   within a limit that stands. Without a limit there is no short selling. An order that provably
#   only reduces passes.
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
#   unit: micros
#   facts:
#     - projected.short_notional_micros
#   limits:
#     - short_notional_max_micros
#   remedy: |
#     Sell no more than the account holds, counting orders that are still working.
# schemas:
#   - input: schema.document
package writ.controls.short_selling

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "short_notional_max_micros"

observed := input.projected.short_notional_micros

proven if observed == 0

proven if num.within(observed, limits[limit])

# It sells nothing short, whatever the rest of the account is worth.
proven if exits.reduces
