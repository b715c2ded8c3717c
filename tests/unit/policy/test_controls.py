"""Each control alone: at its limit, one beyond, at zero, missing; in the module and in opa."""

from dataclasses import dataclass
from typing import Any

import pytest

from gateway.domain.decision import Verdict
from gateway.domain.halt import HaltTrigger, Scope
from gateway.facts.caps import CAPPED
from support.policy_cases import (
    CLASSES,
    LIMIT,
    QTY_E8,
    Bench,
    Data,
    Document,
    Place,
    at,
    data,
    document,
    drop,
    failing,
    opa_decides,
    paths,
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


def sole(bench: Bench, base: Document, under: Data) -> Verdict:
    """The module's verdict on one document."""
    (answer,) = bench.under(under).decide([base])
    assert isinstance(answer, Verdict)
    return answer


def both(bench: Bench, base: Document, under: Data) -> set[str]:
    """What fails in the module, having made sure that opa itself says the same."""
    answer = sole(bench, base, under)
    assert opa_decides([(base, under)]) == [answer]
    return failing(answer)


def with_limit(name: str, value: object) -> Data:
    return put(data(), ("limits", "global", name), value)


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


@pytest.mark.parametrize(
    ("currency", "rates", "proven"),
    [
        ("USD", {}, True),
        ("USD", {"EUR": (1, LIMIT)}, True),
        ("USD", {"EUR": (1, LIMIT + 1)}, False),
        ("EUR", {"EUR": (1, 0)}, True),
        ("EUR", {"EUR": (1, 0), "GBP": (1, LIMIT + 1)}, False),
        ("EUR", {"GBP": (1, 0)}, False),
        ("EUR", {}, False),
    ],
)
@pytest.mark.requirement("S4-02")
def test_money_goes_through_young_rates_alone(
    bench: Bench, currency: str, rates: dict[str, tuple[int, int]], proven: bool
) -> None:
    base, under = document(), data()
    base["instrument"]["currency"] = under["instruments"]["ACME"]["currency"] = currency
    base["rates"] = {name: {"rate_e8": r, "age_ms": age} for name, (r, age) in rates.items()}
    assert both(bench, base, under) == (set() if proven else {"RAT-01"})


@pytest.mark.requirement("S4-02")
def test_money_that_needs_no_rate_needs_no_limit_of_its_age(bench: Bench) -> None:
    base = put(document(), ("rates",), {})
    assert both(bench, base, with_limit("exchange_rate_age_max_ms", 0)) == set()
    assert both(bench, document(), with_limit("exchange_rate_age_max_ms", 0)) == {"RAT-01"}


@pytest.mark.parametrize("value", [0, -1, "missing"])
@pytest.mark.requirement("S0-07")
def test_equity_must_be_above_zero(bench: Bench, value: int | str) -> None:
    place = ("account", "equity_micros")
    base = drop(document(), place) if value == "missing" else put(document(), place, value)
    assert both(bench, base, data()) == {"ACC-01"}


@pytest.mark.parametrize(
    ("side", "opposite", "expected"),
    [
        ("buy", 501, set()), ("buy", 500, {"SLF-01"}), ("buy", 499, {"SLF-01"}),
        ("sell", 499, set()), ("sell", 500, {"SLF-01"}), ("sell", 501, {"SLF-01"}),
        ("buy", "none", set()), ("sell", "none", set()), ("buy", "missing", {"SLF-01"}),
        ("buy", 0, {"SLF-01", "INP-01"}), ("sell", "all", {"SLF-01", "INP-01"}),
    ],
)  # fmt: skip
@pytest.mark.requirement("W-06")
def test_no_order_reaches_one_of_its_own_house(
    bench: Bench, side: str, opposite: int | str, expected: set[str]
) -> None:
    base, place = put(document(), ("order", "side"), side), ("activity", "opposite_price")
    base = drop(base, place) if opposite == "missing" else put(base, place, opposite)
    if side == "sell":
        base = put(base, ("projected", "short_notional_micros"), 0)
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("strategy", "scope"),
    [("none", Scope("account", "main")), ("_momentum", Scope("strategy", "_momentum"))],
)
@pytest.mark.requirement("W-06")
def test_repeated_execution_asks_for_a_halt(bench: Bench, strategy: str, scope: Scope) -> None:
    base = put(document(), ("order", "strategy_id"), strategy)
    beyond = put(base, ("activity", "repeated_300s_count"), LIMIT + 1)
    assert both(bench, beyond, data()) == {"REP-01"}
    asked = HaltTrigger("REPEATED_EXECUTION", scope, LIMIT + 1, LIMIT)
    assert sole(bench, beyond, data()).halts == (asked,)
    unknown = drop(base, ("activity", "repeated_300s_count"))
    assert sole(bench, unknown, data()).halts == ()
    assert sole(bench, beyond, with_limit("repeated_orders_max_count", 0)).halts == ()


