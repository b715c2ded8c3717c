# METADATA
# title: Exchange rates
# description: |
#   The order's currency must be the base currency or have a rate, and every rate that the
#   document's money went through must be above zero and young enough. Money that needs no rate
#   proves it without a limit, and an order that provably only reduces passes.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: RAT-01
#   severity: high
#   owner: market risk
#   regulation:
#     - SEC Rule 15c3-5(c)(1)(i)
#     - house rule
#   fix103: 8
#   unit: ms
#   facts:
#     - instrument.currency
#     - rates
#   limits:
#     - exchange_rate_age_max_ms
#   remedy: |
#     Have the rate pushed again (fx.CURRENCY), and send the order once it is fresh.
# schemas:
#   - input: schema.document
package writ.controls.exchange_rates

import data.writ.lib.exits
import data.writ.lib.limits.effective as limits
import data.writ.lib.num

limit := "exchange_rate_age_max_ms"

# The oldest one; none where no money was converted, or where the order's own is not known.
observed := max([rate.age_ms | some rate in input.rates]) if converted

proven if {
	converted
	every rate in input.rates {
		num.positive(rate.rate_e8)
		num.within(rate.age_ms, limits[limit])
	}
}

# What is sold in its own currency needs no rate, and an old rate of something else is no reason
# to keep it.
proven if exits.reduces

converted if input.instrument.currency == data.base_currency

converted if is_object(input.rates[input.instrument.currency])
