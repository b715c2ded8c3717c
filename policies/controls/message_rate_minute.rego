# METADATA
# title: Messages in a minute
# description: |
#   The allowed orders of the account and the cancels that its callers asked for, over the last
#   minute of market time and with this order among them, must be within the limit. The
#   cancels of a kill, a halt or a sweep are no messages of a caller and do not count.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: MSG-02
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(d)
#   fix103: 21
#   unit: count
#   facts:
#     - activity.messages_60s_count
#   limits:
#     - messages_per_minute_max_count
#   remedy: |
#     Send fewer orders and cancels, or ask the risk officers for a release with a higher
#     messages_per_minute_max_count.
# schemas:
#   - input: schema.document
package writ.controls.message_rate_minute

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "messages_per_minute_max_count"

observed := input.activity.messages_60s_count

proven if {
	num.positive(observed)
	num.within(observed, limits[limit])
}