@pytest.mark.parametrize("value", [0, "missing"])
@pytest.mark.requirement("S2-02")
def test_no_approval_window_lets_nothing_out(bench: Bench, value: int | str) -> None:
    place = ("limits", "global", "approval_age_max_ms")
    under = drop(data(), place) if value == "missing" else put(data(), place, value)
    assert both(bench, document(), under) == {"APR-01"}
    assert sole(bench, document(), under).door["approval_age_max_ms"] == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"symbol": "OTHER"}, {"INS-01"}, id="a symbol that is not listed"),
        pytest.param(
            {"qty": 11, "qty_e8": 11 * 10**8}, {"INS-01", "ORD-02", "VEN-01"}, id="no whole lot"
        ),
        pytest.param({"qty": 5, "qty_e8": 5 * 10**8}, {"INS-01", "VEN-01"}, id="half a lot"),
        pytest.param({"limit_price": 501}, {"INS-01", "VEN-01"}, id="off the tick"),
        pytest.param({"qty_decimals": 1, "qty_e8": 10**8}, {"INS-01"}, id="another scale"),
        pytest.param({"qty_e8": 1}, {"INP-01"}, id="counted as less than is sent"),
        pytest.param({"limit_price": "none"}, {"INP-01"}, id="a limit order without its price"),
        pytest.param({"type": "market"}, {"INP-01"}, id="a market order with a price"),
        pytest.param({"stop_price": 500}, {"INP-01"}, id="a limit order with a stop price"),
    ],
)
@pytest.mark.requirement("W-06")
def test_the_order_fits_its_instrument_and_itself(
    bench: Bench, changes: dict[str, object], expected: set[str]
) -> None:
    base = document()
    base["order"] |= changes
    assert both(bench, base, data()) == expected


ALL_MODES = ("RESEARCH", "SIMULATION", "PAPER", "LIVE")


@pytest.mark.parametrize("mode", [*ALL_MODES, "OTHER", "missing"])
@pytest.mark.parametrize("lifted", [True, False, "missing"])
@pytest.mark.requirement("S2-04")
@pytest.mark.requirement("S1-08")
def test_omega_4(bench: Bench, mode: str, lifted: bool | str) -> None:
    base = document()
    base["control"] |= {"mode": mode, "omega4_lifted": lifted}
    expected = set[str]()
    if mode != "RESEARCH" and not (mode in ALL_MODES and lifted is True):
        expected.add("OMEGA-4")
    if mode not in ALL_MODES or mode == "LIVE":
        expected.add("CMP-01")
    if mode not in ALL_MODES or lifted == "missing":
        expected.add("INP-01")
    for name in ("mode", "omega4_lifted"):
        if base["control"][name] == "missing":
            del base["control"][name]
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("halted", "expected"),
    [(False, set()), (True, {"OMEGA-2"}), ("missing", {"OMEGA-2", "INP-01"})],
)
@pytest.mark.requirement("S2-03")
@pytest.mark.requirement("S1-08")
def test_omega_2(bench: Bench, halted: bool | str, expected: set[str]) -> None:
    place = ("control", "halted")
    base = drop(document(), place) if halted == "missing" else put(document(), place, halted)
    assert both(bench, base, data()) == expected


MODEL_ROWS = {
    "MOD-01": ("S1-14", "S2-03"),
    "MOD-02": ("S1-14",),
    "MOD-03": ("S1-09", "S1-14"),
    "MOD-04": ("S1-09", "S1-14"),
    "MOD-05": ("S1-10",),
    "MOD-06": ("S1-11",),
}
MODEL = {
    "volatility_e4": "MOD-01",
    "regime": "MOD-02",
    "entropy_e4": "MOD-03",
    "drift_e4": "MOD-04",
    "data_integrity": "MOD-05",
    "protocol_firing": "MOD-06",
}
"""What the models say, and the control that asks for it."""

model_facts = pytest.mark.parametrize(
    ("name", "control"),
    [
        pytest.param(
            name, control, marks=[pytest.mark.requirement(row) for row in MODEL_ROWS[control]]
        )
        for name, control in MODEL.items()
    ],
)


@model_facts
@pytest.mark.parametrize("age_ms", [LIMIT + 1, 2**53 - 1])
def test_an_old_word_of_a_model_is_the_sole_failure(
    bench: Bench, name: str, control: str, age_ms: int
) -> None:
    base = put(document(), ("model", name, "age_ms"), age_ms)
    assert both(bench, base, data()) == {control}
    [reason] = sole(bench, base, data()).reasons
    if name in ("regime", "data_integrity", "protocol_firing"):
        assert (reason.observed, reason.limit) == (age_ms, LIMIT)


