"""Modes, halts, permissions, lists, attested runs and overrides; asked both ways."""

from typing import Any

import pytest

from support.both_ways import both, with_limit
from support.permission_edges import EXIT, LAPSED, permitted
from support.policy_cases import (
    CLASSES,
    LIMIT,
    Bench,
    Place,
    data,
    document,
    drop,
    put,
)

LAPSED_DENIES = {"LIV-01", "MAN-01", "MAN-03", "MAN-04", "MAN-05"}
ALL_MODES = ("RESEARCH", "SIMULATION", "PAPER", "LIVE")


@pytest.mark.parametrize("mode", [*ALL_MODES, "OTHER", "missing"])
@pytest.mark.parametrize("lifted", [True, False, "missing"])
@pytest.mark.requirement("S2-04")
@pytest.mark.requirement("S1-08")
def test_omega_4(bench: Bench, mode: str, lifted: bool | str) -> None:
    base = permitted(document()) if mode == "LIVE" else document()
    base["control"] |= {"mode": mode, "omega4_lifted": lifted}
    expected = set[str]()
    if mode != "RESEARCH" and not (mode in ALL_MODES and lifted is True):
        expected.add("OMEGA-4")
    if mode not in ALL_MODES:
        expected |= {"LIV-01", "MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05"}
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


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.requirement("S1-13")
def test_without_a_manifest_nothing_leaves_the_gateway(bench: Bench, mode: str) -> None:
    base = put(document(), ("permission", "account"), value=False)
    for place, value in (LAPSED | {("control", "mode"): mode}).items():
        base = put(base, place, value)
    outside = {"MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05"}
    live = {"LIV-01"} if mode == "LIVE" else set[str]()
    expected = outside | live if mode in {"PAPER", "LIVE"} else set[str]()
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("mode", "said", "expected"),
    [
        ("LIVE", {}, set()),
        ("PAPER", {}, set()),
        ("LIVE", {"live_open": False}, {"LIV-01"}),
        ("LIVE", {"mode": "PAPER"}, {"MAN-01"}),
        ("PAPER", {"mode": "LIVE"}, {"MAN-01"}),
        ("PAPER", {"standing": False}, {"MAN-01"}),
        ("PAPER", {"venue": False}, {"MAN-02"}),
        ("LIVE", {"account": False}, {"MAN-02"}),
        ("LIVE", {"strategy": False}, {"MAN-03"}),
        ("LIVE", {"day_orders": 3}, {"MAN-04"}),
        ("LIVE", {"orders_per_day_max": 0}, {"MAN-04"}),
        ("PAPER", {"day_notional_micros": 3}, {"MAN-05"}),
        ("PAPER", {"notional_per_day_max_micros": "none"}, {"MAN-05"}),
    ],
)
@pytest.mark.requirement("S1-13")
@pytest.mark.requirement("S2-01")
def test_each_thing_that_is_not_permitted_is_the_sole_failure(
    bench: Bench, mode: str, said: dict[str, Any], expected: set[str]
) -> None:
    base = permitted(document(), mode)
    base["permission"] |= said
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({("permission", "exit_open"): False}, LAPSED_DENIES),
        ({("order", "reduce_only"): False}, LAPSED_DENIES),
        ({("projected", "reduces"): False}, LAPSED_DENIES),
        ({("permission", "venue"): False}, {"MAN-02"}),
        ({("permission", "account"): False}, {"MAN-02"}),
    ],
    ids=["let-out", "not-opened", "not-asked-for", "not-proven", "elsewhere", "unnamed"],
)
@pytest.mark.requirement("S2-01")
@pytest.mark.requirement("W-10")
def test_after_a_lapse_only_an_exit_that_was_let_out_leaves(
    bench: Bench, changes: dict[Place, Any], expected: set[str]
) -> None:
    base = permitted(document())
    for place, value in (LAPSED | EXIT | changes).items():
        base = put(base, place, value)
    assert both(bench, base, data()) == expected


@pytest.mark.parametrize(
    ("notional", "listed", "control", "expected"),
    [
        (LIMIT, {}, None, set()),
        (LIMIT, {"OTHER": True}, None, set()),
        (LIMIT, {"ACME": True}, None, {"CMP-01"}),
        (LIMIT, {"ACME": True}, "REG-01", {"CMP-01"}),
        (LIMIT, {"ACME": True}, "CMP-01", set()),
        (LIMIT, [], "CMP-01", {"CMP-01"}),
        (LIMIT + 1, {}, None, {"CMP-01"}),
        (LIMIT + 1, {}, "CMP-01", set()),
    ],
)
@pytest.mark.requirement("S1-13")
def test_what_compliance_signs_for(
    bench: Bench, notional: int, listed: object, control: str | None, expected: set[str]
) -> None:
    under = with_limit("order_notional_max_micros", 2 * LIMIT)
    under = put(under, ("limits", "global", "compliance_notional_max_micros"), LIMIT)
    base = put(document(), ("order", "notional_micros"), notional)
    base = drop(base, ("override",)) if control is None else base
    if control is not None:
        base["override"]["control"] = control
    assert both(bench, base, under | {"compliance_symbols": listed}) == expected
    leaving = put(put(base, ("order", "reduce_only"), value=True), ("projected", "reduces"), True)
    assert both(bench, leaving, under | {"compliance_symbols": listed}) == set()


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.requirement("S1-13")
def test_an_overlay_restricts_at_once(bench: Bench, restricted: bool) -> None:
    base = put(document(), ("overlay", "restricted"), restricted)
    assert both(bench, base, data()) == ({"LST-01"} if restricted else set())


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
