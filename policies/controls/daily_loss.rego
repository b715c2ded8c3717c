# METADATA
# title: Daily loss
# description: |
#   The account's loss since the start of its day must be known and within the limit. A gain
#   counts as a loss of zero.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ACC-02
#   severity: critical
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 21
#   unit: micros
#   facts:
#     - account.day_loss_micros
#   limits:
#     - day_loss_max_micros
#   remedy: |
#     The account may not take new risk today; cancels still work. Speak to the risk officers.
# schemas:
#   - input: schema.document
package writ.controls.daily_loss

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "day_loss_max_micros"

observed := input.account.day_loss_micros

proven if num.within(observed, limits[limit])

proven if exits.reduces
