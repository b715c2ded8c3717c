# METADATA
# title: Quote age
# description: |
#   There must be a quote for the symbol, and it must not be older than the limit on the market
#   clock.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: MKT-01
#   severity: high
#   owner: market data
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(ii)
#     - house rule
#   fix103: 19
#   unit: ms
#   facts:
#     - market.age_ms
#   limits:
#     - quote_age_max_ms
#   remedy: |
#     Signal rejected due to stale market data. Required < 15s latency. Check the market data feed
#     for this symbol, see which limit applies, and send the order again once the quote is fresh.
# schemas:
#   - input: schema.document
package writ.controls.quote_age

import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "quote_age_max_ms"

observed := input.market.age_ms

proven if num.within(observed, limits[limit])
