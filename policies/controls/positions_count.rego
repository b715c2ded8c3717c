# METADATA
# title: Number of positions
# description: |
#   The number of positions the account would hold, with this order and every working order
#   filled, must be known and within the limit.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: POS-01
#   severity: medium
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 3
#   unit: count
#   facts:
#     - projected.positions_count
#   limits:
#     - positions_max_count
#   remedy: |
#     Close a position or cancel a working order in another symbol first.
# schemas:
#   - input: schema.document
package writ.controls.positions_count

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "positions_max_count"

observed := input.projected.positions_count

proven if num.within(observed, limits[limit])

proven if exits.reduces
