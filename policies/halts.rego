# METADATA
# title: Halts that are due
# description: |
#   Asked on every update of the facts. Calm must be proven: a missing value, a missing limit
#   or a limit of zero is a halt, as is a document that cannot be read.
# related_resources:
#   - description: Kill functionality, RTS 6 (Delegated Regulation (EU) 2017/589), article 12
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   limits:
#     - drawdown_max_bps
#     - volatility_index_max_e4
# schemas:
#   - input: schema.triggers
#   - data.limits: schema.limits
package writ.halts

import data.writ.lib.num

everywhere := {"kind": "global", "name": "*"}

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
	not drawdown_calm(alias, account)
	halt := object.union_n([
		{"cause": "OMEGA2_DRAWDOWN", "scope": {"kind": "account", "name": alias}},
		drawdown_observed(account),
		drawdown_limit(alias),
	])
}

# An index of zero is a broken feed, not calm.
volatility_calm if {
	num.positive(input.market.volatility_index_e4)
	num.within(input.market.volatility_index_e4, data.limits.global.volatility_index_max_e4)
}

accounts_known if is_object(input.accounts)

# An account's own table only tightens the global one, as it does for orders.
drawdown_calm(alias, account) if {
	num.within(account.drawdown_bps, data.limits.global.drawdown_max_bps)
	every own in drawdown_own(alias) {
		num.within(account.drawdown_bps, own)
	}
}

drawdown_own(alias) := {own | own := data.limits.accounts[alias].drawdown_max_bps}

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

drawdown_observed(account) := {"observed": value |
	value := account.drawdown_bps
	num.integer(value)
}

# The strictest is named: it is passed wherever another one is.
drawdown_limit(alias) := {"limit": min(limits)} if {
	limits := {value |
		some value in ({data.limits.global.drawdown_max_bps} | drawdown_own(alias))
		num.integer(value)
	}
	count(limits) > 0
} else := {}