@pytest.mark.requirement("S1-09")
@pytest.mark.parametrize("value", [0, "missing"])
def test_without_an_age_that_counts_no_model_is_believed(bench: Bench, value: int | str) -> None:
    place = ("limits", "global", "model_age_max_ms")
    under = drop(data(), place) if value == "missing" else put(data(), place, value)
    fresh = document()
    for reading in fresh["model"].values():
        reading["age_ms"] = 0
    assert both(bench, fresh, under) == set(MODEL.values())


@pytest.mark.parametrize(
    ("name", "value", "also"),
    [
        pytest.param("data_integrity", False, set(), marks=pytest.mark.requirement("S1-10")),
        pytest.param("protocol_firing", False, set(), marks=pytest.mark.requirement("S1-11")),
        pytest.param("data_integrity", "true", {"INP-01"}, marks=pytest.mark.requirement("S1-10")),
        pytest.param("protocol_firing", 1, {"INP-01"}, marks=pytest.mark.requirement("S1-11")),
        pytest.param(
            "regime", "PANIC", {"INP-01", "REG-01"}, marks=pytest.mark.requirement("S1-14")
        ),
    ],
)
def test_a_mismatch_is_the_sole_failure(
    bench: Bench, name: str, value: object, also: set[str]
) -> None:
    base = put(document(), ("model", name, "value"), value)
    assert both(bench, base, data()) == {MODEL[name]} | also


@pytest.mark.requirement("S2-03")
def test_an_index_of_zero_is_a_broken_feed(bench: Bench) -> None:
    base = put(document(), ("model", "volatility_e4", "value"), 0)
    assert both(bench, base, data()) == {"MOD-01"}


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.requirement("S1-13")
def test_no_mode_with_money_is_proven(bench: Bench, mode: str) -> None:
    base = put(document(), ("control", "mode"), mode)
    assert both(bench, base, data()) == ({"CMP-01"} if mode == "LIVE" else set())


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({}, {"PRM-01", "PRM-02"}),
        ({"other": ({"*": True}, CLASSES)}, {"PRM-01", "PRM-02"}),
        ({"main": ({"strategy-a": True}, {"equity": True})}, set()),
        ({"*": ({"*": True}, CLASSES), "main": ({}, CLASSES)}, {"PRM-01"}),
        ({"*": ({"*": True}, CLASSES), "main": ({"*": True}, {})}, {"PRM-02"}),
        ({"*": ({"strategy-b": True}, CLASSES)}, {"PRM-01"}),
        ({"*": ({"*": True, "strategy-a": False}, CLASSES)}, {"PRM-01"}),
        ({"*": ({"*": True}, {"etf": True})}, {"PRM-02"}),
        ({"*": ({"*": True}, {"*": True})}, {"PRM-02"}),
    ],
)
@pytest.mark.requirement("W-06")
def test_who_may_trade_for_whom_and_in_what(
    bench: Bench,
    permissions: dict[str, tuple[dict[str, bool], dict[str, bool]]],
    expected: set[str],
) -> None:
    entries = {
        account: {"principals": principals, "classes": classes, "extended_hours": False}
        for account, (principals, classes) in permissions.items()
    }
    assert both(bench, document(), data() | {"permissions": entries}) == expected


@pytest.mark.parametrize(
    ("restricted", "expected"),
    [({}, set()), ({"ACM": True}, set()), ({"ACME": True}, {"LST-01"}), ([], {"LST-01"})],
)
@pytest.mark.requirement("W-06")
def test_nobody_trades_what_is_restricted_not_even_to_get_out(
    bench: Bench, restricted: object, expected: set[str]
) -> None:
    base = put(document(), ("order", "reduce_only"), value=True)
    base = put(base, ("projected", "reduces"), value=True)
    assert both(bench, base, data() | {"restricted": restricted}) == expected


