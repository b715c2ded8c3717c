"""Windows and own prices answer as counting everything anew would, whatever came before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import windows
from gateway.domain.activity import SECOND_US, act_of
from gateway.domain.book import NONE, Book, OrderState
from gateway.domain.market import Quote
from gateway.domain.order import Order, OrderType, Side
from gateway.domain.own_prices import OwnPrices, Place
from gateway.domain.projection import apply
from gateway.domain.windows import Window
from gateway.facts.activity import activity_facts
from support.facts import NOON_US, order, working

KEYS = st.sampled_from(["a", "b", "c"])
LATER = st.integers(-40, 120)
"""Steps of a clock that may also go back."""


@given(
    st.lists(st.tuples(st.one_of(KEYS, st.none()), LATER), max_size=60),
    KEYS,
    st.integers(-30, 200),
    st.integers(1, 100),
)
def test_a_window_counts_what_it_reaches(
    steps: list[tuple[str | None, int]], key: str, after: int, shorter: int
) -> None:
    window, counted, now = Window[str](100), list[tuple[str, int]](), 1_000
    for step, later in steps:
        now += later
        newest = max([now, *(at for _, at in counted)])
        if step is None:
            window.forget(key)
            counted = [(k, at) for k, at in counted if k != key]
        else:
            window.add(step, now)
            # A clock that goes back is taken to stand still.
            counted.append((step, max(newest, window.newest_us)))
    end = max(now + after, window.newest_us)
    for length in (100, shorter):
        expected = sum(k == key and end - length < at <= end for k, at in counted)
        assert window.count(key, now + after, length) == expected


@pytest.mark.requirement("W-06")
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 30)), max_size=50))
def test_beyond_its_bounds_a_window_never_counts_too_little(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(windows, "KEYS_MAX", 4)
        patched.setattr(windows, "TIMES_MAX", 8)
        window, counted, now = Window[str](100), list[tuple[str, int]](), 0
        for key, later in steps:
            now += later
            window.add(key, now)
            counted.append((key, now))
            assert len(window.tallies) <= 4
            assert all(len(tally.times) <= 8 for tally in window.tallies.values())
        for key in "abcdef":
            found = window.count(key, now)
            assert found is None or found >= sum(k == key and at > now - 100 for k, at in counted)
            assert window.count(key, now + 100) == 0  # and it ends


def test_what_had_to_be_forgotten_is_not_known_until_the_window_has_passed() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(windows, "KEYS_MAX", 2)
        window = Window[str](100)
        for at, key in enumerate("abc"):
            window.add(key, at)
        assert [window.count(key, 99) for key in "abc"] == [None, None, None]
        assert [window.count(key, 100) for key in "abc"] == [0, 1, 1]


IDS = st.sampled_from(["o1", "o2", "o3", "o4", "o5", "o6"])
PRICES = st.integers(1, 12)
BOUNDS = st.one_of(PRICES, PRICES, PRICES, PRICES, st.none())
PLACES = st.builds(
    Place,
    st.sampled_from(["AAPL", "AAPL", "MSFT"]),
    st.sampled_from([2, 2, 2, 2, 2, 4]),
    st.sampled_from(["buy", "sell", "sell_short"]),
    BOUNDS,
    st.one_of(st.none(), PRICES),
)
QUOTES = st.one_of(
    st.none(),
    st.builds(
        lambda bid, spread, last: Quote("AAPL", bid, bid + spread, last, 2, 0),
        PRICES,
        st.integers(0, 2),
        PRICES,
    ),
)


def _meet(order: Place, other: Place, quote: Quote | None) -> bool:
    """Whether two orders of one scale may trade with each other, told by where each may trade."""
    assert order.price is not None
    if other.price is None:
        return True
    if not order.dormant(quote) and not other.dormant(quote):
        return order.price >= other.price if order.buys else order.price <= other.price
    if order.dormant(quote) and other.dormant(quote):
        return False  # the market cannot come to one of them without leaving the other
    asleep, resting = (order, other.price) if order.dormant(quote) else (other, order.price)
    assert asleep.price is not None
    assert asleep.stop is not None
    # It rests at its price, and what wakes trades from its stop price to its own.
    if asleep.buys:
        return asleep.stop <= resting <= asleep.price or resting == asleep.price
    return asleep.price <= resting <= asleep.stop or resting == asleep.price


@pytest.mark.requirement("W-06")
@given(st.lists(st.one_of(st.tuples(IDS, PLACES), IDS), max_size=40), PLACES, QUOTES)
def test_an_order_reaches_the_opposite_price_where_it_may_meet_one_of_its_house(
    steps: list[tuple[str, Place] | str], order: Place, quote: Quote | None
) -> None:
    prices, standing = OwnPrices(), dict[str, Place]()
    for step in steps:
        if isinstance(step, str):
            prices.take(step)
            standing.pop(step, None)
        else:
            prices.put(*step)
            standing[step[0]] = step[1]
    order = replace(order, symbol="AAPL", price_decimals=2, price=order.price or 6)
    against = [p for p in standing.values() if p.symbol == "AAPL" and p.buys is not order.buys]
    anybody, price = prices.opposite(order, quote)
    if any(place.price_decimals != 2 or place.price is None for place in against):
        assert (anybody, price) == (True, None)
        return
    reached = anybody and (
        price is None or order.price is None
        or (order.price >= price if order.buys else order.price <= price)
    )  # fmt: skip
    assert reached is any(_meet(order, place, quote) for place in against)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["allow", "deny", "cancel", "own cancel", "fill", "suppose", "halt", "set aside"]
        ),
        st.integers(0, 3),
        st.integers(0, 40 * SECOND_US),
    ),
    max_size=40,
)


def _document(kind: int) -> dict[str, Any]:
    """Four contents: of two strategies and none, on both sides, one of them a stop."""
    return {
        "order": {
            "account": "primary" if kind < 3 else "second", "symbol": "AAPL",
            "side": "sell" if kind == 1 else "buy", "type": "stop" if kind == 2 else "limit",
            "time_in_force": "day", "qty": 10, "qty_decimals": 0, "price_decimals": 4,
            "limit_price": "none" if kind == 2 else 1_000_000 - kind,
            "stop_price": 1_010_000 if kind == 2 else "none",
            "strategy_id": ("momentum", "none", "momentum", "other")[kind],
            "worst_price": 1_000_000 - kind,
        }
    }  # fmt: skip


class Running:
    """A book as the gateway keeps it, and the entries that it was told of."""

    def __init__(self) -> None:
        self.book, self.log = Book(), list[tuple[str, dict[str, Any], dict[str, Any] | None]]()
        self.now, self.opened = NOON_US, list[str]()
        for alias in ("primary", "second"):
            self.tell("statement", {"account": alias, "cash_micros": 0, "positions": {}})

    def tell(
        self, kind: str, payload: dict[str, Any], document: dict[str, Any] | None = None
    ) -> None:
        self.log.append((kind, payload, document))
        apply(self.book, kind, payload, document)

    def act(self, action: str, kind: int) -> None:
        match action:
            case "allow" | "deny":
                self.decide(kind, allow=action == "allow")
            case "cancel" | "own cancel" if self.opened:
                cause = "REQUESTED" if action == "cancel" else "OMEGA2_MANUAL"
                payload = {"order_id": self.opened[kind % len(self.opened)], "cause": cause}
                self.tell("cancel", payload | {"market_us": self.now})
            case "fill" if self.opened:
                self.fill(self.opened.pop(kind % len(self.opened)))
            case "suppose":
                self.suppose(kind)
            case "set aside" if self.opened:
                self.set_aside(self.opened[kind % len(self.opened)])
            case "halt":
                scope = {"kind": "strategy", "name": "momentum"}
                if kind % 2:
                    scope = {"kind": "account", "name": "primary"}
                halt = {"halt_id": "halt_1", "scope": scope, "cause": "REPEATED_EXECUTION",
                        "cancels": False, "reduce_allowed": False, "clear_by": "operator",
                        "by": "policy"}  # fmt: skip
                self.tell("halt", halt)
                self.tell("resume", {"halt_id": "halt_1", "by": "ada", "reason": "looked"})
            case _:
                pass

    def decide(self, kind: int, *, allow: bool) -> None:
        order_id, document = f"ord_{len(self.log)}", _document(kind)
        payload = {
            "decision_id": "dec_" + order_id, "order_id": order_id,
            "account": document["order"]["account"], "principal": "desk",
            "client_order_id": NONE, "broker_client_id": "wr-" + order_id, "mode": "SIMULATION",
            "label": NONE, "market_us": self.now, "input_digest": "0" * 64,
            "release_digest": "1" * 64, "allow": allow, "failure": NONE,
            "verdict": {"reasons": []},
        }  # fmt: skip
        self.tell("decision", payload, document)
        if allow:
            self.opened.append(order_id)

    def fill(self, order_id: str) -> None:
        state = self.book.orders[order_id]
        self.tell(
            "execution",
            {"order_id": order_id, "execution_id": "x", "account": state.account,
             "symbol": "AAPL", "side": state.side, "qty": 10, "qty_decimals": 0,
             "price": 1_000_000, "price_decimals": 4, "fee_micros": 0, "market_us": self.now},
        )  # fmt: skip

    def suppose(self, kind: int) -> None:
        """As a turn does: held while others are gathered, then let go."""
        before = self.facts()
        held = replace(
            working("tentative", "AAPL", "buy", 10, 1_000_000 - kind), market_us=self.now
        )
        self.book.hold(held)
        during = self.facts()
        for name in before:
            if name != "opposite_price":
                assert during[name] >= before[name]
        self.book.drop(held)
        assert self.facts() == before

    def set_aside(self, order_id: str) -> None:
        """A working order makes room while its replacement is decided, and is counted again."""
        before, state = self.facts(), self.book.orders[order_id]
        self.book.drop(state)
        self.book.hold(state)
        assert self.facts() == before

    def facts(self) -> dict[str, Any]:
        return activity_facts(self.book, order(), 1_000_000, None, self.now)


@pytest.mark.requirement("W-06")
@given(ACTIONS)
def test_a_book_built_anew_from_the_entries_knows_the_same(
    actions: list[tuple[str, int, int]],
) -> None:
    live = Running()
    for action, kind, later in actions:
        live.now += later
        live.act(action, kind)
    rebuilt = Book()
    for entry in live.log:
        apply(rebuilt, *entry)
    assert rebuilt == live.book
    for kind in range(4):
        asked = _proposal(kind)
        for wait in (0, SECOND_US, 59 * SECOND_US, 299 * SECOND_US):
            now = live.now + wait
            asked_of = [
                activity_facts(book, asked, 1_000_000, None, now) for book in (rebuilt, live.book)
            ]
            assert asked_of[0] == asked_of[1]


def _proposal(kind: int) -> Order:
    told = _document(kind)["order"]
    return replace(
        order(side=Side(told["side"])),
        account=told["account"],
        type=OrderType(told["type"]),
        strategy_id=None if told["strategy_id"] == NONE else told["strategy_id"],
        limit_price=told["limit_price"] if isinstance(told["limit_price"], int) else None,
        stop_price=told["stop_price"] if isinstance(told["stop_price"], int) else None,
    )


@given(st.sampled_from(["buy", "sell"]), st.integers(1, 99), st.integers(1, 99))
def test_an_order_is_the_same_content_before_and_after_its_decision(
    side: str, qty: int, price: int
) -> None:
    before = order("AAPL", Side(side), qty, limit_price=price)
    after: OrderState = replace(working("1", "AAPL", side, qty, price), type="market")
    assert act_of(before) == act_of(after)
