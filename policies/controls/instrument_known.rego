# METADATA
# title: Instrument known
# description: |
#   The symbol must be listed in the release, the facts must describe it as the release does,
#   and quantity and prices must be whole lots and ticks at its scale.
# related_resources:
#   - description: SEC Rule 15c3-5, risk management controls for brokers or dealers with market access
#     ref: https://www.ecfr.gov/current/title-17/section-240.15c3-5
# custom:
#   id: INS-01
#   severity: high
#   owner: compliance
#   regulation:
#     - SEC Rule 15c3-5(c)(2)
#     - RTS 6 article 15(5)
#   fix103: 1
#   unit: none
#   facts:
#     - instrument
#     - order.limit_price
#     - order.price_decimals
#     - order.qty
#     - order.qty_decimals
#     - order.stop_price
#     - order.symbol
#   limits: []
#   remedy: |
#     Use a symbol that the release lists, at its lot and tick, or ask the risk officers for a
#     release that lists it.
# schemas:
#   - input: schema.document
#   - data.instruments: schema.instruments
package writ.controls.instrument_known

import data.writ.lib.num

listed := data.instruments[input.order.symbol]

proven if {
	listed == input.instrument
	listed.qty_decimals == input.order.qty_decimals
	listed.price_decimals == input.order.price_decimals
	whole(input.order.qty, listed.lot)
	on_tick(input.order.limit_price)
	on_tick(input.order.stop_price)
}

on_tick("none")

on_tick(price) if whole(price, listed.tick)

whole(value, step) if {
	num.positive(value)
	num.positive(step)
	value % step == 0
}
