package writ.lib.permissions_test

import data.writ.fixtures
import data.writ.lib.permissions

anybody := {"principals": {"*": true}, "classes": {"equity": true}, "extended_hours": false}

nobody := {"principals": {}, "classes": {}, "extended_hours": false}

test_the_star_counts_for_an_account_without_an_entry if {
	permissions.entry == anybody with input as fixtures.document with data.permissions as {"*": anybody}
}

test_an_entry_of_its_own_replaces_the_star_whole if {
	permissions.entry == nobody with input as fixtures.document
		with data.permissions as {"*": anybody, "main": nobody}
	permissions.entry == anybody with input as fixtures.document
		with data.permissions as {"*": nobody, "main": anybody, "other": nobody}
}

test_no_entry_is_no_permission if {
	every permitted in [{}, {"other": anybody}, [], null, "text", 5] {
		not permissions.entry with input as fixtures.document with data.permissions as permitted
	}
}

test_an_order_without_an_account_has_no_entry if {
	every document in [
		fixtures.without("order/account"), fixtures.without("order"),
		fixtures.with_fact("order", "account", null), fixtures.with_fact("order", "account", 5),
	] {
		not permissions.entry with input as document with data.permissions as {"*": anybody}
	}
}

test_a_principal_by_its_name_or_the_star if {
	every principals in [{"*": true}, {"strategy-a": true}, {"*": false, "strategy-a": true}] {
		permissions.principal_permitted with input as fixtures.document
			with data.permissions as {"*": object.union(anybody, {"principals": principals})}
	}
}

test_any_other_principal if {
	every principals in [
		{}, {"other": true}, {"*": false}, {"*": true, "strategy-a": false},
		{"*": 1}, {"*": "true"}, ["*"], null, true,
	] {
		not permissions.principal_permitted with input as fixtures.document
			with data.permissions as {"*": {"principals": principals, "classes": {}, "extended_hours": false}}
	}
}

test_a_class_by_its_name if {
	permissions.class_permitted with input as fixtures.document with data.permissions as {"*": anybody}
	every classes in [{}, {"etf": true}, {"*": true}, {"equity": false}, {"equity": 1}, ["equity"], null, true] {
		not permissions.class_permitted with input as fixtures.document
			with data.permissions as {"*": {"principals": {}, "classes": classes, "extended_hours": false}}
	}
}
