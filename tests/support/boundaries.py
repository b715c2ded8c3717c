"""The edges of every control: at it, one beyond, one below, at zero, and with the thing absent.

Each push changes an allowed document in one point. What must fail is written beside it, and it is
the pushed control alone, but for the few points that ``well formed`` guards too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from support import market_edges, order_edges, permission_edges
from support.corpus import (
    BLOCKED_DOWN_TO_ZERO,
    BOUNDED,
    FLOORED,
    INT_MAX,
    SEED,
    Case,
    damaged,
    data,
    instruments,
    no_documents,
    override,
    plain,
    plains,
    states,
)
from support.policy_cases import Document, Place, at, drop, put

AT, BEYOND, BELOW, ZERO, ABSENT = "at", "beyond", "below", "zero", "absent"
SIDES: Final = (AT, BEYOND, BELOW, ZERO, ABSENT)

NEVER_ZERO: Final = frozenset({"ORD-01", "MOD-01"})
"""Controls of facts that are above zero or wrong."""

MODEL_CONTROLS: Final = {
    "MOD-01": "volatility_e4",
    "MOD-02": "regime",
    "MOD-03": "entropy_e4",
    "MOD-04": "drift_e4",
    "MOD-05": "data_integrity",
    "MOD-06": "protocol_firing",
}

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
    families = (
        _bounded, _floored, _rates, _quantity, _equity, _halt, _omega_4, _instrument, _model,
        _own_side, _expiry, _provenance, _regime_parity, _permissions, _mode, _shape,
    )  # fmt: skip
    for family in families:
        yield from family(base)
    for of_the_market in (
        market_edges.hours, market_edges.terms, market_edges.kinds, market_edges.floors,
        market_edges.restricted,
    ):  # fmt: skip
        yield from of_the_market(base, _case)
    for of_the_order in (
        order_edges.marking, order_edges.locate, order_edges.replacing, order_edges.exits,
        order_edges.doubt,
    ):  # fmt: skip
        yield from of_the_order(base, _case)
    for of_the_permission in (
        permission_edges.said, permission_edges.ceilings, permission_edges.exits,
        permission_edges.signature, permission_edges.overlays,
    ):  # fmt: skip
        yield from of_the_permission(base, _case)


def _case(
    base: Document, control: str, point: str, side: str, changes: Changes, *also: str, ok: bool
) -> Case:
    """``ok``: the document stays allowed; otherwise ``control`` fails, and ``also`` if named."""
    document = base
    for place, value in changes.items():
        document = drop(document, place) if value is GONE else put(document, place, value)
    failing = _OK if ok else frozenset({control, *also})
    return Case(document, failing, control=control, point=point, side=side)


def _bounded(base: Document) -> Iterator[Case]:
    base = _marked(base)
    for control, (place, name) in BOUNDED.items():
        limit, point = _LIMITS[name], place[1]
        if control == "ORD-02":
            continue  # its quantity must fit the order's: _quantity
        yield _case(base, control, point, AT, {place: limit}, ok=True)
        yield _case(base, control, point, BELOW, {place: limit - 1}, ok=True)
        yield _case(base, control, point, BEYOND, {place: limit + 1}, ok=False)
        worth = ("CMP-01",) if control == "ORD-01" else ()
        yield _case(base, control, point, BEYOND, {place: INT_MAX}, *worth, ok=False)
        # An order of no value is no order, and a market never stands quite still; of all other
        # facts nothing is less than the limit.
        # A count has the order in it.
        shape = ("INP-01",) if place[0] == "activity" else ()
        never = control in NEVER_ZERO or bool(shape)
        yield _case(base, control, point, ZERO, {place: 0}, *shape, ok=not never)
        # Less than every limit, and no fact: what is well formed is not left to one control.
        yield _case(base, control, point, BELOW, {place: -1}, "INP-01", *worth, ok=False)
        yield _case(base, control, point, ABSENT, {place: None}, "INP-01", *worth, ok=False)
        absent = place[:-1] if place[0] in {"model", "market"} else place
        also = {"MKT-01", "MKT-02"} if place[0] == "market" else {*worth}
        yield _case(base, control, point, ABSENT, {absent: GONE}, *also, ok=False)
    base = put(base, ("activity", "opposite_price"), "none")  # else another price reaches it
    worst: Place = ("order", "worst_price")
    yield _case(base, "ORD-03", "worst_price", AT, {worst: 1}, ok=True)
    yield _case(base, "ORD-03", "worst_price", ZERO, {worst: 0}, ok=False)
    yield _case(base, "ORD-03", "worst_price", ABSENT, {worst: GONE}, ok=False)


def _marked(base: Document) -> Document:
    """The same order, marked so that it may end short."""
    return put(base, ("order", "side"), "sell_short") if _sells(base) else base


def _sells(base: Document) -> bool:
    return base["order"]["side"] == "sell"


def _floored(base: Document) -> Iterator[Case]:
    for control, (place, name) in FLOORED.items():
        limit, point = _LIMITS[name], place[1]
        for side, value, ok in (
            (AT, limit, True), (BEYOND, limit + 1, True), (BEYOND, INT_MAX, True),
            (BELOW, limit - 1, False), (ZERO, 0, False), (ABSENT, GONE, False),
        ):  # fmt: skip
            yield _case(base, control, point, side, {place: value}, ok=ok)
        yield _case(base, control, point, BELOW, {place: -1}, "INP-01", ok=False)
        yield _case(base, control, point, BEYOND, {place: INT_MAX + 1}, "INP-01", ok=False)


def _rates(base: Document) -> Iterator[Case]:
    """Each rate's age and value, and the rate of the order's own currency."""
    limit, own = _LIMITS["exchange_rate_age_max_ms"], base["instrument"]["currency"]
    yield _case(base, "RAT-01", "rates", ABSENT, {("rates",): GONE}, "INP-01", ok=False)
    yield _case(base, "RAT-01", "rates", ZERO, {("rates",): {}}, ok=own == "USD")
    for name in sorted({"CHF", own} - {"USD"}):
        sound = {"rate_e8": 90_000_001, "age_ms": limit}
        base = put(base, ("rates", name), sound)
        age: Place = ("rates", name, "age_ms")
        for side, value, ok in (
            (AT, limit, True), (BELOW, limit - 1, True), (ZERO, 0, True),
            (BEYOND, limit + 1, False), (BEYOND, INT_MAX, False),
        ):  # fmt: skip
            yield _case(base, "RAT-01", "age_ms", side, {age: value}, ok=ok)
        worth: Place = ("rates", name, "rate_e8")
        yield _case(base, "RAT-01", "rate_e8", AT, {worth: 1}, ok=True)
        yield _case(base, "RAT-01", "rate_e8", BEYOND, {worth: INT_MAX}, ok=True)
        for side, bad in ((ZERO, 0), (BELOW, -1), (BEYOND, INT_MAX + 1), (ABSENT, GONE)):
            yield _case(base, "RAT-01", "rate_e8", side, {worth: bad}, "INP-01", ok=False)
        yield _case(base, "RAT-01", name, ABSENT, {("rates", name): GONE}, ok=name != own)


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
    lots = set[str]() if base["control"]["mode"] == "RESEARCH" else {"VEN-01"}
    yield _case(base, "ORD-02", "qty_e8", ZERO, sized(0), "INP-01", "INS-01", *lots, ok=False)
    yield _case(base, "ORD-02", "qty_e8", ABSENT, {("order", "qty_e8"): GONE}, ok=False)


def _equity(base: Document) -> Iterator[Case]:
    place: Place = ("account", "equity_micros")
    for side, value, ok in (
        (AT, 1, True), (BEYOND, 2, True), (BEYOND, INT_MAX, True), (ZERO, 0, False),
        (BELOW, 0, False), (BELOW, -1, False), (BELOW, -INT_MAX, False), (ABSENT, GONE, False),
    ):  # fmt: skip
        yield _case(base, "ACC-01", "equity_micros", side, {place: value}, ok=ok)


def _model(base: Document) -> Iterator[Case]:
    """Each word of the models: its age, and for those that are no number its values."""
    oldest = _LIMITS["model_age_max_ms"]
    exits = base["order"]["reduce_only"] and base["projected"]["reduces"]
    parity = () if exits or base["order"]["side"] != "buy" else ("REG-01",)
    for control, name in MODEL_CONTROLS.items():
        place: Place = ("model", name, "age_ms")
        for side, value, ok in (
            (AT, oldest, True), (BELOW, oldest - 1, True), (BEYOND, oldest + 1, False),
            (BEYOND, INT_MAX, False), (ZERO, 0, True),
        ):  # fmt: skip
            yield _case(base, control, "age_ms", side, {place: value}, ok=ok)
        yield _case(base, control, "age_ms", BELOW, {place: -1}, "INP-01", ok=False)
        yield _case(base, control, "age_ms", ABSENT, {place: GONE}, "INP-01", ok=False)
        whole: Place = ("model", name)
        also = parity if name == "regime" else ()
        yield _case(base, control, name, ABSENT, {whole: GONE}, *also, ok=False)
        source: Place = ("model", name, "source")
        for side, given in ((AT, "s" * 64), (BEYOND, "s" * 65), (BELOW, "")):
            yield _case(base, "INP-01", f"{name}.source", side, {source: given}, ok=side == AT)
    for name in ("CALM", "NORMAL", "STRESSED", "CRISIS"):
        yield _case(base, "MOD-02", "regime", AT, {("model", "regime", "value"): name}, ok=True)
    for side, given in ((BEYOND, "PANIC"), (BELOW, "calm"), (ZERO, "")):
        changes: Changes = {("model", "regime", "value"): given}
        yield _case(base, "MOD-02", "regime", side, changes, "INP-01", *parity, ok=False)
    for control in ("MOD-05", "MOD-06"):
        name = MODEL_CONTROLS[control]
        said: Place = ("model", name, "value")
        yield _case(base, control, name, AT, {said: True}, ok=True)
        yield _case(base, control, name, BEYOND, {said: False}, ok=False)
        yield _case(base, control, name, ZERO, {said: 0}, "INP-01", ok=False)
        yield _case(base, control, name, BELOW, {said: "true"}, "INP-01", ok=False)


def _halt(base: Document) -> Iterator[Case]:
    place: Place = ("control", "halted")
    yield _case(base, "OMEGA-2", "halted", AT, {place: False}, ok=True)
    yield _case(base, "OMEGA-2", "halted", BEYOND, {place: True}, ok=False)
    yield _case(base, "OMEGA-2", "halted", ZERO, {place: 0}, "INP-01", ok=False)
    yield _case(base, "OMEGA-2", "halted", ABSENT, {place: GONE}, "INP-01", ok=False)


def _own_side(base: Document) -> Iterator[Case]:
    """A step further than a working order of the house, at its price, a step short of it."""
    place: Place = ("activity", "opposite_price")
    worst, buys = base["order"]["worst_price"], base["order"]["side"] == "buy"
    short, beyond = (worst + 1, worst - 1) if buys else (worst - 1, worst + 1)
    point = "purchase" if buys else "sale"
    yield _case(base, "SLF-01", point, AT, {place: worst}, ok=False)
    yield _case(base, "SLF-01", point, BELOW, {place: short}, ok=True)
    yield _case(base, "SLF-01", point, BEYOND, {place: beyond}, ok=False)
    yield _case(base, "SLF-01", point, BELOW, {place: "none"}, ok=True)
    yield _case(base, "SLF-01", point, ZERO, {place: 0}, "INP-01", ok=False)
    yield _case(base, "SLF-01", "distance", ZERO, {place: worst}, ok=False)
    yield _case(base, "SLF-01", point, BEYOND, {place: -worst}, "INP-01", ok=False)
    yield _case(base, "SLF-01", point, BEYOND, {place: "NONE"}, "INP-01", ok=False)
    yield _case(base, "SLF-01", point, ABSENT, {place: GONE}, ok=False)


def _expiry(base: Document) -> Iterator[Case]:
    """An end that is to come for an order that has one, and none for any other."""
    tif: Place = ("order", "time_in_force")
    end: Place = ("order", "expires_us")
    now = base["time"]["market_us"]
    for side, value, ok in (
        (AT, now + 1, True), (BEYOND, INT_MAX, True), (BELOW, now, False), (ZERO, 0, False),
        (BEYOND, INT_MAX + 1, False),
    ):  # fmt: skip
        yield _case(base, "INP-01", "expires_us", side, {tif: "gtd", end: value}, ok=ok)
    yield _case(base, "INP-01", "expires_us", ABSENT, {tif: "gtd"}, ok=False)
    for other in ("day", "gtc", "ioc", "fok"):
        yield _case(base, "INP-01", "expires_us", BEYOND, {tif: other, end: now + 1}, ok=False)


def _omega_4(base: Document) -> Iterator[Case]:
    mode: Place = ("control", "mode")
    lifted: Place = ("control", "omega4_lifted")
    for value in (True, False):
        changes = {mode: "RESEARCH", lifted: value}
        yield _case(base, "OMEGA-4", "research", BELOW, changes, ok=True)
    for name in ("SIMULATION", "PAPER", "LIVE"):
        base = base if name == "SIMULATION" else permission_edges.permitted(base, name)
        yield _case(base, "OMEGA-4", name, AT, {mode: name, lifted: True}, ok=True)
        yield _case(base, "OMEGA-4", name, BEYOND, {mode: name, lifted: False}, ok=False)
        for side, value in ((ZERO, 0), (ABSENT, GONE)):
            changes = {mode: name, lifted: value}
            yield _case(base, "OMEGA-4", name, side, changes, "INP-01", ok=False)


def _mode(base: Document) -> Iterator[Case]:
    """What is no mode is permitted nowhere."""
    mode: Place = ("control", "mode")
    lifted: Place = ("control", "omega4_lifted")
    also = ("OMEGA-4", "LIV-01", "MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05")
    for side, value in ((BELOW, "live"), (ZERO, ""), (ABSENT, GONE)):
        yield _case(base, "INP-01", "mode", side, {mode: value, lifted: True}, *also, ok=False)


def _provenance(base: Document) -> Iterator[Case]:
    """An order that names a run, and what is known of that run or of another."""
    claims: Place = ("order", "source_run")
    known: Place = ("provenance",)

    def of(run: str, attested: object) -> dict[str, Any]:
        return {"source_run": run, "attested": attested, "by": "alice"}

    if "provenance" not in base:
        yield _case(base, "PRV-01", "claims", ZERO, {claims: "none"}, ok=True)
    run = "run-7"
    yield _case(base, "PRV-01", "attested", AT, {claims: run, known: of(run, True)}, ok=True)
    for point, side, section in (
        ("attested", BELOW, of(run, False)), ("another", BEYOND, of("run-70", True)),
        ("nothing", ZERO, of("none", True)),
    ):  # fmt: skip
        yield _case(base, "PRV-01", point, side, {claims: run, known: section}, ok=False)
    if "provenance" in base:
        yield _case(base, "PRV-01", "section", ABSENT, {claims: run, known: GONE}, ok=False)
    else:
        yield _case(base, "PRV-01", "section", ABSENT, {claims: run}, ok=False)


def crisis(base: Document) -> Document:
    """The order as a purchase in a CRISIS that nothing else stands in the way of."""
    document = put(put(base, ("order", "side"), "buy"), ("order", "reduce_only"), value=False)
    document = put(document, ("activity", "opposite_price"), "none")
    document = put(document, ("model", "regime", "value"), "CRISIS")
    return drop(document, ("override",)) if "override" in document else document


def _regime_parity(base: Document) -> Iterator[Case]:
    """A purchase in a CRISIS: its share of equity, its override, and the regime itself."""
    limit, base = _LIMITS["crisis_buy_max_bps"], crisis(base)
    share: Place = ("order", "equity_share_bps")
    given: Place = ("override",)
    for side, value, ok in (
        (AT, limit, True), (BELOW, limit - 1, True), (ZERO, 0, True), (BEYOND, limit + 1, False),
        (BEYOND, INT_MAX, False), (ABSENT, GONE, False),
    ):  # fmt: skip
        yield _case(base, "REG-01", share[1], side, {share: value}, ok=ok)
    beyond: Changes = {share: limit + 1}
    for side, control, ok in ((AT, "REG-01", True), (BEYOND, "REG-02", False)):
        changes = {**beyond, given: override(control)}
        yield _case(base, "REG-01", "override", side, changes, ok=ok)
    for regime in ("CALM", "NORMAL", "STRESSED"):
        changes = {**beyond, ("model", "regime", "value"): regime}
        yield _case(base, "REG-01", "regime", BELOW, changes, ok=True)
    exit_ = {**beyond, ("order", "reduce_only"): True, ("projected", "reduces"): True}
    yield _case(base, "REG-01", "exit", AT, exit_, ok=True)
    unknown = {("model", "regime"): GONE}
    yield _case(base, "REG-01", "regime", ABSENT, unknown, "MOD-02", ok=False)


def _permissions(base: Document) -> Iterator[Case]:
    """Who may trade for whom, in what, and what nobody may trade: the release's lists."""
    account, symbol = base["order"]["account"], base["order"]["symbol"]
    who, kind = base["ids"]["principal"], base["instrument"]["class"]
    others = {name: True for name in ("equity", "etf", "crypto") if name != kind}

    def entry(principals: Mapping[str, bool], classes: Mapping[str, bool]) -> dict[str, Any]:
        return {"principals": dict(principals), "classes": dict(classes), "extended_hours": True}

    everything = entry({"*": True}, {kind: True})
    by_account: tuple[tuple[str, str, Mapping[str, Any], bool], ...] = (
        ("PRM-01", AT, {account: entry({who: True}, {kind: True})}, True),
        ("PRM-01", BELOW, {"*": entry({who: False, "*": True}, {kind: True})}, False),
        ("PRM-01", BEYOND, {"*": everything, account: entry({"x": True}, {kind: True})}, False),
        ("PRM-01", ZERO, {"*": entry({}, {kind: True})}, False),
        ("PRM-02", AT, {"*": entry({"*": True}, {}), account: everything}, True),
        ("PRM-02", BELOW, {"*": entry({"*": True}, others)}, False),
        ("PRM-02", BEYOND, {"*": everything, account: entry({"*": True}, others)}, False),
        ("PRM-02", ZERO, {"*": entry({"*": True}, {})}, False),
    )
    for control, side, permissions, ok in by_account:
        yield _listed(_case(base, control, "permissions", side, {}, ok=ok), permissions=permissions)
    for control, also in (("PRM-01", "PRM-02"), ("PRM-02", "PRM-01")):
        nothing = _case(base, control, "permissions", ABSENT, {}, also, ok=False)
        yield _listed(nothing, permissions={})
    for side, listed, ok in (
        (AT, {}, True), (BELOW, {symbol[:-1]: True}, True), (BEYOND, {symbol + "X": True}, True),
        (BEYOND, {symbol: True}, False), (ZERO, {symbol: False}, False), (ABSENT, None, False),
    ):  # fmt: skip
        yield _listed(_case(base, "LST-01", "restricted", side, {}, ok=ok), restricted=listed)


