"""The edges of what officers permit: manifest, venue, strategy, the day's ceilings, LIVE.

Each family starts from a LIVE order that everything permits, because nothing inside the gateway
needs a permission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from support.corpus import INT_MAX, Case, data, override
from support.market_edges import MakeCase
from support.policy_cases import Document, Place, drop, put

ABSENT: Final = "absent"
MODE: Final[Place] = ("control", "mode")
EXIT: Final[dict[Place, Any]] = {
    ("order", "reduce_only"): True,
    ("projected", "reduces"): True,
    ("permission", "exit_open"): True,
}
"""An order that only reduces, and that a named person has let out."""
LAPSED: Final[dict[Place, Any]] = {
    ("permission", "standing"): False,
    ("permission", "mode"): "none",
    ("permission", "strategy"): False,
    ("permission", "live_open"): False,
    ("permission", "orders_per_day_max"): "none",
    ("permission", "notional_per_day_max_micros"): "none",
}
"""What stands in a document once the manifest has ended; where its accounts led is still known."""
CEILINGS: Final = (
    ("MAN-04", "day_orders", "orders_per_day_max"),
    ("MAN-05", "day_notional_micros", "notional_per_day_max_micros"),
)
_SAID: Final = (("MAN-01", "standing"), ("MAN-02", "account"), ("MAN-03", "strategy"))


def permitted(base: Document, mode: str = "LIVE") -> Document:
    """The same order where it leaves the gateway, everything about it permitted."""
    document = put(put(base, MODE, mode), ("control", "omega4_lifted"), value=True)
    document["order"] = document["order"] | {"reduce_only": False}
    document["permission"] = {
        "standing": True,
        "mode": mode,
        "epoch": 7,
        "venue": True,
        "account": True,
        "strategy": True,
        "live_open": mode == "LIVE",
        "exit_open": False,
        "day_orders": 2,
        "day_notional_micros": 2,
        "orders_per_day_max": 2,
        "notional_per_day_max_micros": 2,
    }
    return document


def said(base: Document, case: MakeCase) -> Iterator[Case]:
    """Each thing that is either permitted or not, in the mode where it counts and elsewhere."""
    for mode in ("PAPER", "LIVE"):
        leaving = permitted(base, mode)
        for control, name in (*_SAID, ("MAN-02", "venue")):
            yield from _either(leaving, case, control, name)
        for side, other in (("beyond", "PAPER" if mode == "LIVE" else "LIVE"), ("below", "none")):
            changes = {("permission", "mode"): other}
            yield case(leaving, "MAN-01", "mode", side, changes, ok=False)
    yield from _either(permitted(base), case, "LIV-01", "live_open")
    closed = {("permission", "live_open"): False}
    yield case(permitted(base, "PAPER"), "LIV-01", "paper", "below", closed, ok=True)
    inside = put(permitted(base), MODE, "SIMULATION")
    yield case(inside, "MAN-01", "inside", "at", LAPSED, ok=True)
    elsewhere = {("permission", "venue"): False}
    yield case(inside, "MAN-02", "inside", "below", elsewhere, ok=False)
    research = put(inside, MODE, "RESEARCH")
    yield case(research, "MAN-02", "research", "at", {**LAPSED, **elsewhere}, ok=True)


def _either(leaving: Document, case: MakeCase, control: str, name: str) -> Iterator[Case]:
    place: Place = ("permission", name)
    yield case(leaving, control, name, "at", {place: True}, ok=True)
    yield case(leaving, control, name, "below", {place: False}, ok=False)
    yield case(leaving, control, name, "beyond", {place: "true"}, "INP-01", ok=False)
    yield case(leaving, control, name, "zero", {place: 0}, "INP-01", ok=False)
    missing = case(leaving, control, name, ABSENT, {}, "INP-01", ok=False)
    yield _without(missing, place)


def ceilings(base: Document, case: MakeCase) -> Iterator[Case]:
    """What the day comes to, against the manifest's ceiling; either of them moves."""
    leaving = permitted(base)
    for control, name, ceiling in CEILINGS:
        place: Place = ("permission", name)
        bound: Place = ("permission", ceiling)
        for side, value, ok in (
            ("at", 2, True), ("below", 1, True), ("beyond", 3, False), ("beyond", INT_MAX, False),
        ):  # fmt: skip
            yield case(leaving, control, name, side, {place: value}, ok=ok)
        for side, value, ok in (
            ("at", 2, True), ("beyond", 3, True), ("beyond", INT_MAX, True), ("below", 1, False),
            ("zero", 0, False), (ABSENT, "none", False),
        ):  # fmt: skip
            yield case(leaving, control, ceiling, side, {bound: value}, ok=ok)
        inside = put(leaving, MODE, "SIMULATION")
        yield case(inside, control, "inside", "beyond", {place: INT_MAX, bound: 1}, ok=True)
    unknown = case(leaving, "MAN-05", "day_notional_micros", ABSENT, {}, ok=False)
    yield _without(unknown, ("permission", "day_notional_micros"))


