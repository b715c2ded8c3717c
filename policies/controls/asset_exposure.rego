# METADATA
# title: Asset exposure
# description: |
#   The share of equity in the order's instrument, in basis points, with this order and every
#   working order filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: EXP-04
#   severity: high
#   owner: credit risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 25
#   unit: bps
#   facts:
#     - projected.asset_exposure_bps
#   limits:
#     - asset_exposure_max_bps
#   remedy: |
#     Send a smaller order, or reduce the position in this instrument first.
# schemas:
#   - input: schema.document
package writ.controls.asset_exposure

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "asset_exposure_max_bps"

observed := input.projected.asset_exposure_bps

proven if num.within(observed, limits[limit])

proven if exits.reduces
