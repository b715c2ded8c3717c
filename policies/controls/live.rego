# METADATA
# title: LIVE
# description: |
#   In LIVE every gate must have been passed in this process and still be open: nothing opens it
#   but the unlock, and it closes by itself. In the other modes there is nothing to open. An order
#   that only reduces also passes where a named person has opened an exit-only state for it.
# related_resources:
#   - description: Trust root and manifests
#     ref: docs/signing.md
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: LIV-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)
#     - RTS 6 article 12
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#     - permission.live_open
#   limits: []
#   remedy: |
#     `writ mode` shows each gate of LIVE and what is missing. An Admin unlocks it when all of
#     them are open.
# schemas:
#   - input: schema.document
package writ.controls.live

import data.writ.lib.permission

proven if input.control.mode in {"RESEARCH", "SIMULATION", "PAPER"}

proven if {
	input.control.mode == "LIVE"
	input.permission.live_open == true
}

proven if permission.let_out
