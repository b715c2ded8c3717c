package writ.lib.shape_test

import data.writ.lib.shape

not_text := [null, true, 5, [], {}]

test_closed if {
	shape.closed({"a": 1}, {"a"}, {"b"})
	shape.closed({"a": 1, "b": 2}, {"a"}, {"b"})
	not shape.closed({"b": 2}, {"a"}, {"b"})
	not shape.closed({"a": 1, "c": 3}, {"a"}, {"b"})
}

test_closed_demands_an_object if {
	every value in [null, true, 5, "a", ["a"], {"a"}] {
		not shape.closed(value, {"a"}, set())
	}
}

test_identifier if {
	shape.identifier("ord_0-A.b:c")
	shape.identifier(concat("", [c | some _ in numbers.range(1, 64); c := "x"]))
	not shape.identifier(concat("", [c | some _ in numbers.range(1, 65); c := "x"]))
	every value in array.concat(not_text, ["", "a b", "a/b", "a\n", "é"]) {
		not shape.identifier(value)
	}
}

test_symbol if {
	every value in ["AAPL", "BRK.B", "BTC/USD"] {
		shape.symbol(value)
	}
	every value in array.concat(not_text, ["", "A B", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"]) {
		not shape.symbol(value)
	}
}

test_salt if {
	shape.salt("0123456789abcdef0123456789abcdef")
	every value in array.concat(not_text, ["", "0123456789ABCDEF0123456789ABCDEF", "00"]) {
		not shape.salt(value)
	}
}

test_date if {
	shape.date("2015-08-24")
	every value in array.concat(not_text, ["", "2015-13-01", "2015-00-10", "2015-01-32", "24.08.2015"]) {
		not shape.date(value)
	}
}

test_currency if {
	shape.currency("USD")
	every value in array.concat(not_text, ["", "usd", "USDT"]) {
		not shape.currency(value)
	}
}

test_decimals if {
	shape.decimals(0)
	shape.decimals(8)
	every value in [-1, 9, 1.5, "2", null] {
		not shape.decimals(value)
	}
}

test_label if {
	shape.label("Information Technology")
	every value in array.concat(not_text, ["", concat("", [c | some _ in numbers.range(1, 65); c := "x"])]) {
		not shape.label(value)
	}
}

test_a_natural_or_nothing if {
	shape.natural_or_absent({"a": 0}, "a")
	shape.natural_or_absent({}, "a")
	every value in [-1, 1.5, "1", null, true, [1]] {
		not shape.natural_or_absent({"a": value}, "a")
	}
}
