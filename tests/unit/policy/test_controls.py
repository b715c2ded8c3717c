"""Each control of a fact and its limit: at it, one beyond, at zero, missing; asked both ways."""

from dataclasses import dataclass

import pytest

from support.both_ways import both, sole, with_limit
from support.policy_cases import (
    LIMIT,
    QTY_E8,
    Bench,
    Place,
    at,
    data,
    document,
    drop,
    put,
    stop_limit_document,
    tables,
)


@dataclass(frozen=True)
class Bounded:
    """A control that compares a fact with a limit."""

    control: str
    fact: Place
    limit: str
    rows: tuple[str, ...] = ()


BOUNDED = [
    Bounded(
        "ORD-01", ("order", "notional_micros"), "order_notional_max_micros", ("S0-06", "S2-02")
    ),
    Bounded("ORD-02", ("order", "qty_e8"), "order_qty_max_e8", ("W-06",)),
    Bounded("ORD-03", ("order", "price_deviation_bps"), "price_collar_max_bps", ("W-06",)),
    Bounded(
        "ORD-04", ("order", "short_window_deviation_bps"), "price_collar_short_max_bps", ("W-06",)
    ),
    Bounded(
        "ORD-05", ("order", "long_window_deviation_bps"), "price_collar_long_max_bps", ("W-06",)
    ),
    Bounded("MKT-02", ("market", "spread_bps"), "spread_max_bps", ("W-06", "S1-14")),
    Bounded("MKT-01", ("market", "age_ms"), "quote_age_max_ms", ("W-06",)),
    Bounded("ACC-02", ("account", "day_loss_micros"), "day_loss_max_micros", ("S2-02",)),
    Bounded("ACC-03", ("projected", "day_turnover_micros"), "day_turnover_max_micros", ("S0-11",)),
    Bounded("POS-01", ("projected", "positions_count"), "positions_max_count", ("S0-08", "S2-02")),
    Bounded(
        "POS-02",
        ("projected", "position_notional_micros"),
        "position_notional_max_micros",
        ("S0-09",),
    ),
    Bounded(
        "EXP-01", ("projected", "gross_exposure_micros"), "gross_exposure_max_micros", ("S0-10",)
    ),
    Bounded("EXP-02", ("projected", "leverage_bps"), "leverage_max_bps", ("S0-12",)),
    Bounded("EXP-03", ("projected", "sector_exposure_bps"), "sector_exposure_max_bps", ("S2-02",)),
    Bounded("EXP-04", ("projected", "asset_exposure_bps"), "asset_exposure_max_bps", ("S4-02",)),
    Bounded("ACC-04", ("account", "drawdown_bps"), "drawdown_max_bps", ("W-06",)),
    Bounded(
        "SHT-01", ("projected", "short_notional_micros"), "short_notional_max_micros", ("S0-13",)
    ),
    Bounded("MGN-01", ("projected", "margin_debit_micros"), "margin_debit_max_micros", ("S0-14",)),
    Bounded(
        "MOD-01",
        ("model", "volatility_e4", "value"),
        "volatility_index_max_e4",
        ("S1-14", "S2-03"),
    ),
    Bounded("MOD-03", ("model", "entropy_e4", "value"), "entropy_max_e4", ("S1-09", "S1-14")),
    Bounded("MOD-04", ("model", "drift_e4", "value"), "drift_max_e4", ("S1-09", "S1-14")),
    Bounded(
        "MSG-01", ("activity", "messages_1s_count"), "messages_per_second_max_count", ("W-06",)
    ),
    Bounded(
        "MSG-02", ("activity", "messages_60s_count"), "messages_per_minute_max_count", ("W-06",)
    ),
    Bounded("DUP-01", ("activity", "identical_60s_count"), "identical_orders_max_count", ("W-06",)),
    Bounded("REG-01", ("order", "equity_share_bps"), "crisis_buy_max_bps", ("S4-04",)),
    Bounded("REP-01", ("activity", "repeated_300s_count"), "repeated_orders_max_count", ("W-06",)),
]

FLOORED = [
    Bounded("MGN-02", ("projected", "initial_margin_bps"), "initial_margin_min_bps", ("S2-08",)),
    Bounded(
        "MGN-03", ("account", "maintenance_margin_bps"), "maintenance_margin_min_bps", ("S2-08",)
    ),
]
"""The controls that ask for at least as much as a limit."""

floored = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=case.control, marks=[pytest.mark.requirement(row) for row in case.rows]
        )
        for case in FLOORED
    ],
)

bounded = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.control,
            marks=[pytest.mark.requirement(row) for row in (*case.rows, "S0-15", "S1-07")],
        )
        for case in BOUNDED
    ],
)


@pytest.mark.requirement("S0-15")
def test_everything_at_its_limit_is_allowed(bench: Bench) -> None:
    assert both(bench, document(), data()) == set()
    assert both(bench, stop_limit_document(), data()) == set()


@bounded
def test_one_beyond_is_the_sole_failure(bench: Bench, case: Bounded) -> None:
    at_limit = at(document(), case.fact)
    under = with_limit(case.limit, at_limit - 1)
    assert both(bench, document(), under) == {case.control}
    answer = sole(bench, document(), under)
    assert [(r.observed, r.limit) for r in answer.reasons] == [(at_limit, at_limit - 1)]


