# METADATA
# title: Sector exposure
# description: |
#   The share of equity that would stand in this instrument's sector, with this order and every
#   working order filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: EXP-03
#   severity: medium
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 3
#   facts:
#     - projected.sector_exposure_bps
#   limits:
#     - sector_exposure_max_bps
#   remedy: |
#     Reduce other positions of the same sector first.
# schemas:
#   - input: schema.document
#   - data.limits: schema.limits
package writ.controls.sector_exposure

import data.writ.lib.num

proven if num.within(input.projected.sector_exposure_bps, data.limits.sector_exposure_max_bps)

figures["observed"] := input.projected.sector_exposure_bps

figures["limit"] := data.limits.sector_exposure_max_bps
