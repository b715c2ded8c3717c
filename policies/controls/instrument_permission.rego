# METADATA
# title: Instrument permission
# description: |
#   The account must be permitted to trade the asset class of the instrument. The account's own
#   entry in the signed permissions counts alone; the entry * counts for accounts without one.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: PRM-02
#   severity: high
#   owner: compliance
#   regulation:
#     - RTS 6 article 15(5)
#     - SEC Rule 15c3-5(c)(2)(ii)
#   fix103: 99
#   unit: none
#   facts:
#     - instrument.class
#     - order.account
#   limits: []
#   remedy: |
#     Trade an asset class that the account is permitted, or ask the compliance officers for a
#     release whose permissions name this one.
# schemas:
#   - input: schema.document
package writ.controls.instrument_permission

import data.writ.lib.permissions

proven if {
	is_string(input.order.account)
	is_string(input.instrument.class)
	permissions.class_permitted
}
