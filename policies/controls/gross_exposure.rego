# METADATA
# title: Gross exposure
# description: |
#   The sum of all positions without regard to their sign, with this order and every working
#   order filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: EXP-01
#   severity: high
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 20
#   unit: micros
#   facts:
#     - projected.gross_exposure_micros
#   limits:
#     - gross_exposure_max_micros
#   remedy: |
#     Reduce positions or cancel working orders first.
# schemas:
#   - input: schema.document
package writ.controls.gross_exposure

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "gross_exposure_max_micros"

observed := input.projected.gross_exposure_micros

proven if num.within(observed, limits[limit])

proven if exits.reduces
