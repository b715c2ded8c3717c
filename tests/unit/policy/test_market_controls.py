"""Hours, the venue's terms, floors and restricted shorts: in the module and in opa alike."""

from __future__ import annotations

from typing import Any

import pytest

from support.both_ways import both, with_limit
from support.policy_cases import (
    LIMIT,
    Bench,
    Data,
    Document,
    data,
    document,
    drop,
    failing,
    put,
)


def verdict(
    bench: Bench, changes: dict[str, dict[str, Any]], under: Data | None = None
) -> set[str]:
    """What fails of the document with parts of its sections changed (``...``: taken away)."""
    base: Document = document()
    for section, parts in changes.items():
        for name, value in parts.items():
            place = (section, name)
            base = drop(base, place) if value is ... else put(base, place, value)
    return both(bench, base, under or data())


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ({"to_close_ms": LIMIT}, set[str]()),
        ({"to_close_ms": LIMIT - 1}, {"MKT-03"}),
        ({"to_close_ms": 0}, {"MKT-03"}),
        ({"open": False, "to_close_ms": 10 * LIMIT}, {"MKT-03"}),
        ({"open": ...}, {"INP-01", "MKT-03"}),
    ],
)
def test_the_market_is_open_and_its_close_is_not_near(
    bench: Bench, hours: dict[str, Any], expected: set[str]
) -> None:
    assert verdict(bench, {"hours": hours}) == expected


@pytest.mark.requirement("S3-07")
@pytest.mark.requirement("S2-02")
@pytest.mark.parametrize("limit", [0, -1, 2**53, None, "1"])
def test_without_a_limit_no_distance_from_the_close_is_enough(bench: Bench, limit: object) -> None:
    under = with_limit("close_buffer_min_ms", limit)
    assert verdict(bench, {"hours": {"to_close_ms": 2**53 - 1}}, under) == {"MKT-03"}


@pytest.mark.parametrize(
    ("wanted", "traded", "permitted", "expected"),
    [
        (True, True, True, set[str]()),
        (True, True, False, {"MKT-03"}),
        (True, False, True, {"MKT-03", "VEN-02"}),
        (False, True, True, {"MKT-03"}),
    ],
)
def test_extended_hours_need_order_venue_and_permission(
    bench: Bench, wanted: bool, traded: bool, permitted: bool, expected: set[str]
) -> None:
    under = put(data(), ("permissions", "*", "extended_hours"), permitted)
    changes = {
        "hours": {"open": False},
        "order": {"extended_hours": wanted},
        "venue": {"extended_hours": traded},
    }
    assert verdict(bench, changes, under) == expected


@pytest.mark.requirement("S4-06")
@pytest.mark.requirement("S4-07")
@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ({"lot": 5}, set[str]()),  # the list asks for ten, and ten are fives too
        ({"lot": 20}, {"VEN-01"}),  # the venue is the stricter one
        ({"lot": 3}, {"VEN-01"}),
        ({"tick": 250}, set[str]()),
        ({"tick": 200}, {"VEN-01"}),
        ({"tradable": False}, {"VEN-01"}),
        ({"age_ms": LIMIT}, set[str]()),
        ({"age_ms": LIMIT + 1}, {"VEN-01"}),
    ],
)
def test_of_list_and_venue_the_stricter_counts(
    bench: Bench, venue: dict[str, Any], expected: set[str]
) -> None:
    assert verdict(bench, {"venue": venue}) == expected
    research = {"venue": venue, "control": {"mode": "RESEARCH"}}
    assert verdict(bench, research) == set()