def _listed(case: Case, **lists: object) -> Case:
    return replace(case, lists=tuple(lists.items()))


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
        also = {"RAT-01"} if name == "currency" and "CHF" not in base["rates"] else set[str]()
        place = ("instrument", name)
        yield _case(base, "INS-01", name, BEYOND, {place: value}, *also, ok=False)
    yield _case(base, "INS-01", "symbol", BEYOND, {("order", "symbol"): "NO.SUCH"}, ok=False)
    nothing = {("order", "qty"): 0, ("order", "qty_e8"): 0}
    also = set[str]() if base["control"]["mode"] == "RESEARCH" else {"VEN-01"}
    yield _case(base, "INS-01", "lot", ZERO, nothing, "INP-01", "ORD-02", *also, ok=False)
    exits = base["order"]["reduce_only"] and base["projected"]["reduces"]
    also = {"RAT-01"} if exits else {"RAT-01", "ORD-06"}
    if base["order"]["side"] == "sell_short":
        also |= {"SHT-03"}
    also |= {"PRM-02"}
    yield _case(base, "INS-01", "instrument", ABSENT, {("instrument",): GONE}, *also, ok=False)


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
    "v": (
        (AT, 2, True), (ZERO, 0, False), (BELOW, 1, False), (BEYOND, 3, False),
        (ABSENT, GONE, False),
    ),
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
    "order.time_in_force": ((BEYOND, "opg", False),),
}  # fmt: skip
"""Lengths, ranges and lists of well-formed parts that no other control looks at."""


