# METADATA
# title: Daily turnover
# description: |
#   What the account has traded today, with this order and every working order filled, must be
#   known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ACC-03
#   severity: high
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 20
#   unit: micros
#   facts:
#     - projected.day_turnover_micros
#   limits:
#     - day_turnover_max_micros
#   remedy: |
#     Cancel working orders that are no longer wanted, or wait for the next session.
# schemas:
#   - input: schema.document
package writ.controls.daily_turnover

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "day_turnover_max_micros"

observed := input.projected.day_turnover_micros

proven if num.within(observed, limits[limit])

proven if exits.reduces