@pytest.mark.requirement("S4-06")
def test_a_venue_that_is_not_known_takes_nothing(bench: Bench) -> None:
    unknown = drop(document(), ("venue",))
    for mode, expected in (
        ("SIMULATION", {"ORD-06", "VEN-01", "VEN-02"}),
        ("PAPER", {"ORD-06", "VEN-01", "VEN-02"}),
        ("RESEARCH", set[str]()),
    ):
        base = put(unknown, ("control", "mode"), mode)
        (answer,) = bench.under(data()).decide([base])
        assert failing(answer) == expected
    for limit in (0, None, -1):
        under = with_limit("venue_age_max_ms", limit)
        assert verdict(bench, {"venue": {"age_ms": 0}}, under) == {"VEN-01"}


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"venue": {"types": {"limit": True}}}, set[str]()),
        ({"venue": {"types": {"market": True, "stop": True}}}, {"VEN-02"}),
        ({"venue": {"types": {"limit": False}}}, {"VEN-02"}),
        ({"venue": {"times_in_force": {"gtd": True}}}, set[str]()),
        ({"venue": {"times_in_force": {"gtc": True}}}, {"VEN-02"}),
        ({"order": {"reduce_only": True}, "venue": {"reduce_only": False}}, {"VEN-02"}),
        ({"order": {"extended_hours": True}, "venue": {"extended_hours": False}}, {"VEN-02"}),
        ({"venue": {"reduce_only": False, "shortable": False}}, set[str]()),
    ],
)
def test_what_the_venue_does_not_take_is_denied(
    bench: Bench, changes: dict[str, dict[str, Any]], expected: set[str]
) -> None:
    assert verdict(bench, changes) == expected
    assert verdict(bench, changes | {"control": {"mode": "RESEARCH"}}) == set()


@pytest.mark.requirement("S4-08")
@pytest.mark.parametrize(
    ("floor", "worth", "expected"),
    [
        (0, 1, set[str]()),
        (LIMIT, LIMIT, set[str]()),
        (LIMIT + 1, LIMIT, {"ORD-06"}),
        (1, ..., {"CMP-01", "ORD-01", "ORD-06"}),
    ],
)
def test_an_order_below_the_floor_is_denied(
    bench: Bench, floor: int, worth: object, expected: set[str]
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "venue": {"min_notional_micros": floor},
        "order": {"notional_micros": worth},
    }
    assert verdict(bench, changes) == expected
    listed = put(data(), ("instruments", "ACME", "min_notional_micros"), floor)
    changes = {"instrument": {"min_notional_micros": floor}, "order": {"notional_micros": worth}}
    assert verdict(bench, changes, listed) == expected


@pytest.mark.requirement("S4-08")
def test_a_floor_never_traps_an_exit(bench: Bench) -> None:
    exit_ = {
        "venue": {"min_notional_micros": LIMIT + 1},
        "order": {"reduce_only": True},
        "projected": {"reduces": True},
    }
    assert verdict(bench, exit_) == set()
    assert verdict(bench, exit_ | {"projected": {"reduces": False}}) == {"ORD-06"}


SHORT = {"side": "sell_short"}


@pytest.mark.requirement("W-06")
@pytest.mark.parametrize(
    ("order", "restricted", "expected"),
    [
        (SHORT, False, set[str]()),
        (SHORT | {"limit_price": 600, "worst_price": 600}, True, set[str]()),
        (SHORT | {"limit_price": 500}, True, set[str]()),
        (SHORT | {"limit_price": 400}, True, {"SHT-04"}),
        ({"side": "buy", "limit_price": 400}, True, set[str]()),
    ],
)
def test_a_restricted_short_sale_is_priced_above_the_bid(
    bench: Bench, order: dict[str, Any], restricted: bool, expected: set[str]
) -> None:
    changes = {
        "order": order,
        "venue": {"short_restricted": restricted},
        "activity": {"opposite_price": "none"},
    }
    assert verdict(bench, changes) == expected
    research = changes | {"control": {"mode": "RESEARCH"}}
    assert verdict(bench, research) == set()


@pytest.mark.requirement("S3-07")
def test_the_door_carries_the_thresholds_of_the_last_look(bench: Bench) -> None:
    under = with_limit("spread_max_bps", 0)
    (allowed,) = bench.under(data()).decide([document()])
    (shut,) = bench.under(under).decide([document()])
    for answer, spread in ((allowed, LIMIT), (shut, 0)):
        assert answer.door == {  # pyright: ignore[reportAttributeAccessIssue]  a verdict
            "approval_age_max_ms": 300_000,
            "close_buffer_min_ms": LIMIT,
            "quote_age_max_ms": LIMIT,
            "spread_max_bps": spread,
        }
