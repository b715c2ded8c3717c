# METADATA
# title: Omega 2, halt
# description: |
#   No new order while a halt covers it. The kill switch, volatility, drawdown and technical
#   faults all set a halt; only a named person lifts it. What provably only reduces may pass where
#   the halt allows it, or where a named person has opened an exit-only state beside it.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: OMEGA-2
#   severity: critical
#   owner: compliance
#   regulation:
#     - RTS 6 article 12
#   fix103: 21
#   unit: none
#   facts:
#     - control.exit_allowed
#     - control.halted
#   limits: []
#   remedy: |
#     See which halt stands and who may lift it; cancels still work meanwhile. To reduce a
#     position under it, send reduce_only and ask an admin to open an exit-only state.
# schemas:
#   - input: schema.document
package writ.controls.halt

import data.writ.lib.exits

proven if input.control.halted == false

proven if {
	exits.reduces
	input.control.halted == true
	input.control.exit_allowed == true
}
