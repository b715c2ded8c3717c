"""Controls that are no fact under a limit: rates, equity, conduct, instrument; asked both ways."""

import pytest

from gateway.domain.halt import HaltTrigger, Scope
from support.both_ways import both, sole, with_limit
from support.policy_cases import LIMIT, Bench, data, document, drop, put


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
