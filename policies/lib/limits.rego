# METADATA
# title: The limits of one order
# description: |
#   A limit stands in the global table. The tables of the order's account, strategy and symbol and
#   the operator's caps only tighten it: of a maximum the smallest counts, of a minimum the
#   largest. What is not an integer above zero counts as zero, in whichever table it stands, and
#   zero proves nothing.
# schemas:
#   - input: schema.document
#   - data.limits: schema.limits
package writ.lib.limits

import data.writ.lib.num

# METADATA
# description: The tables beside the global one that speak of this order.
tables["account"] := data.limits.accounts[input.order.account]

tables["strategy"] := data.limits.strategies[input.order.strategy_id]

tables["symbol"] := data.limits.symbols[input.order.symbol]

tables["caps"] := {name: value |
	some name, value in input.caps
	value != "none"
}

# METADATA
# description: Every limit of the global table, as it counts for this order.
effective := object.union(data.limits.global, tightened) if is_object(data.limits.global)

tightened := {name: strictest(name) |
	some table in tables
	some name, _ in table
	is_string(name)
}

strictest(name) := value if {
	num.positive(data.limits.global[name])
	found := {data.limits.global[name]} | {value | some table in tables; value := table[name]}
	every one in found {
		num.positive(one)
	}
	value := tightest(name, found)
} else := 0

tightest(name, found) := max(found) if contains(name, "_min_")

tightest(name, found) := min(found) if not contains(name, "_min_")

# METADATA
# description: Which table the effective limit comes from; the global one where several agree.
source(name) := "global" if {
	effective[name] == data.limits.global[name]
} else := min(decisive(name))

decisive(name) := {scope |
	some scope, table in tables
	value := table[name]
	decides(name, value)
}

decides(name, value) if value == effective[name]

decides(_, value) if not num.positive(value)
