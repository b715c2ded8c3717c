# METADATA
# title: Messages in a second
# description: |
#   The allowed orders of the account and the cancels that its callers asked for, over the last
#   second of market time and with this order among them, must be within the limit. The
#   cancels of a kill, a halt or a sweep are no messages of a caller and do not count.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: MSG-01
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(d)
#   fix103: 21
#   unit: count
#   facts:
#     - activity.messages_1s_count
#   limits:
#     - messages_per_second_max_count
#   remedy: |
#     Send again a second later, or ask the risk officers for a release with a higher
#     messages_per_second_max_count.
# schemas:
#   - input: schema.document
package writ.controls.message_rate_second

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "messages_per_second_max_count"

observed := input.activity.messages_1s_count

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}
