package writ.controls.exchange_rates_test

import data.writ.controls.exchange_rates
import data.writ.fixtures

limits := {"global": {"exchange_rate_age_max_ms": 100}}

fresh := {"rate_e8": 110000000, "age_ms": 100}

converting(rates) := object.union(fixtures.without("rates"), {"rates": rates})

in_euro(rates) := object.union(converting(rates), {"instrument": {"currency": "EUR"}})

test_the_base_currency_needs_no_rate_and_no_limit if {
	exchange_rates.proven with input as converting({}) with data.base_currency as "USD" with data.limits as {"global": {}}
}

test_at_the_limit if {
	exchange_rates.proven with input as in_euro({"EUR": fresh}) with data.base_currency as "USD" with data.limits as limits
}

test_one_beyond if {
	not exchange_rates.proven with input as in_euro({"EUR": {"rate_e8": 110000000, "age_ms": 101}}) with data.base_currency as "USD" with data.limits as limits
}

test_just_told if {
	exchange_rates.proven with input as in_euro({"EUR": {"rate_e8": 1, "age_ms": 0}}) with data.base_currency as "USD" with data.limits as limits
}

test_one_old_rate_among_young_ones if {
	rates := {"EUR": fresh, "GBP": {"rate_e8": 150000000, "age_ms": 101}}
	not exchange_rates.proven with input as in_euro(rates) with data.base_currency as "USD" with data.limits as limits
	exchange_rates.observed == 101 with input as in_euro(rates) with data.base_currency as "USD" with data.limits as limits
}

test_what_else_the_account_holds_counts_too if {
	exchange_rates.proven with input as converting({"EUR": fresh}) with data.base_currency as "USD" with data.limits as limits
	not exchange_rates.proven with input as converting({"EUR": {"rate_e8": 1, "age_ms": 101}}) with data.base_currency as "USD" with data.limits as limits
}

test_without_the_rate_of_its_currency if {
	not exchange_rates.proven with input as in_euro({}) with data.base_currency as "USD" with data.limits as limits
	not exchange_rates.proven with input as in_euro({"GBP": fresh}) with data.base_currency as "USD" with data.limits as limits
}

test_another_base_currency if {
	exchange_rates.proven with input as in_euro({}) with data.base_currency as "EUR" with data.limits as limits
	not exchange_rates.proven with input as converting({}) with data.base_currency as "EUR" with data.limits as limits
}

test_no_base_currency if {
	not exchange_rates.proven with input as converting({}) with data.base_currency as null with data.limits as limits
}

test_section_missing if {
	not exchange_rates.proven with input as fixtures.without("rates") with data.base_currency as "USD" with data.limits as limits
}

test_instrument_missing if {
	not exchange_rates.proven with input as fixtures.without("instrument") with data.base_currency as "USD" with data.limits as limits
}

test_limit_of_zero_or_missing if {
	every table in [{"exchange_rate_age_max_ms": 0}, {}] {
		not exchange_rates.proven with input as in_euro({"EUR": {"rate_e8": 1, "age_ms": 0}}) with data.base_currency as "USD" with data.limits as {"global": table}
	}
}

test_limit_of_another_type if {
	every limit in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {
		not exchange_rates.proven with input as in_euro({"EUR": fresh}) with data.base_currency as "USD" with data.limits as {"global": {"exchange_rate_age_max_ms": limit}}
	}
}

test_a_rate_that_is_none if {
	every value in [0, -1, 1.5, 9007199254740992, "1", null, true, [1]] {
		not exchange_rates.proven with input as in_euro({"EUR": {"rate_e8": value, "age_ms": 1}}) with data.base_currency as "USD" with data.limits as limits
	}
}

test_an_age_that_is_none if {
	every value in fixtures.not_natural {
		not exchange_rates.proven with input as in_euro({"EUR": {"rate_e8": 1, "age_ms": value}}) with data.base_currency as "USD" with data.limits as limits
	}
}

test_a_rate_without_its_parts if {
	every rate in [{"rate_e8": 1}, {"age_ms": 1}, {}, null, 110000000, "110000000"] {
		not exchange_rates.proven with input as in_euro({"EUR": rate}) with data.base_currency as "USD" with data.limits as limits
	}
}

old := {"EUR": {"rate_e8": 1, "age_ms": 101}}

an_exit(order, projected) := object.union(fixtures.exit, {"order": order, "projected": projected})

in_old_euro(document) := object.union(document, {"rates": old, "instrument": {"currency": "EUR"}})

test_an_exit_passes if {
	exchange_rates.proven with input as in_old_euro(an_exit({}, {})) with data.base_currency as "USD" with data.limits as limits
	bare := json.remove(in_old_euro(an_exit({}, {})), ["rates"])
	exchange_rates.proven with input as bare with data.base_currency as "USD" with data.limits as limits
}

test_what_only_says_that_it_is_an_exit_does_not if {
	entry := in_old_euro(an_exit({"reduce_only": false}, {}))
	not exchange_rates.proven with input as entry with data.base_currency as "USD" with data.limits as limits
	growing := in_old_euro(an_exit({}, {"reduces": false}))
	not exchange_rates.proven with input as growing with data.base_currency as "USD" with data.limits as limits
}

test_without_its_own_rate_nothing_is_observed if {
	not exchange_rates.observed with input as in_euro({"GBP": fresh}) with data.base_currency as "USD"
	exchange_rates.observed == 100 with input as in_euro({"EUR": fresh}) with data.base_currency as "USD"
}
