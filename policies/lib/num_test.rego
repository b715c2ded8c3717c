package writ.lib.num_test

import data.writ.lib.num

test_integers if {
	every value in [0, 1, -1, 9007199254740991, -9007199254740991] {
		num.integer(value)
	}
}

test_not_integers if {
	every value in [9007199254740992, -9007199254740992, 1.5, 1e400, "1", null, true, [1], {"a": 1}] {
		not num.integer(value)
	}
}

test_natural_starts_at_zero if {
	num.natural(0)
	not num.natural(-1)
	not num.natural(null)
}

test_positive_starts_at_one if {
	num.positive(1)
	not num.positive(0)
	not num.positive(-1)
}

test_within_at_the_limit if num.within(5, 5)

test_within_below_the_limit if num.within(0, 5)

test_not_within_beyond_the_limit if not num.within(6, 5)

test_a_zero_limit_proves_nothing if not num.within(0, 0)

test_a_negative_fact_proves_nothing if not num.within(-1, 5)

test_types_are_never_compared if {
	every pair in [[null, 5], [false, 5], ["1", 5], [1, null], [1, "5"], [1, []]] {
		not num.within(pair[0], pair[1])
	}
}

test_reaches_at_the_minimum if num.reaches(5, 5)

test_reaches_above_the_minimum if num.reaches(6, 5)

test_not_reaches_below_the_minimum if not num.reaches(4, 5)

test_a_minimum_of_zero_proves_nothing if not num.reaches(5, 0)

test_what_reaches_is_of_its_type if {
	every pair in [[null, 5], ["9", 5], [true, 5], [9, null], [9, "5"], [9, []], [9, -1]] {
		not num.reaches(pair[0], pair[1])
	}
}
