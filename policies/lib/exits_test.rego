package writ.lib.exits_test

import data.writ.fixtures
import data.writ.lib.exits

exit := object.union(fixtures.document, {"order": {"reduce_only": true}, "projected": {"reduces": true}})

test_asked_for_and_proven if {
	exits.reduces with input as exit
}

test_asked_for_only if {
	every value in [false, "true", 1, null] {
		not exits.reduces with input as object.union(exit, {"projected": {"reduces": value}})
	}
	not exits.reduces with input as json.remove(exit, ["projected/reduces"])
	not exits.reduces with input as json.remove(exit, ["projected"])
}

test_proven_only if {
	every value in [false, "true", 1, null] {
		not exits.reduces with input as object.union(exit, {"order": {"reduce_only": value}})
	}
	not exits.reduces with input as json.remove(exit, ["order/reduce_only"])
}
