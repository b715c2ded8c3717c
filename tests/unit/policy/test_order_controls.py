"""Exits, short sales and replaced orders: what passes, and what fails alone; in both engines."""

from __future__ import annotations

import pytest

from support.both_ways import both
from support.corpus import BOUNDED, FLOORED
from support.order_edges import EXITS_PASS
from support.policy_cases import (
    LIMIT,
    Bench,
    Document,
    Place,
    at,
    data,
    document,
    drop,
    put,
)

EXIT: dict[Place, object] = {
    ("order", "side"): "sell",
    ("order", "reduce_only"): True,
    ("projected", "reduces"): True,
    ("projected", "short_notional_micros"): 0,
    ("projected", "margin_debit_micros"): 0,
    ("activity", "opposite_price"): "none",
}


def exit_document(**control: object) -> Document:
    """A sale that its caller wants to reduce only, and that provably does."""
    base = document()
    for place, value in EXIT.items():
        base = put(base, place, value)
    base["control"] |= control
    return base


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set[str]()),
        ({("control", "exit_allowed"): False}, {"OMEGA-2"}),
        ({("order", "reduce_only"): False}, {"OMEGA-2"}),
        ({("projected", "reduces"): False}, {"OMEGA-2"}),
    ],
)
@pytest.mark.requirement("W-10")
def test_under_a_halt_only_exits_pass_and_only_where_they_are_let_through(
    bench: Bench, changes: dict[Place, object], expected: set[str]
) -> None:
    base = exit_document(halted=True, exit_allowed=True)
    for place, value in changes.items():
        base = put(base, place, value)
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize("control", sorted(EXITS_PASS & BOUNDED.keys()))
@pytest.mark.requirement("W-10")
def test_what_only_reduces_is_not_held_by_limits_on_growth(bench: Bench, control: str) -> None:
    beyond = put(exit_document(), BOUNDED[control][0], 2**53 - 1)
    assert both(bench, beyond, data()) == set()
    assert both(bench, put(beyond, ("projected", "reduces"), value=False), data()) == {control}
    unasked = put(beyond, ("order", "reduce_only"), value=False)
    assert both(bench, unasked, data()) == {control}


@pytest.mark.parametrize("control", sorted(EXITS_PASS & FLOORED.keys()))
@pytest.mark.requirement("W-10")
def test_nor_by_the_least_margin(bench: Bench, control: str) -> None:
    below = put(exit_document(), FLOORED[control][0], 0)
    assert both(bench, below, data()) == set()
    assert both(bench, put(below, ("projected", "reduces"), value=False), data()) == {control}


@pytest.mark.requirement("W-10")
def test_an_account_without_equity_can_still_take_risk_off(bench: Bench) -> None:
    broke = put(exit_document(), ("account", "equity_micros"), -1)
    assert both(bench, broke, data()) == set()
    assert both(bench, put(broke, ("projected", "reduces"), value=False), data()) == {"ACC-01"}


@pytest.mark.parametrize(
    ("control", "place"),
    [
        ("ORD-01", ("order", "notional_micros")),
        ("ORD-03", ("order", "price_deviation_bps")),
        ("MKT-01", ("market", "age_ms")),
    ],
)
@pytest.mark.requirement("W-10")
def test_an_exit_is_still_an_order(bench: Bench, control: str, place: Place) -> None:
    base = put(exit_document(), place, at(document(), place) + 1)
    assert both(bench, base, data()) == {control}


@pytest.mark.parametrize(
    ("side", "short", "expected"),
    [
        ("sell", 0, set[str]()),
        ("sell", 1, {"SHT-02"}),
        ("sell_short", 1, set[str]()),
        ("sell_short", LIMIT + 1, {"SHT-01"}),
    ],
)
@pytest.mark.requirement("S0-13")
def test_a_sale_says_whether_it_is_short(
    bench: Bench, side: str, short: int, expected: set[str]
) -> None:
    base = put(document(), ("order", "side"), side)
    base = put(base, ("activity", "opposite_price"), "none")
    base = put(base, ("projected", "short_notional_micros"), short)
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("borrow", "locate_id", "expected"),
    [
        ("easy", "none", set[str]()),
        ("locate", "loc-1", set[str]()),
        ("locate", "none", {"SHT-03"}),
        ("none", "loc-1", {"SHT-03"}),
    ],
)
@pytest.mark.requirement("S0-13")
def test_a_short_sale_needs_shares_to_borrow(
    bench: Bench, borrow: str, locate_id: str, expected: set[str]
) -> None:
    base = put(document(), ("order", "side"), "sell_short")
    base = put(base, ("activity", "opposite_price"), "none")
    base = put(put(base, ("order", "locate_id"), locate_id), ("instrument", "borrow"), borrow)
    under = put(data(), ("instruments", "ACME", "borrow"), borrow)
    assert both(bench, base, under) == expected
    purchase = put(base, ("order", "side"), "buy")
    assert both(bench, purchase, under) == set()


@pytest.mark.requirement("S1-06")
def test_only_a_working_order_of_the_same_kind_can_be_replaced(bench: Bench) -> None:
    alone = drop(put(document(), ("order", "replaces"), "none"), ("replaced",))
    assert both(bench, alone, data()) == set()
    for name in ("working", "same"):
        base = put(document(), ("replaced", name), value=False)
        assert both(bench, base, data()) == {"RPL-01"}
    other = put(document(), ("replaced", "order_id"), "ord_other")
    assert both(bench, other, data()) == {"RPL-01"}
