# METADATA
# title: Positive equity
# description: |
#   The account's equity must be known and above zero.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ACC-01
#   severity: critical
#   owner: credit risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#   fix103: 25
#   unit: micros
#   facts:
#     - account.equity_micros
#   limits: []
#   remedy: |
#     Bring the account back above zero before it takes new risk; cancels still work.
# schemas:
#   - input: schema.document
package writ.controls.positive_equity

import data.writ.lib.exits
import data.writ.lib.num

observed := input.account.equity_micros

proven if num.positive(observed)

proven if exits.reduces
