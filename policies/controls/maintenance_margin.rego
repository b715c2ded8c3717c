# METADATA
# title: Maintenance margin
# description: |
#   Equity as a share of gross exposure, in basis points, as positions and working orders stand
#   without this order, must be known and at least the minimum. An account below it may only
#   reduce.
# related_resources:
#   - description: FINRA Rule 4210, margin requirements
#     ref: https://www.finra.org/rules-guidance/rulebooks/finra-rules/4210
# custom:
#   id: MGN-03
#   severity: high
#   owner: credit risk
#   regulation:
#     - FINRA Rule 4210(c)
#     - house rule
#   fix103: 25
#   unit: bps
#   facts:
#     - account.maintenance_margin_bps
#   limits:
#     - maintenance_margin_min_bps
#   remedy: |
#     Reduce positions with reduce-only orders, or add equity to the account.
# schemas:
#   - input: schema.document
package writ.controls.maintenance_margin

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "maintenance_margin_min_bps"

observed := input.account.maintenance_margin_bps

proven if num.reaches(observed, limits[limit])

proven if exits.reduces
