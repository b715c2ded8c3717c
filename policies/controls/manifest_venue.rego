# METADATA
# title: Venue
# description: |
#   The account must lead to a venue of the mode: into the gateway in SIMULATION, to a broker's
#   paper venue in PAPER, to its live one in LIVE. In PAPER and in LIVE the manifest that was
#   accepted last must name the account with exactly that broker, that number and those hosts. That
#   holds for exits as well, and after a lapse too: nothing goes where no officer ever sent it.
# related_resources:
#   - description: Trust root and manifests
#     ref: docs/signing.md
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: MAN-02
#   severity: critical
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)(iii)
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#     - permission.account
#     - permission.venue
#   limits: []
#   remedy: |
#     Send the order for an account whose broker is of this mode. Where an account leads is fixed
#     when the gateway starts; the officers sign a manifest that names its broker, number and hosts.
# schemas:
#   - input: schema.document
package writ.controls.manifest_venue

import data.writ.lib.permission

# Nothing is sent.
proven if input.control.mode == "RESEARCH"

proven if {
	input.control.mode == "SIMULATION"
	input.permission.venue == true
}

proven if {
	permission.outside
	input.permission.venue == true
	input.permission.account == true
}
