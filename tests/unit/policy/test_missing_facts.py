"""Each part of the document taken away: exactly the controls that need it fail."""

import pytest

from signing.overlay import CAPPABLE
from support.both_ways import MODEL
from support.permission_edges import permitted
from support.policy_cases import (
    Bench,
    Place,
    data,
    document,
    drop,
    failing,
    opa_decides,
    paths,
)

SHAPE = {"INP-01"}
LISTED = {"INP-01", "INS-01"}
PERMITTED = {"LIV-01", "MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05"}
PERMISSION: dict[Place, set[str]] = {
    ("permission",): {"INP-01", *PERMITTED},
    ("permission", "standing"): {"INP-01", "MAN-01"},
    ("permission", "mode"): {"INP-01", "MAN-01"},
    ("permission", "epoch"): SHAPE,
    ("permission", "venue"): {"INP-01", "MAN-02"},
    ("permission", "account"): {"INP-01", "MAN-02"},
    ("permission", "strategy"): {"INP-01", "MAN-03"},
    ("permission", "live_open"): {"INP-01", "LIV-01"},
    ("permission", "exit_open"): SHAPE,
    ("permission", "day_orders"): {"INP-01", "MAN-04"},
    ("permission", "orders_per_day_max"): {"INP-01", "MAN-04"},
    ("permission", "day_notional_micros"): {"MAN-05"},
    ("permission", "notional_per_day_max_micros"): {"INP-01", "MAN-05"},
}
"""Of an order in LIVE; inside the gateway the form of the section is asked for, and a venue."""
INSIDE = {"INP-01", "MAN-02"}
MISSING: dict[Place, set[str]] = {
    ("v",): SHAPE,
    ("salt",): SHAPE,
    ("ids",): {"INP-01", "PRM-01"},
    ("ids", "decision_id"): SHAPE,
    ("ids", "order_id"): SHAPE,
    ("ids", "client_order_id"): SHAPE,
    ("ids", "source_signal_id"): SHAPE,
    ("ids", "principal"): {"INP-01", "PRM-01"},
    ("time",): SHAPE,
    ("time", "wall_us"): SHAPE,
    ("time", "market_us"): SHAPE,
    ("time", "session"): SHAPE,
    ("order",): {"CMP-01", "LST-01", "PRM-01", "PRM-02", "PRV-01", "REG-01",
        "INP-01", "INS-01", "ORD-01", "ORD-02", "ORD-03", "SLF-01", "ORD-04", "ORD-05",
        "SHT-04", "VEN-01", "VEN-02", "SHT-02", "SHT-03", "RPL-01"},
    ("order", "account"): {"INP-01", "PRM-01", "PRM-02"},
    ("order", "source_run"): {"INP-01", "PRV-01"},
    ("order", "equity_share_bps"): {"REG-01"},
    ("order", "symbol"): LISTED | {"CMP-01", "LST-01"},
    ("order", "side"): {"INP-01", "SHT-02", "SHT-03", "SHT-04", "SLF-01", "VEN-02"},
    ("order", "type"): {"INP-01", "VEN-02"},
    ("order", "time_in_force"): {"INP-01", "VEN-02"},
    ("order", "expires_us"): SHAPE,
    ("order", "qty"): LISTED | {"VEN-01"},
    ("order", "qty_decimals"): LISTED,
    ("order", "price_decimals"): LISTED,
    ("order", "limit_price"): LISTED | {"VEN-01"},
    ("order", "stop_price"): LISTED | {"VEN-01"},
    ("order", "strategy_id"): SHAPE,
    ("order", "extended_hours"): {"INP-01", "VEN-02"},
    ("order", "reduce_only"): {"INP-01", "VEN-02"},
    ("order", "locate_id"): SHAPE,
    ("order", "replaces"): {"INP-01", "RPL-01"},
    ("replaced",): {"RPL-01"},
    ("replaced", "order_id"): {"INP-01", "RPL-01"},
    ("replaced", "working"): {"INP-01", "RPL-01"},
    ("replaced", "same"): {"INP-01", "RPL-01"},
    ("replaced", "filled_qty"): {"RPL-01"},
    ("doubt",): {"UNK-01"},
    ("doubt", "orders"): {"INP-01", "UNK-01"},
    ("doubt", "anomalies"): {"INP-01", "UNK-01"},
    ("order", "qty_e8"): {"ORD-02"},
    ("order", "worst_price"): {"ORD-03", "SLF-01"},
    ("order", "notional_micros"): {"CMP-01", "ORD-01"},
    ("order", "price_deviation_bps"): {"ORD-03"},
    ("instrument",): {"PRM-02", "RAT-01", "INS-01", "ORD-06"},
    ("instrument", "class"): LISTED | {"PRM-02"},
    ("instrument", "sector"): LISTED,
    ("instrument", "currency"): LISTED | {"RAT-01"},
    ("instrument", "qty_decimals"): LISTED,
    ("instrument", "price_decimals"): LISTED,
    ("instrument", "lot"): LISTED,
    ("instrument", "tick"): LISTED,
    ("instrument", "multiplier"): LISTED,
    ("instrument", "min_notional_micros"): LISTED | {"ORD-06"},
    ("instrument", "borrow"): LISTED,
    ("account",): {"ACC-01", "ACC-02", "ACC-04", "MGN-03"},
    ("account", "drawdown_bps"): {"ACC-04"},
    ("account", "maintenance_margin_bps"): {"MGN-03"},
    ("rates",): {"INP-01", "RAT-01"},
    ("rates", "EUR"): set(),
    ("rates", "EUR", "rate_e8"): {"INP-01", "RAT-01"},
    ("rates", "EUR", "age_ms"): {"INP-01", "RAT-01"},
    ("account", "equity_micros"): {"ACC-01"},
    ("account", "cash_micros"): set(),
    ("account", "day_loss_micros"): {"ACC-02"},
    ("market",): {"MKT-01", "MKT-02"},
    ("market", "bid"): SHAPE,
    ("market", "ask"): SHAPE,
    ("market", "last"): SHAPE,
    ("market", "age_ms"): {"INP-01", "MKT-01"},
    ("market", "spread_bps"): {"INP-01", "MKT-02"},
    ("market", "source"): SHAPE,
    ("order", "short_window_deviation_bps"): {"ORD-04"},
    ("order", "long_window_deviation_bps"): {"ORD-05"},
    ("hours",): {"MKT-03"},
    ("hours", "open"): {"INP-01", "MKT-03"},
    ("hours", "to_close_ms"): {"INP-01", "MKT-03"},
    ("venue",): {"ORD-06", "VEN-01", "VEN-02"},
    **{("venue", name): {"INP-01", "VEN-01"} for name in ("age_ms", "lot", "tick", "tradable")},
    **{
        ("venue", name): {"INP-01", "VEN-02"}
        for name in ("extended_hours", "reduce_only", "shortable", "times_in_force", "types")
    },
    ("venue", "min_notional_micros"): {"INP-01", "ORD-06"},
    ("venue", "short_restricted"): SHAPE,
    ("venue", "types", "limit"): {"VEN-02"},
    ("venue", "times_in_force", "gtd"): {"VEN-02"},
    **{("venue", "types", name): set() for name in ("market", "stop", "stop_limit")},
    **{("venue", "times_in_force", name): set() for name in ("day", "gtc", "ioc", "fok")},
    ("projected",): {
        "ACC-03", "EXP-01", "EXP-02", "EXP-03", "MGN-01", "POS-01", "POS-02", "SHT-01",
        "EXP-04", "MGN-02",
    },
    ("projected", "asset_exposure_bps"): {"EXP-04"},
    ("projected", "initial_margin_bps"): {"MGN-02"},
    ("projected", "positions_count"): {"POS-01"},
    ("projected", "position_notional_micros"): {"POS-02"},
    ("projected", "gross_exposure_micros"): {"EXP-01"},
    ("projected", "day_turnover_micros"): {"ACC-03"},
    ("projected", "leverage_bps"): {"EXP-02"},
    ("projected", "short_notional_micros"): {"SHT-01"},
    ("projected", "margin_debit_micros"): {"MGN-01"},
    ("projected", "sector_exposure_bps"): {"EXP-03"},
    ("model",): {*MODEL.values(), "REG-01"},
    **{("model", name): {control} for name, control in MODEL.items()},
    **{
        ("model", name, part): {"INP-01"} | ({control} if part != "source" else set())
        for name, control in MODEL.items()
        for part in ("value", "age_ms", "source")
    },
    ("model", "regime"): {"MOD-02", "REG-01"},
    ("model", "regime", "value"): {"INP-01", "MOD-02", "REG-01"},
    ("provenance",): {"PRV-01"},
    ("provenance", "source_run"): {"INP-01", "PRV-01"},
    ("provenance", "attested"): {"INP-01", "PRV-01"},
    ("provenance", "by"): SHAPE,
    ("override",): set(),
    **{("override", part): SHAPE for part in ("control", "override_id", "by")},
    ("control",): {"INP-01", "OMEGA-2", "OMEGA-4", *PERMITTED},
    ("control", "mode"): {"INP-01", "OMEGA-4", *PERMITTED},
    ("control", "omega4_lifted"): {"INP-01", "OMEGA-4"},
    ("control", "halted"): {"INP-01", "OMEGA-2"},
    ("control", "exit_allowed"): SHAPE,
    **{place: controls & INSIDE for place, controls in PERMISSION.items()},
    ("permission", "account"): SHAPE,
    ("overlay",): {"INP-01", "LST-01"},
    ("overlay", "restricted"): {"INP-01", "LST-01"},
    ("caps",): SHAPE,
    **{("caps", name): SHAPE for name in CAPPABLE},
    ("projected", "reduces"): set(),
    ("activity",): {"DUP-01", "MSG-01", "MSG-02", "REP-01", "SLF-01"},
    ("activity", "messages_1s_count"): {"MSG-01"},
    ("activity", "messages_60s_count"): {"MSG-02"},
    ("activity", "identical_60s_count"): {"DUP-01"},
    ("activity", "repeated_300s_count"): {"REP-01"},
    ("activity", "opposite_price"): {"SLF-01"},
}  # fmt: skip


def test_the_table_of_missing_facts_names_every_part_of_the_document() -> None:
    assert set(MISSING) == set(paths(document()))


@pytest.mark.requirement("S0-15")
@pytest.mark.requirement("S1-07")
def test_a_missing_fact_fails_exactly_the_controls_that_need_it(bench: Bench) -> None:
    documents = [drop(document(), place) for place in MISSING]
    answers = bench.under(data()).decide(documents)
    assert dict(zip(MISSING, map(failing, answers), strict=True)) == MISSING
    assert opa_decides([(case, data()) for case in documents]) == answers


@pytest.mark.requirement("S1-13")
def test_in_live_every_part_of_the_permission_is_needed(bench: Bench) -> None:
    base = permitted(document())
    documents = [base, *(drop(base, place) for place in PERMISSION)]
    answers = bench.under(data()).decide(documents)
    expected = [set[str](), *PERMISSION.values()]
    assert [failing(answer) for answer in answers] == expected
    assert opa_decides([(case, data()) for case in documents]) == answers
