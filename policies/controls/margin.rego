# METADATA
# title: Margin
# description: |
#   The amount borrowed from the broker, with this order and every working order filled, must be
#   zero, or within a limit that stands. Without a limit there is no margin.
# related_resources:
#   - description: Regulation T, credit by brokers and dealers
#     ref: https://www.ecfr.gov/current/title-12/part-220
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: MGN-01
#   severity: critical
#   owner: credit risk
#   regulation:
#     - Regulation T
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 25
#   unit: micros
#   facts:
#     - projected.margin_debit_micros
#   limits:
#     - margin_debit_max_micros
#   remedy: |
#     Send an order that the account's cash can pay for, counting orders that are still working.
# schemas:
#   - input: schema.document
package writ.controls.margin

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "margin_debit_max_micros"

observed := input.projected.margin_debit_micros

proven if observed == 0

proven if num.within(observed, limits[limit])

proven if exits.reduces
