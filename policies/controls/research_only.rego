# METADATA
# title: Omega 4, research only
# description: |
#   Nothing leaves the research mode unless the directive was lifted, on the record and for a
#   limited time. In research an order is decided and recorded, and never forwarded.
# related_resources:
#   - description: How to add a control
#     ref: docs/adding-a-control.md
# custom:
#   id: OMEGA-4
#   severity: critical
#   owner: compliance
#   regulation:
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#     - control.omega4_lifted
#   limits: []
#   remedy: |
#     An operator with the right to do so lifts Omega 4, with a reason and an end, or the
#     gateway runs in RESEARCH.
# schemas:
#   - input: schema.document
package writ.controls.research_only

forwarding_modes := {"SIMULATION", "PAPER", "LIVE"}

proven if input.control.mode == "RESEARCH"

proven if {
	input.control.mode in forwarding_modes
	input.control.omega4_lifted == true
}
