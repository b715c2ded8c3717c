package writ.controls.instrument_permission_test

import data.writ.controls.instrument_permission
import data.writ.fixtures

only(classes) := {"*": {"principals": {"*": true}, "classes": classes, "extended_hours": false}}

test_permitted if {
	instrument_permission.proven with input as fixtures.document with data.permissions as fixtures.permissions
	instrument_permission.proven with input as fixtures.document with data.permissions as only({"equity": true})
}

test_another_class if {
	every classes in [{}, {"etf": true, "crypto": true}, {"equity": false}, {"*": true}] {
		not instrument_permission.proven with input as fixtures.document with data.permissions as only(classes)
	}
	not instrument_permission.proven with input as fixtures.with_fact("instrument", "class", "option")
		with data.permissions as fixtures.permissions
}

test_the_accounts_own_entry_replaces_the_star if {
	closed := {"principals": {"*": true}, "classes": {"etf": true}, "extended_hours": false}
	not instrument_permission.proven with input as fixtures.document
		with data.permissions as object.union(fixtures.permissions, {"main": closed})
	instrument_permission.proven with input as fixtures.with_fact("instrument", "class", "etf")
		with data.permissions as object.union(fixtures.permissions, {"main": closed})
}

test_nothing_is_permitted if {
	not instrument_permission.proven with input as fixtures.document with data.permissions as {}
}

test_facts_missing if {
	every path in ["instrument/class", "instrument", "order/account", "order"] {
		not instrument_permission.proven with input as fixtures.without(path)
			with data.permissions as fixtures.permissions
	}
}

test_facts_of_another_type if {
	every value in [0, true, null, ["equity"], {"equity": true}] {
		not instrument_permission.proven with input as fixtures.with_fact("instrument", "class", value)
			with data.permissions as fixtures.permissions
	}
}
