# METADATA
# title: Provenance
# description: |
#   An order that names the run it comes from passes only if that run is attested: by a signed
#   statement over the run's output file from a trusted key, or by the ledger of audits. An order
#   that names no run makes no claim.
# related_resources:
#   - description: Provenance and overrides
#     ref: docs/provenance.md
# custom:
#   id: PRV-01
#   severity: high
#   owner: model risk
#   regulation:
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - order.source_run
#     - provenance.attested
#     - provenance.source_run
#   limits: []
#   remedy: |
#     Have the run attested (`writ signal attest`, with its output file beside it unchanged) or
#     listed as audited in the run ledger; GET /readyz and `writ doctor` say which files were
#     refused.
# schemas:
#   - input: schema.document
package writ.controls.provenance

proven if input.order.source_run == "none"

proven if {
	is_string(input.order.source_run)
	input.provenance.source_run == input.order.source_run
	input.provenance.attested == true
}