@bounded
def test_a_fact_one_beyond_is_the_sole_failure(bench: Bench, case: Bounded) -> None:
    base = put(document(), case.fact, at(document(), case.fact) + 1)
    if case.control == "ORD-02":  # the counted quantity must fit the quantity: one lot more
        base = put(put(document(), ("order", "qty"), 20), case.fact, 2 * QTY_E8)
    assert both(bench, base, data()) == {case.control}


@bounded
def test_a_limit_of_zero_is_the_sole_failure(bench: Bench, case: Bounded) -> None:
    assert both(bench, document(), with_limit(case.limit, 0)) == {case.control}


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in BOUNDED
        # An order, a price index and a count that has the order in it are never nothing.
        if case.control not in {"MOD-01", "ORD-01", "ORD-02"} and case.fact[0] != "activity"
    ],
    ids=lambda case: case.control,
)  # fmt: skip
@pytest.mark.requirement("S2-02")
def test_nothing_at_all_does_not_pass_a_limit_of_zero(bench: Bench, case: Bounded) -> None:
    base = put(document(), case.fact, 0)
    allowance = case.control in {"SHT-01", "MGN-01"}  # zero is what they block down to
    expected = set[str]() if allowance else {case.control}
    assert both(bench, base, with_limit(case.limit, 0)) == expected
    assert both(bench, base, data()) == set()


@bounded
def test_a_missing_limit_is_the_sole_failure(bench: Bench, case: Bounded) -> None:
    under = drop(data(), ("limits", "global", case.limit))
    assert both(bench, document(), under) == {case.control}
    answer = sole(bench, document(), under)
    assert [(r.observed, r.limit) for r in answer.reasons] == [(at(document(), case.fact), None)]


@bounded
def test_a_missing_fact_is_the_sole_failure(bench: Bench, case: Bounded) -> None:
    base = drop(document(), case.fact)
    whole = case.fact[0] in {"market", "model"}  # a quote or a reading is whole or not there
    expected = {case.control} | ({"INP-01"} if whole else set())
    expected |= {"CMP-01"} if case.control == "ORD-01" else set()  # of the same value
    assert both(bench, base, data()) == expected


@floored
@pytest.mark.parametrize("limit", [LIMIT + 1, 0, "missing", -1, 2**53])
def test_a_minimum_that_is_higher_or_none_is_the_sole_failure(
    bench: Bench, case: Bounded, limit: int | str
) -> None:
    place = ("limits", "global", case.limit)
    under = drop(data(), place) if limit == "missing" else put(data(), place, limit)
    plenty = put(document(), case.fact, LIMIT if limit == LIMIT + 1 else 2**53 - 1)
    assert both(bench, plenty, under) == {case.control}


@floored
@pytest.mark.parametrize(
    ("fact", "proven"), [(LIMIT, True), (LIMIT + 1, True), (LIMIT - 1, False), (0, False)]
)
def test_a_fact_below_its_minimum_is_the_sole_failure(
    bench: Bench, case: Bounded, fact: int, proven: bool
) -> None:
    base = put(document(), case.fact, fact)
    assert both(bench, base, data()) == (set() if proven else {case.control})
    reasons = sole(bench, base, data()).reasons
    assert [(r.observed, r.limit) for r in reasons] == ([] if proven else [(fact, LIMIT)])


@floored
def test_an_account_below_its_minimum_may_reduce(bench: Bench, case: Bounded) -> None:
    base = put(document(), case.fact, 0)
    base["order"]["reduce_only"] = True
    assert both(bench, base, data()) == {case.control}  # asked for is not proven
    base["projected"]["reduces"] = True
    assert both(bench, base, data()) == set()


@pytest.mark.requirement("S2-02")
def test_the_shipped_release_allows_nothing(bench: Bench) -> None:
    zero = tables(dict.fromkeys(data()["limits"]["global"], 0))
    shipped = data() | {"limits": zero}
    nothing = dict.fromkeys(document()["projected"], 0) | {"reduces": False}
    harmless = put(document(), ("projected",), nothing)
    assert both(bench, harmless, shipped) == {
        "CMP-01", "REG-01",
        "ACC-04", "EXP-04", "MGN-02", "MGN-03", "RAT-01",
        "MKT-02", "MKT-03", "ORD-04", "ORD-05", "VEN-01",
        "ACC-02", "ACC-03", "APR-01", "EXP-01", "EXP-02", "EXP-03", "MKT-01", "MOD-01", "MOD-02",
        "MOD-03", "MOD-04", "MOD-05", "MOD-06", "ORD-01", "ORD-02", "ORD-03", "POS-01", "POS-02",
        "DUP-01", "MSG-01", "MSG-02", "REP-01",
    }  # fmt: skip


def test_limits_of_the_tables_are_the_limits_of_the_controls() -> None:
    halts = {"drawdown_max_bps", "volatility_index_max_e4"}
    halts |= {"reconciliation_drift_max_bps", "rejections_in_a_row_max_count"}
    market = {"close_buffer_min_ms", "venue_age_max_ms"}
    others = market | {"compliance_notional_max_micros"}
    ages = others | {"approval_age_max_ms", "exchange_rate_age_max_ms", "model_age_max_ms"}
    named = {case.limit for case in (*BOUNDED, *FLOORED)} | halts | ages
    assert named == set(data()["limits"]["global"])
    assert LIMIT > 1