def exits(base: Document, case: MakeCase) -> Iterator[Case]:
    """After a lapse only an exit that was let out leaves, and only where orders went before."""
    lapsed = put(permitted(base), MODE, "LIVE")
    every = ("MAN-01", "MAN-03", "MAN-04", "MAN-05", "LIV-01")
    yield case(lapsed, "LIV-01", "exit", "at", {**LAPSED, **EXIT}, ok=True)
    for place in EXIT:
        half = {**LAPSED, **EXIT, place: False}
        yield case(lapsed, "LIV-01", "exit", "beyond", half, *every, ok=False)
    for name in ("venue", "account"):
        elsewhere = {**LAPSED, **EXIT, ("permission", name): False}
        yield case(lapsed, "MAN-02", "exit", "beyond", elsewhere, ok=False)


def signature(base: Document, case: MakeCase) -> Iterator[Case]:
    """Symbols that compliance signs for, and what signs; the threshold is a limit of its own."""
    base = drop(base, ("override",)) if "override" in base else base
    symbol, given = base["order"]["symbol"], ("override",)
    notional: Place = ("order", "notional_micros")
    for side, listed, ok in (
        ("at", {}, True), ("below", {symbol[:-1]: True}, True), ("beyond", {symbol: True}, False),
        ("zero", {symbol: False}, False), (ABSENT, None, False),
    ):  # fmt: skip
        plain = case(base, "CMP-01", "symbols", side, {}, ok=ok)
        yield _listing(plain, listed)
        signed = case(
            base, "CMP-01", "signed", side, {given: override("CMP-01")}, ok=side != ABSENT
        )
        yield _listing(signed, listed)
    other = case(base, "CMP-01", "override", "beyond", {given: override("REG-01")}, ok=False)
    yield _listing(other, {symbol: True})
    leaving = {("order", "reduce_only"): True, ("projected", "reduces"): True}
    yield _listing(case(base, "CMP-01", "exit", "at", leaving, ok=True), {symbol: True})
    threshold = data()["limits"]["global"]["compliance_notional_max_micros"]
    for value, failing in ((threshold, ("ORD-01",)), (threshold + 1, ("CMP-01", "ORD-01"))):
        first, *also = failing
        yield case(base, first, "notional_micros", "beyond", {notional: value}, *also, ok=False)


def thresholds(base: Document, case: MakeCase) -> Iterator[tuple[Case, int | None]]:
    """The threshold moves around an order's value, with and without a signature."""
    base = drop(base, ("override",)) if "override" in base else base
    worth = base["order"]["notional_micros"]
    name = "compliance_notional_max_micros"
    for side, limit, ok in (
        ("at", worth, True), ("below", worth - 1, False), ("beyond", worth + 1, True),
        ("beyond", INT_MAX + 1, False), ("below", -1, False), ("zero", 0, False),
        (ABSENT, None, False),
    ):  # fmt: skip
        yield case(base, "CMP-01", name, side, {}, ok=ok), limit
        given = {("override",): override("CMP-01")}
        stands = limit is not None and 0 < limit <= INT_MAX
        yield case(base, "CMP-01", name, side, given, ok=stands), limit


def _listing(case: Case, listed: object) -> Case:
    return replace(case, lists=(("compliance_symbols", listed),))


def _without(case: Case, place: Place) -> Case:
    return replace(case, document=drop(case.document, place))


def overlays(base: Document, case: MakeCase) -> Iterator[Case]:
    """A symbol that a risk officer has restricted since the release was signed."""
    place: Place = ("overlay", "restricted")
    yield case(base, "LST-01", "overlay", "at", {place: False}, ok=True)
    yield case(base, "LST-01", "overlay", "beyond", {place: True}, ok=False)
    yield case(base, "LST-01", "overlay", "zero", {place: 0}, "INP-01", ok=False)
    yield _without(case(base, "LST-01", "overlay", ABSENT, {}, "INP-01", ok=False), place)
