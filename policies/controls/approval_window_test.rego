package writ.controls.approval_window_test

import data.writ.controls.approval_window

test_a_window_stands if {
	approval_window.proven with data.limits as {"global": {"approval_age_max_ms": 1}}
}

test_no_window if {
	not approval_window.proven with data.limits as {"global": {}}
}

test_a_window_that_proves_nothing if {
	every limit in [0, -1, 9007199254740992, 1.5, "300000", null, true] {
		not approval_window.proven with data.limits as {"global": {"approval_age_max_ms": limit}}
	}
}
