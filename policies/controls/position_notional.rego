# METADATA
# title: Position notional
# description: |
#   The value of the account's position in this symbol, with this order and every working order
#   filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: POS-02
#   severity: high
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 20
#   unit: micros
#   facts:
#     - projected.position_notional_micros
#   limits:
#     - position_notional_max_micros
#   remedy: |
#     Send a smaller order, or reduce the position in this symbol first.
# schemas:
#   - input: schema.document
package writ.controls.position_notional

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "position_notional_max_micros"

observed := input.projected.position_notional_micros

proven if num.within(observed, limits[limit])

proven if exits.reduces
