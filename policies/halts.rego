# METADATA
# title: Halts that are due
# description: |
#   Asked on every update of the facts, after fills, rejections and reconciliations. Calm must be
#   proven: a missing value, a missing limit or a limit of zero is a halt, as is a document that
#   cannot be read. What a caller may say is unknown yet, the document says by name.
# related_resources:
#   - description: Kill functionality, RTS 6 (Delegated Regulation (EU) 2017/589), article 12
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   limits:
#     - day_loss_max_micros
#     - drawdown_max_bps
#     - reconciliation_drift_max_bps
#     - rejections_in_a_row_max_count
#     - volatility_index_max_e4
# schemas:
#   - input: schema.triggers
#   - data.limits: schema.limits
package writ.halts

import data.writ.lib.num

everywhere := {"kind": "global", "name": "*"}

# METADATA
# description: |
#   What of an account is compared, by the cause of the halt: the fact and its limit. What is
#   `valued` is known only where the account has a price for all it holds; what is `compared` is
#   "none" until somebody has compared the account with its broker.
judged := {
	"OMEGA2_DAILY_LOSS": {"fact": "day_loss_micros", "limit": "day_loss_max_micros", "known": "valued"},
	"OMEGA2_DRAWDOWN": {"fact": "drawdown_bps", "limit": "drawdown_max_bps", "known": "valued"},
	"OMEGA2_DRIFT": {"fact": "drift_bps", "limit": "reconciliation_drift_max_bps", "known": "compared"},
	"OMEGA2_REJECTIONS": {"fact": "rejected_in_a_row", "limit": "rejections_in_a_row_max_count", "known": "always"},
}

# METADATA
# title: The causes for a halt that stand now
# description: A set of causes, each with its scope and the observed value and limit if known.
# entrypoint: true
triggered contains halt if {
	not volatility_calm
	halt := object.union_n([
		{"cause": "OMEGA2_VOLATILITY", "scope": everywhere},
		volatility_observed,
		volatility_limit,
	])
}

triggered contains {"cause": "OMEGA2_DRAWDOWN", "scope": everywhere} if not accounts_known

triggered contains halt if {
	accounts_known
	some alias, account in input.accounts
	some cause, rule in judged
	not calm(alias, account, rule)
	halt := object.union_n([
		{"cause": cause, "scope": {"kind": "account", "name": alias}},
		observed(account, rule),
		limit(alias, rule),
	])
}

# An index of zero is a broken feed, not calm.
volatility_calm if {
	num.positive(input.market.volatility_index_e4)
	num.within(input.market.volatility_index_e4, data.limits.global.volatility_index_max_e4)
}

# Before anybody has spoken of it, its absence is no halt: no order that needs it passes either.
volatility_calm if {
	input.market.volatility_told == false
	not "volatility_index_e4" in object.keys(input.market)
}

accounts_known if is_object(input.accounts)

# An account's own table only tightens the global one, as it does for orders.
calm(alias, account, rule) if {
	num.within(account[rule.fact], data.limits.global[rule.limit])
	every own in own_limits(alias, rule.limit) {
		num.within(account[rule.fact], own)
	}
}

# Only what is known was asked for. What cannot be valued is no news; orders that need it are denied.
calm(_, account, rule) if {
	rule.known == "valued"
	input.known_only == true
	is_object(account)
	not rule.fact in object.keys(account)
}

# Nobody has compared yet: there is no drift to speak of, and a limit for when there is.
calm(alias, account, rule) if {
	rule.known == "compared"
	account[rule.fact] == "none"
	num.positive(data.limits.global[rule.limit])
	every own in own_limits(alias, rule.limit) {
		num.positive(own)
	}
}

own_limits(alias, name) := {own | own := data.limits.accounts[alias][name]}

# Comprehensions, because they are empty where the value is missing: an undefined part would
# take the whole halt with it.
volatility_observed := {"observed": value |
	value := input.market.volatility_index_e4
	num.integer(value)
}

volatility_limit := {"limit": value |
	value := data.limits.global.volatility_index_max_e4
	num.integer(value)
}

observed(account, rule) := {"observed": value |
	value := account[rule.fact]
	num.integer(value)
}

# The strictest is named: it is passed wherever another one is.
limit(alias, rule) := {"limit": min(limits)} if {
	limits := {value |
		some value in ({data.limits.global[rule.limit]} | own_limits(alias, rule.limit))
		num.integer(value)
	}
	count(limits) > 0
} else := {}
