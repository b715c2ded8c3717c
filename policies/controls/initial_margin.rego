# METADATA
# title: Initial margin
# description: |
#   Equity as a share of gross exposure, in basis points, with this order and every working order
#   filled, must be known and at least the minimum. Regulation T asks for a share of what is
#   bought; this rule of the house asks for it of the whole account.
# related_resources:
#   - description: Regulation T, 12 CFR 220.12, margin requirements
#     ref: https://www.ecfr.gov/current/title-12/section-220.12
# custom:
#   id: MGN-02
#   severity: high
#   owner: credit risk
#   regulation:
#     - Regulation T 12 CFR 220.12
#     - house rule
#   fix103: 25
#   unit: bps
#   facts:
#     - projected.initial_margin_bps
#   limits:
#     - initial_margin_min_bps
#   remedy: |
#     Send a smaller order, reduce positions, or add equity to the account.
# schemas:
#   - input: schema.document
package writ.controls.initial_margin

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "initial_margin_min_bps"

observed := input.projected.initial_margin_bps

proven if num.reaches(observed, limits[limit])

proven if exits.reduces
