"""The edges of every control: at it, one beyond, one below, at zero, and with the thing absent.

Each push changes an allowed document in one point. What must fail is written beside it, and it is
the pushed control alone, but for the few points that ``well formed`` guards too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from support.corpus import (
    BLOCKED_DOWN_TO_ZERO,
    BOUNDED,
    INT_MAX,
    SEED,
    Case,
    damaged,
    data,
    instruments,
    no_documents,
    plain,
    plains,
    states,
)
from support.policy_cases import Document, Place, at, drop, put

AT, BEYOND, BELOW, ZERO, ABSENT = "at", "beyond", "below", "zero", "absent"
SIDES: Final = (AT, BEYOND, BELOW, ZERO, ABSENT)

Changes = Mapping[Place, Any]
GONE: Final = object()
"""As a changed value: the part is taken away."""

_LIMITS: Final[Mapping[str, int]] = data()["limits"]["global"]
_OK: Final[frozenset[str]] = frozenset()


def corpus() -> list[Case]:
    """The whole corpus, the same in every run."""
    rng = random.Random(SEED)
    pushed = [case for symbol in instruments() for case in pushes(plain(rng, symbol))]
    under = list(limit_pushes(plain(rng, "AAPL")))
    return [
        *plains(rng), *pushed, *under, *states(rng), *damaged(rng), *no_documents(rng),
    ]  # fmt: skip


def pushes(base: Document) -> Iterator[Case]:
    """Every edge that a document has, from one allowed document."""
    for family in (_bounded, _quantity, _equity, _halt, _omega_4, _instrument, _shape):
        yield from family(base)


def _case(
    base: Document, control: str, point: str, side: str, changes: Changes, *also: str, ok: bool
) -> Case:
    """``ok``: the document stays allowed; otherwise ``control`` fails, and ``also`` if named."""
    document = base
    for place, value in changes.items():
        document = drop(document, place) if value is GONE else put(document, place, value)
    failing = _OK if ok else frozenset({control, *also})
    return Case(document, failing, (), control, point, side)


def _bounded(base: Document) -> Iterator[Case]:
    for control, (place, name) in BOUNDED.items():
        limit, point = _LIMITS[name], place[1]
        if control == "ORD-02":
            continue  # its quantity must fit the order's: _quantity
        yield _case(base, control, point, AT, {place: limit}, ok=True)
        yield _case(base, control, point, BELOW, {place: limit - 1}, ok=True)
        yield _case(base, control, point, BEYOND, {place: limit + 1}, ok=False)
        yield _case(base, control, point, BEYOND, {place: INT_MAX}, ok=False)
        # An order of no value is no order; of all other facts nothing is less than the limit.
        yield _case(base, control, point, ZERO, {place: 0}, ok=control != "ORD-01")
        # Less than every limit, and no fact: what is well formed is not left to one control.
        yield _case(base, control, point, BELOW, {place: -1}, "INP-01", ok=False)
        yield _case(base, control, point, ABSENT, {place: None}, "INP-01", ok=False)
        absent: Place = ("market",) if control == "MKT-01" else place
        yield _case(base, control, point, ABSENT, {absent: GONE}, ok=False)
    worst: Place = ("order", "worst_price")
    yield _case(base, "ORD-03", "worst_price", AT, {worst: 1}, ok=True)
    yield _case(base, "ORD-03", "worst_price", ZERO, {worst: 0}, ok=False)
    yield _case(base, "ORD-03", "worst_price", ABSENT, {worst: GONE}, ok=False)


def _quantity(base: Document) -> Iterator[Case]:
    """One step is one lot: a single unit at 8 decimals where the instrument has them."""
    listed = base["instrument"]
    scale = 10 ** (8 - listed["qty_decimals"])
    lot, limit = listed["lot"], _LIMITS["order_qty_max_e8"]
    assert limit % (lot * scale) == 0, "the limit is a whole number of lots of each instrument"
    full = limit // scale

    def sized(qty: int) -> Changes:
        return {("order", "qty"): qty, ("order", "qty_e8"): qty * scale}

    yield _case(base, "ORD-02", "qty_e8", AT, sized(full), ok=True)
    yield _case(base, "ORD-02", "qty_e8", BELOW, sized(full - lot), ok=True)
    yield _case(base, "ORD-02", "qty_e8", BEYOND, sized(full + lot), ok=False)
    yield _case(base, "ORD-02", "qty_e8", ZERO, sized(0), "INP-01", "INS-01", ok=False)
    yield _case(base, "ORD-02", "qty_e8", ABSENT, {("order", "qty_e8"): GONE}, ok=False)


def _equity(base: Document) -> Iterator[Case]:
    place: Place = ("account", "equity_micros")
    for side, value, ok in (
        (AT, 1, True), (BEYOND, 2, True), (BEYOND, INT_MAX, True), (ZERO, 0, False),
        (BELOW, 0, False), (BELOW, -1, False), (BELOW, -INT_MAX, False), (ABSENT, GONE, False),
    ):  # fmt: skip
        yield _case(base, "ACC-01", "equity_micros", side, {place: value}, ok=ok)


def _halt(base: Document) -> Iterator[Case]:
    place: Place = ("control", "halted")
    yield _case(base, "OMEGA-2", "halted", AT, {place: False}, ok=True)
    yield _case(base, "OMEGA-2", "halted", BEYOND, {place: True}, ok=False)
    yield _case(base, "OMEGA-2", "halted", ZERO, {place: 0}, "INP-01", ok=False)
    yield _case(base, "OMEGA-2", "halted", ABSENT, {place: GONE}, "INP-01", ok=False)


def _omega_4(base: Document) -> Iterator[Case]:
    mode: Place = ("control", "mode")
    lifted: Place = ("control", "omega4_lifted")
    for value in (True, False):
        changes = {mode: "RESEARCH", lifted: value}
        yield _case(base, "OMEGA-4", "research", BELOW, changes, ok=True)
    for name in ("SIMULATION", "PAPER", "LIVE"):
        yield _case(base, "OMEGA-4", name, AT, {mode: name, lifted: True}, ok=True)
        yield _case(base, "OMEGA-4", name, BEYOND, {mode: name, lifted: False}, ok=False)
        for side, value in ((ZERO, 0), (ABSENT, GONE)):
            changes = {mode: name, lifted: value}
            yield _case(base, "OMEGA-4", name, side, changes, "INP-01", ok=False)


def _instrument(base: Document) -> Iterator[Case]:
    listed, order = base["instrument"], base["order"]
    lot, tick = listed["lot"], listed["tick"]
    scale = 10 ** (8 - listed["qty_decimals"])
    for side, qty in ((AT, 2 * lot), (BELOW, 2 * lot - 1), (BEYOND, 2 * lot + 1)):
        changes = {("order", "qty"): qty, ("order", "qty_e8"): qty * scale}
        yield _case(base, "INS-01", "lot", side, changes, ok=qty % lot == 0)
    for name in ("limit_price", "stop_price"):
        if order[name] != "none":
            for side, price in ((AT, tick), (BELOW, 2 * tick - 1), (BEYOND, tick + 1)):
                place: Place = ("order", name)
                yield _case(base, "INS-01", name, side, {place: price}, ok=price % tick == 0)
    for name in ("qty_decimals", "price_decimals"):
        yield from _other_scale(base, name)
    others = {"sector": "Other", "currency": "CHF", "lot": lot + 1, "tick": tick + 1}
    for name, value in others.items():
        yield _case(base, "INS-01", name, BEYOND, {("instrument", name): value}, ok=False)
    yield _case(base, "INS-01", "symbol", BEYOND, {("order", "symbol"): "NO.SUCH"}, ok=False)
    nothing = {("order", "qty"): 0, ("order", "qty_e8"): 0}
    yield _case(base, "INS-01", "lot", ZERO, nothing, "INP-01", "ORD-02", ok=False)
    yield _case(base, "INS-01", "instrument", ABSENT, {("instrument",): GONE}, ok=False)


def _other_scale(base: Document, name: str) -> Iterator[Case]:
    """The order's scale is one off the listed one, its counted quantity made to fit."""
    stated = base["order"][name]
    for side, value in ((AT, stated), (BEYOND, stated + 1), (BELOW, stated - 1)):
        if 0 <= value <= 8:
            changes: dict[Place, Any] = {("order", name): value}
            if name == "qty_decimals":
                changes |= {("order", "qty"): base["instrument"]["lot"]}
                changes |= {("order", "qty_e8"): base["instrument"]["lot"] * 10 ** (8 - value)}
            yield _case(base, "INS-01", name, side, changes, ok=side == AT)


