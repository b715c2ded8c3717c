# METADATA
# title: Shapes of documents
# description: |
#   Closed objects and bounded texts. Each test first makes sure of the type, so that no
#   built-in function ever fails on a malformed document. Regular expressions are not used:
#   in WebAssembly each call compiles them anew, which costs a single order more than all its
#   controls do.
package writ.lib.shape

import data.writ.lib.num

digits := "0123456789"

capitals := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# What most identifiers are made of comes first: each character is looked for from the left.
identifier_characters := "0123456789abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-"

symbol_characters := "0123456789abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-/"

# METADATA
# description: An object with every required key, perhaps some optional ones, and no other.
closed(value, required, optional) if {
	is_object(value)
	object.keys(value) - optional == required
}

# METADATA
# description: An identifier of 1 to 64 characters, safe in logs, paths and messages.
identifier(value) if made_of(value, 1, 64, identifier_characters)

# METADATA
# description: A symbol as venues write them, 1 to 32 characters, such as BRK.B or BTC/USD.
symbol(value) if made_of(value, 1, 32, symbol_characters)

# METADATA
# description: Sixteen random bytes in lower hexadecimal.
salt(value) if made_of(value, 32, 32, "0123456789abcdef")

# METADATA
# description: A date YYYY-MM-DD.
date(value) if {
	is_string(value)
	[year, month, day] := split(value, "-")
	made_of(year, 4, 4, digits)
	made_of(month, 2, 2, digits)
	made_of(day, 2, 2, digits)
	month >= "01"
	month <= "12"
	day >= "01"
	day <= "31"
}

# METADATA
# description: A currency code of three letters.
currency(value) if made_of(value, 3, 3, capitals)

# METADATA
# description: How many decimals an integer carries; 8 at most, so that every scale is exact.
decimals(value) if {
	num.natural(value)
	value <= 8
}

# METADATA
# description: A text of at least one and at most 64 characters.
label(value) if {
	is_string(value)
	count(value) > 0
	count(value) <= 64
}

# METADATA
# description: A part of an object that is an integer of zero or more, or is not there.
natural_or_absent(value, name) if num.natural(object.get(value, name, 0))

# Nothing is left once every leading and trailing character of the set is taken away.
made_of(value, shortest, longest, characters) if {
	is_string(value)
	count(value) >= shortest
	count(value) <= longest
	trim(value, characters) == ""
}
