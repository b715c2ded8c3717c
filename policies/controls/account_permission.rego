# METADATA
# title: Account permission
# description: |
#   Whoever proposes the order must be permitted to trade for its account. The account's own
#   entry in the signed permissions counts alone; the entry * counts for accounts without one.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: PRM-01
#   severity: critical
#   owner: compliance
#   regulation:
#     - RTS 6 article 15(5)
#     - SEC Rule 15c3-5(c)(2)(ii)
#     - SEC Rule 15c3-5(c)(2)(iii)
#   fix103: 99
#   unit: none
#   facts:
#     - ids.principal
#     - order.account
#   limits: []
#   remedy: |
#     Propose with a key that is permitted for this account, or ask the compliance officers for
#     a release whose permissions name it.
# schemas:
#   - input: schema.document
package writ.controls.account_permission

import data.writ.lib.permissions

proven if {
	is_string(input.order.account)
	is_string(input.ids.principal)
	permissions.principal_permitted
}
