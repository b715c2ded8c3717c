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
#   facts:
#     - projected.gross_exposure_micros
#   limits:
#     - gross_exposure_max_micros
#   remedy: |
#     Reduce positions or cancel working orders first.
# schemas:
#   - input: schema.document
#   - data.limits: schema.limits
package writ.controls.gross_exposure

import data.writ.lib.num

proven if num.within(input.projected.gross_exposure_micros, data.limits.gross_exposure_max_micros)

figures["observed"] := input.projected.gross_exposure_micros

figures["limit"] := data.limits.gross_exposure_max_micros
