# METADATA
# title: Price collar, short window
# description: |
#   The worst price at which the order can fill must not lie further than the limit from the last
#   price as it was known five minutes ago. An order that provably only reduces passes.
# related_resources:
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: ORD-04
#   severity: high
#   owner: market risk
#   regulation:
#     - RTS 6 article 15(1)(a)
#     - SEC Rule 15c3-5(c)(1)(ii)
#   fix103: 16
#   unit: bps
#   facts:
#     - order.short_window_deviation_bps
#   limits:
#     - price_collar_short_max_bps
#   remedy: |
#     The market has moved far, or the price is far from where it was: price the order closer, or
#     wait until the move is older than the window.
# schemas:
#   - input: schema.document
package writ.controls.price_collar_short

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "price_collar_short_max_bps"

observed := input.order.short_window_deviation_bps

proven if num.within(observed, limits[limit])

# In a fall, what is held would be held longest. An exit's price is still bound to the quote (ORD-03).
proven if exits.reduces
