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
#   unit: bps
#   facts:
#     - projected.sector_exposure_bps
#   limits:
#     - sector_exposure_max_bps
#   remedy: |
#     Reduce other positions of the same sector first.
# schemas:
#   - input: schema.document
package writ.controls.sector_exposure

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "sector_exposure_max_bps"

observed := input.projected.sector_exposure_bps

proven if num.within(observed, limits[limit])

proven if exits.reduces
