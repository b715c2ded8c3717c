# METADATA
# title: Compliance
# description: |
#   The mode must be one in which no real money moves: RESEARCH, SIMULATION or PAPER. LIVE is not
#   proven by anything in this release: a signed manifest of approvals is not yet a fact, and
#   what cannot be read proves nothing.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: CMP-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#   limits: []
#   remedy: |
#     Run in RESEARCH, SIMULATION or PAPER. LIVE needs a manifest that the officers have signed,
#     which this version cannot take.
# schemas:
#   - input: schema.document
package writ.controls.compliance

without_money := {"RESEARCH", "SIMULATION", "PAPER"}

proven if input.control.mode in without_money
