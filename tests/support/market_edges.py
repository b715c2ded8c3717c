"""The edges of the controls of market and venue: hours, terms, kinds of orders, floors, shorts.

They look at several parts at once, or at nothing in RESEARCH, so each family starts from an order
that is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from support.corpus import INT_MAX, Case, data
from support.policy_cases import Document, Place, drop, put

Changes = Mapping[Place, Any]
MakeCase = Callable[..., Case]

_LIMITS: Final[Mapping[str, int]] = data()["limits"]["global"]
_GONE: Final[Place] = ()
_MODE: Final[Place] = ("control", "mode")


def sent(base: Document) -> Document:
    """The same order where it would be forwarded, and not only as an exit."""
    document = put(put(base, _MODE, "SIMULATION"), ("control", "omega4_lifted"), value=True)
    document = put(document, ("order", "reduce_only"), value=False)
    if document["order"]["side"] != "sell_short":
        return document
    held = put(document, ("projected", "short_notional_micros"), 0)
    return put(held, ("order", "side"), "sell")


def hours(base: Document, case: MakeCase) -> Iterator[Case]:
    """The close, the opening, and orders for extended hours."""
    limit, place = _LIMITS["close_buffer_min_ms"], ("hours", "to_close_ms")
    for side, value, ok in (
        ("at", limit, True), ("beyond", limit + 1, True), ("beyond", INT_MAX, True),
        ("below", limit - 1, False), ("zero", 0, False),
    ):  # fmt: skip
        yield case(base, "MKT-03", "to_close_ms", side, {place: value}, ok=ok)
    yield case(base, "MKT-03", "open", "beyond", {("hours", "open"): False}, ok=False)
    yield case(base, "MKT-03", "open", "zero", {("hours", "open"): 0}, "INP-01", ok=False)
    yield case(drop(base, ("hours",)), "MKT-03", "hours", "absent", {}, ok=False)
    extended = put(
        put(base, ("order", "extended_hours"), value=True), ("hours", "open"), value=False
    )
    extended = put(extended, ("venue", "extended_hours"), value=True)
    permissions = {"*": data()["permissions"]["*"] | {"extended_hours": True}}
    for lists, ok in (((("permissions", permissions),), True), ((), False)):
        made = case(extended, "MKT-03", "extended_hours", "at" if ok else "beyond", {}, ok=ok)
        yield replace(made, lists=lists)
    yield from _limits(base, case, "MKT-03", "close_buffer_min_ms", 10 * limit)


def terms(base: Document, case: MakeCase) -> Iterator[Case]:
    """The age of what the venue says, and its lots and ticks; in RESEARCH none of it counts."""
    base = sent(base)
    limit, place = _LIMITS["venue_age_max_ms"], ("venue", "age_ms")
    for side, value, ok in (
        ("at", limit, True), ("below", limit - 1, True), ("zero", 0, True),
        ("beyond", limit + 1, False), ("beyond", INT_MAX, False),
    ):  # fmt: skip
        yield case(base, "VEN-01", "age_ms", side, {place: value}, ok=ok)
        research = case(
            base, "VEN-01", "research", side, {place: value, _MODE: "RESEARCH"}, ok=True
        )
        yield research
    yield case(base, "VEN-01", "tradable", "beyond", {("venue", "tradable"): False}, ok=False)
    qty = base["order"]["qty"]
    for side, lot, ok in (("at", qty, True), ("beyond", qty + 1, False)):
        yield case(base, "VEN-01", "lot", side, {("venue", "lot"): lot}, ok=ok)
    for name in ("limit_price", "stop_price"):
        price = base["order"][name]
        if price != "none":
            tick = {("venue", "tick"): price + 1}
            yield case(base, "VEN-01", name, "beyond", tick, ok=False)
    both = ("INP-01", "ORD-06", "VEN-02", "SHT-04")
    nothing = drop(base, ("venue",))
    yield case(nothing, "VEN-01", "venue", "absent", {}, "VEN-02", "ORD-06", ok=False)
    yield case(nothing, "VEN-01", "venue", "absent", {_MODE: "RESEARCH"}, ok=True)
    yield case(base, "VEN-01", "venue", "absent", {("venue",): None}, *both[:3], ok=False)
    yield from _limits(base, case, "VEN-01", "venue_age_max_ms", 0)


def _limits(
    base: Document, case: MakeCase, control: str, name: str, extreme: int
) -> Iterator[Case]:
    """The limit is not there, is zero, or is no limit: whatever the fact, nothing is proven."""
    place: Place = ("venue", "age_ms") if control == "VEN-01" else ("hours", "to_close_ms")
    for side, limit in (("zero", 0), ("absent", None), ("below", -1), ("beyond", INT_MAX + 1)):
        made = case(sent(base), control, name, side, {place: extreme}, ok=False)
        yield replace(made, limits=((name, limit),))


def kinds(base: Document, case: MakeCase) -> Iterator[Case]:
    """What the venue takes: each way of asking for more than that."""
    base = sent(base)
    for name, asked in (("types", "type"), ("times_in_force", "time_in_force")):
        mine: Place = ("venue", name, base["order"][asked])
        only = {base["order"][asked]: True}
        yield case(base, "VEN-02", name, "at", {("venue", name): only}, ok=True)
        yield case(drop(base, mine), "VEN-02", name, "absent", {}, ok=False)
        yield case(base, "VEN-02", name, "zero", {("venue", name): {}}, ok=False)
        yield case(base, "VEN-02", name, "beyond", {mine: False}, ok=False)
        yield case(base, "VEN-02", name, "below", {mine: False, _MODE: "RESEARCH"}, ok=True)
    base = put(base, ("projected", "reduces"), value=False)
    for name in ("reduce_only", "extended_hours"):
        for asked_for, taken, ok in (
            (True, True, True), (False, False, True), (False, True, True), (True, False, False),
        ):  # fmt: skip
            side = "at" if ok else "beyond"
            changes = {("order", name): asked_for, ("venue", name): taken}
            yield case(base, "VEN-02", name, side, changes, ok=ok)
    exit_: Mapping[Place, object] = {
        ("order", "reduce_only"): True,
        ("projected", "reduces"): True,
        ("venue", "reduce_only"): False,
    }
    yield case(base, "VEN-02", "exit", "at", exit_, ok=True)


def floors(base: Document, case: MakeCase) -> Iterator[Case]:
    """The venue's floor; the list's is held by INS-01 to what was signed. Exits have none."""
    base = sent(base)
    place: Place = ("venue", "min_notional_micros")
    worth = max(2, base["order"]["notional_micros"])
    base = put(base, ("order", "notional_micros"), worth)
    for side, floor, ok in (
        ("at", worth, True), ("below", worth - 1, True), ("beyond", worth + 1, False),
        ("beyond", INT_MAX, False), ("zero", 0, True),
    ):  # fmt: skip
        yield case(base, "ORD-06", "min_notional_micros", side, {place: floor}, ok=ok)
    exit_ = {place: INT_MAX, ("order", "reduce_only"): True, ("projected", "reduces"): True}
    yield case(base, "ORD-06", "exit", "at", exit_, ok=True)
    turns = {**exit_, ("projected", "reduces"): False}
    yield case(base, "ORD-06", "exit", "beyond", turns, ok=False)
    nothing = {place: 1, ("order", "notional_micros"): 0}
    yield case(base, "ORD-06", "notional_micros", "zero", nothing, "ORD-01", ok=False)
    unknown = drop(base, ("order", "notional_micros"))
    also = ("CMP-01", "ORD-01")
    yield case(unknown, "ORD-06", "notional_micros", "absent", {place: 1}, *also, ok=False)


def restricted(base: Document, case: MakeCase) -> Iterator[Case]:
    """A short sale while they are restricted: its limit and the bid."""
    base = sent(base)
    for place, value in {
        ("order", "side"): "sell_short",
        ("order", "type"): "limit",
        ("order", "limit_price"): base["order"]["worst_price"],
        ("order", "stop_price"): "none",
        ("activity", "opposite_price"): "none",
    }.items():
        base = put(base, place, value)
    price, rule = base["order"]["limit_price"], ("venue", "short_restricted")
    bid: Place = ("market", "bid")
    for side, at, ok in (
        ("at", price, False),
        ("below", price - 1, True),
        ("beyond", price + 1, False),
    ):
        ask = {("market", "ask"): price + 2}
        yield case(base, "SHT-04", "bid", side, {bid: at, rule: True, **ask}, ok=ok)
        yield case(base, "SHT-04", "bid", side, {bid: at, rule: False, **ask}, ok=True)
    unpriced = {("order", "type"): "market", ("order", "limit_price"): "none", rule: True}
    yield case(base, "SHT-04", "limit_price", "absent", unpriced, ok=False)
    yield case(base, "SHT-04", "short_restricted", "zero", {rule: 0}, "INP-01", ok=False)
    for side in ("buy", "sell"):
        other = {rule: True, ("order", "side"): side, ("projected", "short_notional_micros"): 0}
        yield case(base, "SHT-04", side, "below", other, ok=True)
