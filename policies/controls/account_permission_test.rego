package writ.controls.account_permission_test

import data.writ.controls.account_permission
import data.writ.fixtures

test_permitted if {
	account_permission.proven with input as fixtures.document with data.permissions as fixtures.permissions
}

test_by_name if {
	named := {"main": {"principals": {"strategy-a": true}, "classes": {}, "extended_hours": false}}
	not account_permission.proven with input as fixtures.document
		with data.permissions as {"main": {"principals": {"strategy-b": true}, "classes": {}, "extended_hours": false}}
	account_permission.proven with input as fixtures.document with data.permissions as named
	not account_permission.proven with input as fixtures.with_fact("ids", "principal", "strategy-b")
		with data.permissions as named
	not account_permission.proven with input as fixtures.with_fact("order", "account", "second")
		with data.permissions as named
}

test_the_accounts_own_entry_replaces_the_star if {
	closed := {"principals": {}, "classes": {"equity": true}, "extended_hours": false}
	not account_permission.proven with input as fixtures.document
		with data.permissions as object.union(fixtures.permissions, {"main": closed})
}

test_nobody_may_trade_where_nothing_is_permitted if {
	not account_permission.proven with input as fixtures.document with data.permissions as {}
}

test_facts_missing if {
	every path in ["ids/principal", "ids", "order/account", "order"] {
		not account_permission.proven with input as fixtures.without(path)
			with data.permissions as fixtures.permissions
	}
}

test_facts_of_another_type if {
	every value in [0, 1, true, null, ["strategy-a"], {"a": 1}] {
		not account_permission.proven with input as fixtures.with_fact("ids", "principal", value)
			with data.permissions as fixtures.permissions
		not account_permission.proven with input as fixtures.with_fact("order", "account", value)
			with data.permissions as fixtures.permissions
	}
}
