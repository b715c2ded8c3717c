"""The edges of what an order says of itself: short or not, whose shares, whose place, and exits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from support.corpus import BOUNDED, FLOORED, INT_MAX, Case, instruments
from support.policy_cases import Document, Place, drop, put

MakeCase = Callable[..., Case]

SIDE: Final[Place] = ("order", "side")
SHORT: Final[Place] = ("projected", "short_notional_micros")
LOCATE: Final[Place] = ("order", "locate_id")
REPLACES: Final[Place] = ("order", "replaces")

EXITS_PASS: Final = frozenset(
    {
        *("ACC-02", "ACC-03", "ACC-04", "POS-01", "POS-02", "EXP-01", "EXP-02", "EXP-03"),
        *("EXP-04", "MGN-01", "MGN-02", "MGN-03", "MOD-01", "MOD-03", "MOD-04"),
    }
)
"""Controls that compare a fact with a limit and let pass what only reduces."""


def without_others(base: Document) -> Document:
    """The same order where nothing works against a sale of it."""
    unopposed = put(base, ("activity", "opposite_price"), "none")
    return put(unopposed, ("venue", "short_restricted"), value=False)


def marking(base: Document, case: MakeCase) -> Iterator[Case]:
    """A sale of what is held ends nowhere short; a short sale and a purchase may."""
    base = without_others(base)
    for side, short, ok in (("at", 0, True), ("zero", 0, True), ("beyond", 1, False)):
        changes = {SIDE: "sell", SHORT: short}
        yield case(base, "SHT-02", "sell", side, changes, ok=ok)
    for side in ("buy", "sell_short"):
        yield case(base, "SHT-02", side, "below", {SIDE: side, SHORT: 1}, ok=True)
    unknown = drop(put(base, SIDE, "sell"), SHORT)
    yield case(unknown, "SHT-02", "short_notional_micros", "absent", {}, "SHT-01", ok=False)


def locate(base: Document, case: MakeCase) -> Iterator[Case]:
    """Easy to borrow, to be located, and not to be borrowed at all."""
    base = put(put(without_others(base), SIDE, "sell_short"), LOCATE, "loc-1")
    symbol = base["order"]["symbol"]

    def listed(borrow: str, side: str, changes: Mapping[Place, Any], *, ok: bool) -> Case:
        row = instruments()[symbol] | {"borrow": borrow}
        stated = {("instrument", "borrow"): borrow, **changes}
        made = case(base, "SHT-03", borrow, side, stated, ok=ok)
        return replace(made, lists=(("instruments", instruments() | {symbol: row}),))

    yield listed("easy", "at", {LOCATE: "none"}, ok=True)
    yield listed("locate", "below", {}, ok=True)
    yield listed("locate", "beyond", {LOCATE: "none"}, ok=False)
    yield listed("none", "zero", {}, ok=False)
    yield listed("none", "below", {SIDE: "buy"}, ok=True)
    unnamed = listed("locate", "absent", {}, ok=False)
    damaged = frozenset({"SHT-03", "INP-01"})
    yield replace(unnamed, document=drop(unnamed.document, LOCATE), failing=damaged)


def replacing(base: Document, case: MakeCase) -> Iterator[Case]:
    """The other order works, and is another one of the same kind."""
    stands = {"order_id": "ord_old", "working": True, "same": True, "filled_qty": 0}
    base = put(put(base, REPLACES, "ord_old"), ("replaced",), stands)
    yield case(base, "RPL-01", "replaced", "at", {}, ok=True)
    for name in ("working", "same"):
        place: Place = ("replaced", name)
        yield case(base, "RPL-01", name, "below", {place: False}, ok=False)
        yield case(base, "RPL-01", name, "zero", {place: 0}, "INP-01", ok=False)
    filled: Place = ("replaced", "filled_qty")
    yield case(base, "RPL-01", "filled_qty", "at", {filled: INT_MAX}, ok=True)
    yield case(base, "RPL-01", "filled_qty", "below", {filled: -1}, "INP-01", ok=False)
    yield case(drop(base, filled), "RPL-01", "filled_qty", "absent", {}, ok=False)
    other = {("replaced", "order_id"): "ord_other"}
    yield case(base, "RPL-01", "order_id", "beyond", other, ok=False)
    yield case(drop(base, ("replaced",)), "RPL-01", "replaced", "absent", {}, ok=False)


def doubt(base: Document, case: MakeCase) -> Iterator[Case]:
    """Orders in doubt let nothing through but what only reduces; an anomaly not even that."""
    orders: Place = ("doubt", "orders")
    anomalies: Place = ("doubt", "anomalies")
    plain = {("order", "reduce_only"): False}
    exit_ = {("order", "reduce_only"): True, ("projected", "reduces"): True}
    yield case(base, "UNK-01", "orders", "at", {**plain, orders: 0}, ok=True)
    for count in (1, INT_MAX):
        yield case(base, "UNK-01", "orders", "beyond", {**plain, orders: count}, ok=False)
        yield case(base, "UNK-01", "exit", "below", {**exit_, orders: count}, ok=True)
    half = {**exit_, ("projected", "reduces"): False}
    yield case(base, "UNK-01", "exit", "beyond", {**half, orders: 1}, ok=False)
    wrong = {orders: 1, anomalies: 1}
    yield case(base, "UNK-01", "anomalies", "beyond", {**exit_, **wrong}, ok=False)
    yield case(base, "UNK-01", "anomalies", "zero", {**exit_, orders: 1, anomalies: 0}, ok=True)
    odd: list[dict[Place, Any]] = [{orders: -1}, {anomalies: 1}, {orders: None}]
    for changes in odd:
        yield case(base, "UNK-01", "orders", "below", {**plain, **changes}, "INP-01", ok=False)
    gone = drop(base, ("doubt",))
    yield case(gone, "UNK-01", "doubt", "absent", plain, ok=False)


def exits(base: Document, case: MakeCase) -> Iterator[Case]:
    """What only reduces passes the controls of growth and a halt; half an exit is none."""
    asked: Place = ("order", "reduce_only")
    proven: Place = ("projected", "reduces")
    exit_ = {asked: True, proven: True}
    half = ({asked: True, proven: False}, {asked: False, proven: True})
    over = {control: (place, INT_MAX) for control, (place, _) in BOUNDED.items()}
    over |= {control: (place, 0) for control, (place, _) in FLOORED.items()}
    for control in sorted(EXITS_PASS):
        place, value = over[control]
        yield case(base, control, "exit", "beyond", {place: value, **exit_}, ok=True)
        for changes in half:
            yield case(base, control, "exit", "beyond", {place: value, **changes}, ok=False)
    for control, word in (
        ("MOD-02", "regime"),
        ("MOD-05", "data_integrity"),
        ("MOD-06", "protocol_firing"),
    ):
        late = {("model", word, "age_ms"): INT_MAX}
        yield case(base, control, "exit", "beyond", {**late, **exit_}, ok=True)
        for changes in half:
            yield case(base, control, "exit", "beyond", {**late, **changes}, ok=False)
    equity = {("account", "equity_micros"): 0}
    yield case(base, "ACC-01", "exit", "below", {**equity, **exit_}, ok=True)
    halted: Place = ("control", "halted")
    allowed: Place = ("control", "exit_allowed")
    for open_, changes, ok in (
        (True, exit_, True), (False, exit_, False), (True, half[0], False), (True, half[1], False),
    ):  # fmt: skip
        stands = {halted: True, allowed: open_, **changes}
        yield case(base, "OMEGA-2", "exit", "beyond", stands, ok=ok)
