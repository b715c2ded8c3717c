# METADATA
# title: Omega 2, halt
# description: |
#   No new order while a halt covers it. The kill switch, volatility, drawdown and technical
#   faults all set a halt; only a named person lifts it.
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
#     - control.halted
#   limits: []
#   remedy: |
#     See which halt stands and who may lift it; cancels still work meanwhile.
# schemas:
#   - input: schema.document
package writ.controls.halt

proven if input.control.halted == false