_SHAPES: Final[Mapping[str, tuple[tuple[str, object, bool], ...]]] = {
    "v": ((AT, 2, True), (ZERO, 0, False), (BELOW, 1, False), (BEYOND, 3, False), (ABSENT, GONE, False)),
    "salt": (
        (AT, "0" * 32, True), (BELOW, "0" * 31, False), (BEYOND, "0" * 33, False),
        (BEYOND, "0" * 31 + "A", False), (ABSENT, GONE, False),
    ),
    "ids.principal": (
        (AT, "p" * 64, True), (BEYOND, "p" * 65, False), (AT, "p", True), (BELOW, "", False),
    ),
    "ids.order_id": ((BEYOND, "a b", False), (ABSENT, GONE, False)),
    "time.wall_us": (
        (AT, 1, True), (ZERO, 0, False), (BELOW, -1, False), (AT, INT_MAX, True),
        (BEYOND, INT_MAX + 1, False), (ABSENT, GONE, False),
    ),
    "time.market_us": ((AT, 1, True), (ZERO, 0, False)),
    "time.session": (
        (AT, "2015-12-31", True), (AT, "0001-01-01", True), (BEYOND, "2015-13-31", False),
        (BEYOND, "2015-12-32", False), (BELOW, "2015-00-31", False), (BELOW, "2015-12-00", False),
    ),
    "account.cash_micros": (
        (AT, INT_MAX, True), (BEYOND, INT_MAX + 1, False), (AT, -INT_MAX, True),
        (BELOW, -INT_MAX - 1, False),
    ),
    "market.bid": ((AT, 1, True), (BEYOND, INT_MAX, False), (ZERO, 0, False)),
    "market.ask": ((AT, INT_MAX, True), (BEYOND, INT_MAX + 1, False), (ZERO, 0, False)),
    "market.last": ((AT, 1, True), (ZERO, 0, False), (ABSENT, GONE, False)),
    "order.strategy_id": ((AT, "s" * 64, True), (BEYOND, "s" * 65, False)),
    "order.account": ((AT, "a" * 64, True), (BEYOND, "a" * 65, False), (ABSENT, GONE, False)),
    "order.side": ((BEYOND, "sell_short", False),),
    "order.time_in_force": ((BEYOND, "gtd", False),),
}  # fmt: skip
"""Lengths, ranges and lists of well-formed parts that no other control looks at."""


