# METADATA
# title: Exact numbers
# description: |
#   The only comparisons that controls make. Rego orders values of different types (null is
#   less than every number), so nothing is compared before both sides are known to be
#   integers in range. A limit that is missing, zero or not an integer proves nothing.
package writ.lib.num

# The bound is 2^53: from there on, readers of JSON stop agreeing on what an integer is. It stands
# written out, because `0 - bound` is arithmetic of any precision in WebAssembly, and these few
# lines are most of what a decision costs.

# METADATA
# description: A whole number that every reader of JSON holds exactly.
integer(value) if {
	is_number(value)
	value < 9007199254740992
	value > -9007199254740992
	floor(value) == value
}

# METADATA
# description: An integer that is zero or more.
natural(value) if {
	is_number(value)
	value >= 0
	value < 9007199254740992
	floor(value) == value
}

# METADATA
# description: An integer above zero; the only thing that counts as a limit.
positive(value) if {
	is_number(value)
	value > 0
	value < 9007199254740992
	floor(value) == value
}

# METADATA
# description: Whether a fact is known and is at least a minimum that stands.
reaches(observed, limit) if {
	natural(observed)
	positive(limit)
	observed >= limit
}

# METADATA
# description: Whether a fact is known, is zero or more, and stays within a limit that stands.
within(observed, limit) if {
	natural(observed)
	positive(limit)
	observed <= limit
}