def _shape(base: Document) -> Iterator[Case]:
    takes = set[str]() if base["control"]["mode"] == "RESEARCH" else {"VEN-02"}
    for point, rows in _SHAPES.items():
        also = takes if point == "order.time_in_force" else set[str]()
        for side, value, ok in rows:
            changes: Changes = {tuple(point.split(".")): value}
            nobody = {"PRM-01", "PRM-02"} if (point, side) == ("order.account", ABSENT) else set()
            yield _case(base, "INP-01", point, side, changes, *also, *nobody, ok=ok)
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
    base = _marked(base)
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
    yield from _crisis_limits(base)
    for case, limit in permission_edges.thresholds(base, _case):
        yield _limited(case, "compliance_notional_max_micros", limit)
    yield from _age_limits(base)
    for control, (place, name) in FLOORED.items():
        fact = at(base, place)
        for side, limit, ok in (
            (AT, fact, True), (BELOW, fact - 1, True), (BELOW, 1, True), (BEYOND, fact + 1, False),
            (BEYOND, INT_MAX + 1, False), (BELOW, -1, False), (ZERO, 0, False),
            (ABSENT, None, False),
        ):  # fmt: skip
            yield _limited(_case(base, control, name, side, {}, ok=ok), name, limit)
    name = "approval_age_max_ms"
    for side, limit, ok in (
        (AT, 1, True), (BEYOND, 2, True), (BEYOND, INT_MAX, True), (BEYOND, INT_MAX + 1, False),
        (BELOW, 0, False), (BELOW, -1, False), (ZERO, 0, False), (ABSENT, None, False),
    ):  # fmt: skip
        yield _limited(_case(base, "APR-01", name, side, {}, ok=ok), name, limit)


