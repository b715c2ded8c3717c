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
#   facts: []
#   limits:
#     - approval_age_max_ms
#   remedy: |
#     Ask the risk officers for a release with an approval_age_max_ms above zero.
# schemas:
#   - data.limits: schema.limits
package writ.controls.approval_window

import data.writ.lib.num

proven if num.positive(data.limits.approval_age_max_ms)

figures["limit"] := data.limits.approval_age_max_ms
