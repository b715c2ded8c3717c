# METADATA
# title: Strategy
# description: |
#   In PAPER and in LIVE the manifest must allow the order's strategy; an order that names none
#   needs a manifest that allows every strategy. An order that only reduces also passes where a
#   named person has opened an exit-only state for it.
# related_resources:
#   - description: Trust root and manifests
#     ref: docs/signing.md
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: MAN-03
#   severity: critical
#   owner: compliance
#   regulation:
#     - RTS 6 article 5
#     - house rule
#   fix103: 99
#   unit: none
#   facts:
#     - control.mode
#     - permission.strategy
#   limits: []
#   remedy: |
#     Name a strategy that the manifest allows, or have the officers sign one that allows this one.
# schemas:
#   - input: schema.document
package writ.controls.manifest_strategy

import data.writ.lib.permission

proven if permission.inside

proven if {
	permission.outside
	input.permission.strategy == true
}

proven if permission.let_out