def _crisis_limits(base: Document) -> Iterator[Case]:
    """The limit of a purchase in a CRISIS; where none stands, an override stands in for nothing."""
    name, base = "crisis_buy_max_bps", put(crisis(base), ("order", "equity_share_bps"), 2)
    for side, limit, ok in (
        (AT, 2, True), (BELOW, 1, False), (BEYOND, 3, True), (BEYOND, INT_MAX + 1, False),
        (ZERO, 0, False), (ABSENT, None, False),
    ):  # fmt: skip
        yield _limited(_case(base, "REG-01", name, side, {}, ok=ok), name, limit)
        given = {("override",): override("REG-01")}
        stands = limit is not None and 0 < limit <= INT_MAX
        yield _limited(_case(base, "REG-01", name, side, given, ok=stands), name, limit)


_NO_LIMITS: Final[tuple[tuple[str, int | None], ...]] = (
    (BEYOND, INT_MAX + 1), (BELOW, -1), (ZERO, 0), (ABSENT, None),
)  # fmt: skip


def _age_limits(base: Document) -> Iterator[Case]:
    """The limit that all models share, one model the oldest at a time, and that of the rates."""
    name, age = "model_age_max_ms", 7
    for model in MODEL_CONTROLS.values():
        base = put(base, ("model", model, "age_ms"), 0)
    for control, model in MODEL_CONTROLS.items():
        older = put(base, ("model", model, "age_ms"), age)
        for side, limit, ok in ((AT, age, True), (BEYOND, age + 1, True), (BELOW, age - 1, False)):
            yield _limited(_case(older, control, name, side, {}, ok=ok), name, limit)
    first, *others = MODEL_CONTROLS
    for side, limit in _NO_LIMITS:
        yield _limited(_case(base, first, name, side, {}, *others, ok=False), name, limit)
    name = "exchange_rate_age_max_ms"
    base = put(base, ("rates",), {"CHF": {"rate_e8": 90_000_001, "age_ms": age}})
    for side, limit, ok in ((AT, age, True), (BEYOND, age + 1, True), (BELOW, age - 1, False)):
        yield _limited(_case(base, "RAT-01", name, side, {}, ok=ok), name, limit)
    base = put(base, ("rates", "CHF", "age_ms"), 0)
    for side, limit in _NO_LIMITS:
        yield _limited(_case(base, "RAT-01", name, side, {}, ok=False), name, limit)


def _nothing_under_nothing(base: Document, control: str, place: Place, name: str) -> Iterator[Case]:
    """``0 <= 0`` is no proof: a limit of zero, or none, is passed by nothing at all."""
    if place[0] == "activity":
        return  # a count of nothing has not even the order in it
    if control in {"ORD-01", "ORD-02"}:
        return  # an order of nothing fails for that alone
    for limit in (0, None):
        allowed = control in BLOCKED_DOWN_TO_ZERO
        yield _limited(_case(base, control, name, ZERO, {place: 0}, ok=allowed), name, limit)


def _limited(case: Case, name: str, limit: int | None) -> Case:
    return replace(case, limits=((name, limit),))
