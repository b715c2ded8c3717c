package writ.controls.regime_parity_test

import data.writ.controls.regime_parity
import data.writ.fixtures

limits := {"global": {"crisis_buy_max_bps": 100}}

override := {"control": "REG-01", "override_id": "ovr_1", "by": "carol"}

# A purchase of a share of equity in a regime, without an override.
purchase(regime, share) := object.union(
	json.remove(fixtures.document, ["override", "model"]),
	{
		"order": {"side": "buy", "equity_share_bps": share},
		"model": {"regime": {"value": regime, "age_ms": 0, "source": "m"}},
	},
)

overridden(document, given) := object.union(document, {"override": given})

test_in_other_regimes_no_limit_is_needed if {
	every regime in ["CALM", "NORMAL", "STRESSED"] {
		regime_parity.proven with input as purchase(regime, 9000) with data.limits as {"global": {}}
	}
}

test_in_a_crisis_at_the_limit if {
	every share in [0, 1, 99, 100] {
		regime_parity.proven with input as purchase("CRISIS", share) with data.limits as limits
	}
}

test_in_a_crisis_one_beyond if {
	not regime_parity.proven with input as purchase("CRISIS", 101) with data.limits as limits
	regime_parity.observed == 101 with input as purchase("CRISIS", 101)
}

test_with_an_override if {
	regime_parity.proven with input as overridden(purchase("CRISIS", 101), override) with data.limits as limits
}

test_an_override_of_another_control if {
	every control in ["MKT-01", "REG-02", "", "reg-01", null, true, ["REG-01"]] {
		given := object.union(override, {"control": control})
		not regime_parity.proven with input as overridden(purchase("CRISIS", 101), given) with data.limits as limits
	}
	every given in [null, "REG-01", [], {}, 1] {
		not regime_parity.proven with input as overridden(purchase("CRISIS", 101), given) with data.limits as limits
	}
}

test_an_unknown_regime_proves_no_purchase if {
	every regime in ["", "calm", "PANIC", "none", null, 0, true, ["CALM"]] {
		not regime_parity.proven with input as purchase(regime, 1) with data.limits as limits
		not regime_parity.proven with input as overridden(purchase(regime, 1), override) with data.limits as limits
	}
	every path in ["model", "model/regime", "model/regime/value"] {
		not regime_parity.proven with input as json.remove(purchase("CALM", 1), [path]) with data.limits as limits
	}
}

test_sales_and_exits_need_no_regime if {
	every side in ["sell", "sell_short"] {
		sale := object.union(json.remove(purchase("CRISIS", 101), ["model"]), {"order": {"side": side}})
		regime_parity.proven with input as sale with data.limits as {"global": {}}
	}
	cover := object.union(
		json.remove(purchase("CRISIS", 101), ["model"]),
		{"order": {"reduce_only": true}, "projected": {"reduces": true}},
	)
	regime_parity.proven with input as cover with data.limits as {"global": {}}
}

test_a_limit_that_does_not_stand if {
	every value in [0, -1, 1.5, "100", null, true, [100], 9007199254740992] {
		given := {"global": {"crisis_buy_max_bps": value}}
		not regime_parity.proven with input as purchase("CRISIS", 0) with data.limits as given
		not regime_parity.proven with input as overridden(purchase("CRISIS", 0), override) with data.limits as given
	}
	not regime_parity.proven with input as purchase("CRISIS", 0) with data.limits as {"global": {}}
}

test_a_share_that_is_not_known if {
	every share in fixtures.not_natural {
		not regime_parity.proven with input as purchase("CRISIS", share) with data.limits as limits
		not regime_parity.proven with input as overridden(purchase("CRISIS", share), override) with data.limits as limits
	}
	missing := json.remove(purchase("CRISIS", 1), ["order/equity_share_bps"])
	not regime_parity.proven with input as missing with data.limits as limits
	not regime_parity.proven with input as overridden(missing, override) with data.limits as limits
}

test_side_missing_or_unknown if {
	every side in ["hold", "", "SELL", null, 0] {
		other := object.union(purchase("CRISIS", 101), {"order": {"side": side}})
		not regime_parity.proven with input as other with data.limits as limits
	}
	not regime_parity.proven with input as json.remove(purchase("CRISIS", 101), ["order/side"]) with data.limits as limits
}

test_outside_a_crisis_nothing_is_observed if {
	every regime in ["CALM", "NORMAL", "STRESSED", "PANIC", null] {
		not regime_parity.observed with input as purchase(regime, 101)
	}
}