def _shape(base: Document) -> Iterator[Case]:
    for point, rows in _SHAPES.items():
        for side, value, ok in rows:
            yield _case(base, "INP-01", point, side, {tuple(point.split(".")): value}, ok=ok)
    bid, ask = base["market"]["bid"], base["market"]["ask"]
    for side, value in ((AT, ask), (BEYOND, ask + 1), (BELOW, bid)):
        yield _case(base, "INP-01", "crossed", side, {("market", "bid"): value}, ok=value <= ask)
    counted = at(base, ("order", "qty_e8"))
    for side, value in ((AT, counted), (BELOW, counted - 1), (BEYOND, counted + 1)):
        if 0 < value <= _LIMITS["order_qty_max_e8"]:
            changes = {("order", "qty_e8"): value}
            yield _case(base, "INP-01", "counted", side, changes, ok=side == AT)


def limit_pushes(base: Document) -> Iterator[Case]:
    """The same edges from the other side: the limit of the release moves, the fact stands."""
    for control, (place, _) in BOUNDED.items():
        if control != "ORD-02":
            base = put(base, place, max(at(base, place), 2))
    for control, (place, name) in BOUNDED.items():
        fact = at(base, place)
        rows: tuple[tuple[str, int | None, bool], ...] = (
            (AT, fact, True), (BELOW, fact - 1, False), (BEYOND, fact + 1, True),
            (BEYOND, INT_MAX, True), (BEYOND, INT_MAX + 1, False), (BELOW, -1, False),
            (ZERO, 0, False), (ABSENT, None, False),
        )  # fmt: skip
        for side, limit, ok in rows:
            yield _limited(_case(base, control, name, side, {}, ok=ok), name, limit)
        yield from _nothing_under_nothing(base, control, place, name)
    name = "approval_age_max_ms"
    for side, limit, ok in (
        (AT, 1, True), (BEYOND, 2, True), (BEYOND, INT_MAX, True), (BEYOND, INT_MAX + 1, False),
        (BELOW, 0, False), (BELOW, -1, False), (ZERO, 0, False), (ABSENT, None, False),
    ):  # fmt: skip
        yield _limited(_case(base, "APR-01", name, side, {}, ok=ok), name, limit)


def _nothing_under_nothing(base: Document, control: str, place: Place, name: str) -> Iterator[Case]:
    """``0 <= 0`` is no proof: a limit of zero, or none, is passed by nothing at all."""
    if control in {"ORD-01", "ORD-02"}:
        return  # an order of nothing fails for that alone
    for limit in (0, None):
        allowed = control in BLOCKED_DOWN_TO_ZERO
        yield _limited(_case(base, control, name, ZERO, {place: 0}, ok=allowed), name, limit)


def _limited(case: Case, name: str, limit: int | None) -> Case:
    return replace(case, limits=((name, limit),))
