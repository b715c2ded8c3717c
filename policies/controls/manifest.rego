# METADATA
# title: Manifest
# description: |
#   In PAPER and in LIVE a manifest that the officers have signed must stand and must be for that
#   mode. What only decides and simulates needs none. An order that only reduces also passes where
#   a named person has opened an exit-only state for it.
# related_resources:
#   - description: Trust root and manifests
#     ref: docs/signing.md
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: MAN-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#     - permission.mode
#     - permission.standing
#   limits: []
#   remedy: |
#     Have the officers sign and publish a manifest for this mode (`writ manifest draft`), or run
#     in RESEARCH or SIMULATION. Positions can be reduced once a named person has opened an
#     exit-only state.
# schemas:
#   - input: schema.document
package writ.controls.manifest

import data.writ.lib.permission

proven if permission.inside

proven if {
	permission.outside
	input.permission.standing == true
	input.permission.mode == input.control.mode
}

proven if permission.let_out