@pytest.mark.parametrize(
    ("run", "section", "expected"),
    [
        ("none", None, set()),
        ("run-1", None, {"PRV-01"}),
        ("run-1", {"source_run": "run-1", "attested": True, "by": "a"}, set()),
        ("run-1", {"source_run": "run-1", "attested": False, "by": "none"}, {"PRV-01"}),
        ("run-1", {"source_run": "run-2", "attested": True, "by": "a"}, {"PRV-01"}),
        ("run-1", {"source_run": "run-1", "attested": 1, "by": "a"}, {"INP-01", "PRV-01"}),
    ],
)
@pytest.mark.requirement("S4-03")
@pytest.mark.requirement("S1-08")
def test_a_run_that_is_named_is_attested(
    bench: Bench, run: str, section: dict[str, Any] | None, expected: set[str]
) -> None:
    base = put(drop(document(), ("provenance",)), ("order", "source_run"), run)
    if section is not None:
        base["provenance"] = section
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("regime", "control", "expected"),
    [
        ("CRISIS", None, {"REG-01"}),
        ("CRISIS", "REG-01", set()),
        ("CRISIS", "REG-02", {"REG-01"}),
        ("STRESSED", None, set()),
        ("NORMAL", None, set()),
        ("CALM", None, set()),
    ],
)
@pytest.mark.requirement("S4-04")
@pytest.mark.requirement("S1-08")
def test_a_large_purchase_in_a_crisis_needs_an_override(
    bench: Bench, regime: str, control: str | None, expected: set[str]
) -> None:
    base = put(document(), ("order", "equity_share_bps"), LIMIT + 1)
    base = put(base, ("model", "regime", "value"), regime)
    if control is None:
        base = drop(base, ("override",))
    else:
        base["override"]["control"] = control
    assert both(bench, base, data()) == expected
    assert both(bench, base, with_limit("crisis_buy_max_bps", 0)) == (
        {"REG-01"} if regime == "CRISIS" else set()
    )


SHAPE = {"INP-01"}
LISTED = {"INP-01", "INS-01"}
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
    ("order",): {"LST-01", "PRM-01", "PRM-02", "PRV-01", "REG-01",
        "INP-01", "INS-01", "ORD-01", "ORD-02", "ORD-03", "SLF-01", "ORD-04", "ORD-05",
        "SHT-04", "VEN-01", "VEN-02", "SHT-02", "SHT-03", "RPL-01"},
    ("order", "account"): {"INP-01", "PRM-01", "PRM-02"},
    ("order", "source_run"): {"INP-01", "PRV-01"},
    ("order", "equity_share_bps"): {"REG-01"},
    ("order", "symbol"): LISTED | {"LST-01"},
    ("order", "side"): {"INP-01", "SHT-02", "SHT-03", "SHT-04", "SLF-01", "VEN-02"},
    ("order", "type"): {"INP-01", "VEN-02"},
    ("order", "time_in_force"): {"INP-01", "VEN-02"},
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
    ("order", "qty_e8"): {"ORD-02"},
    ("order", "worst_price"): {"ORD-03", "SLF-01"},
    ("order", "notional_micros"): {"ORD-01"},
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
    ("venue", "times_in_force", "day"): {"VEN-02"},
    **{("venue", "types", name): set() for name in ("market", "stop", "stop_limit")},
    **{("venue", "times_in_force", name): set() for name in ("gtc", "ioc", "fok")},
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
    ("control",): {"CMP-01", "INP-01", "OMEGA-2", "OMEGA-4"},
    ("control", "mode"): {"CMP-01", "INP-01", "OMEGA-4"},
    ("control", "omega4_lifted"): {"INP-01", "OMEGA-4"},
    ("control", "halted"): {"INP-01", "OMEGA-2"},
    ("control", "exit_allowed"): SHAPE,
    ("caps",): SHAPE,
    **{("caps", name): SHAPE for name in CAPPED},
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


@pytest.mark.requirement("S2-02")
def test_the_shipped_release_allows_nothing(bench: Bench) -> None:
    zero = tables(dict.fromkeys(data()["limits"]["global"], 0))
    shipped = data() | {"limits": zero}
    nothing = dict.fromkeys(document()["projected"], 0) | {"reduces": False}
    harmless = put(document(), ("projected",), nothing)
    assert both(bench, harmless, shipped) == {
        "REG-01",
        "ACC-04", "EXP-04", "MGN-02", "MGN-03", "RAT-01",
        "MKT-02", "MKT-03", "ORD-04", "ORD-05", "VEN-01",
        "ACC-02", "ACC-03", "APR-01", "EXP-01", "EXP-02", "EXP-03", "MKT-01", "MOD-01", "MOD-02",
        "MOD-03", "MOD-04", "MOD-05", "MOD-06", "ORD-01", "ORD-02", "ORD-03", "POS-01", "POS-02",
        "DUP-01", "MSG-01", "MSG-02", "REP-01",
    }  # fmt: skip


def test_limits_of_the_tables_are_the_limits_of_the_controls() -> None:
    halts = {"drawdown_max_bps", "volatility_index_max_e4"}
    market = {"close_buffer_min_ms", "venue_age_max_ms"}
    ages = market | {"approval_age_max_ms", "exchange_rate_age_max_ms", "model_age_max_ms"}
    named = {case.limit for case in (*BOUNDED, *FLOORED)} | halts | ages
    assert named == set(data()["limits"]["global"])
    assert LIMIT > 1
