# METADATA
# title: Approval window
# description: |
#   A release must say for how long an allowed order may be sent. The gate compares the age of
#   the decision with it just before sending; without a window nothing is sent.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: APR-01
#   severity: high
#   owner: compliance
#   regulation:
#     - house rule
#   fix103: 8
#   unit: ms
#   facts: []
#   limits:
#     - approval_age_max_ms
#   remedy: |
#     Ask the risk officers for a release with an approval_age_max_ms above zero.
package writ.controls.approval_window

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "approval_age_max_ms"

proven if num.positive(limits[limit])
