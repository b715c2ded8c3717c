# METADATA
# title: Repeated execution
# description: |
#   The allowed orders of the strategy (of the account, where the order names none) over the
#   last five minutes of market time, with this one among them, must be within the limit. The
#   order that exceeds it halts the strategy or account until a named person resumes it; from
#   then on its orders are counted anew. Under a halt, exits that a named person lets through pass.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: REP-01
#   severity: critical
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(3)
#   fix103: 21
#   unit: count
#   facts:
#     - activity.repeated_300s_count
#     - control.exit_allowed
#     - control.halted
#     - order.account
#     - order.strategy_id
#   limits:
#     - repeated_orders_max_count
#   remedy: |
#     Find out why the strategy trades so often. Then a person with the operate scope resumes it
#     with writ resume, or the risk officers sign a release with a higher
#     repeated_orders_max_count.
# schemas:
#   - input: schema.document
package writ.controls.repeated_execution

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "repeated_orders_max_count"

observed := input.activity.repeated_300s_count

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}

# Exits that a named person lets through the halt pass here too: the count would hold them for
# another five minutes.
proven if {
	exits.reduces
	input.control.halted == true
	input.control.exit_allowed == true
}

# METADATA
# description: |
#   Only a count that is known to exceed a limit that stands halts anything: what cannot be read
#   is denied and no more.
latch := {"cause": "REPEATED_EXECUTION", "scope": doer} if {
	num.natural(observed)
	num.positive(limits[limit])
	not num.within(observed, limits[limit])
}

doer := {"kind": "strategy", "name": input.order.strategy_id} if input.order.strategy_id != "none"

doer := {"kind": "account", "name": input.order.account} if input.order.strategy_id == "none"
