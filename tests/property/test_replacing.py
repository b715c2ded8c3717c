"""Fills, replacements and cancels in any order: one order of a chain is live, and all adds up.

The real gate, projector, facts and verifier stand against a broker that does what the port asks of
one, answers late or not at all, and tells what happened whenever it likes, in its own order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.brokers.gate import Gate
from gateway.domain.book import NONE, Book, OrderState
from gateway.domain.execution import Accepted, OutcomeUnknownError, Rejected
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder, Order, OrderType, Side, TimeInForce
from gateway.domain.permission import Route
from gateway.domain.projection import apply
from gateway.domain.replacements import restored
from gateway.facts.exits import REPLACEABLE, remaining, replaced_facts
from gateway.facts.market import Market
from signing.lifecycle import State, allowed
from signing.records import check
from signing.verification.findings import Findings
from signing.verification.story import STORY, StoryCheck
from support.brokers import (
    RELEASE_DIGEST,
    VKEY,
    ManualClock,
    decision,
    document,
    feed,
    permit,
)
from support.permitting import permissions

NOW_US = 1_700_000_000_000_000
CALM = feed({"AAPL": [1_000_000] * 3})
WHICH = st.integers(0, 20)
ANSWERS = st.sampled_from(["told", "told", "lost", "dropped", "rejected"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), st.integers(1, 12), st.just(0)),
        st.tuples(st.just("replace"), WHICH, st.integers(1, 20)),
        st.tuples(st.just("replace"), WHICH, st.integers(1, 20)),
        st.tuples(st.just("exchange"), WHICH, st.integers(1, 20)),
        st.tuples(st.just("exchange"), WHICH, st.integers(1, 20)),
        st.tuples(st.just("forward"), WHICH, ANSWERS),
        st.tuples(st.just("forward"), WHICH, ANSWERS),
        st.tuples(st.just("fill"), WHICH, st.integers(1, 6)),
        st.tuples(st.just("fill"), WHICH, st.integers(1, 6)),
        st.tuples(st.just("hear"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("hear"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("cancel"), WHICH, st.just(0)),
        st.tuples(st.just("settle"), WHICH, st.just(0)),
    ),
    min_size=8,
    max_size=40,
)


@dataclass
class Theirs:
    """An order at the broker."""

    qty: int
    filled: int = 0
    live: bool = True


@dataclass
class Venue:
    """The broker: its own orders, and what it has to tell."""

    name: str = "venue"
    answer: str = "told"
    orders: dict[str, Theirs] = field(default_factory=dict[str, Theirs])
    news: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    fills: int = 0

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        return self._take(order)

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        old = self.orders[broker_client_id]
        if not old.live or old.filled != filled_qty:
            return Rejected("ERR_TOO_LATE")
        return self._take(order, broker_client_id)

    def _take(self, order: BrokerOrder, replaced: str | None = None) -> Accepted | Rejected:
        if self.answer == "rejected":
            return Rejected("ERR_INVALID_ORDER")
        if self.answer == "dropped":
            raise OutcomeUnknownError("ERR_NETWORK")
        assert order.broker_client_id not in self.orders, "sent twice"
        self.orders[order.broker_client_id] = Theirs(order.qty)
        if replaced is not None:
            self.orders[replaced].live = False
            self.news.append((replaced, "REPLACED", 0))
        if self.answer == "lost":
            raise OutcomeUnknownError("ERR_NETWORK")
        return Accepted("b-" + order.broker_client_id[-6:])

    def fill(self, client_id: str, qty: int) -> None:
        order = self.orders[client_id]
        qty = min(qty, order.qty - order.filled)
        order.filled += qty
        order.live = order.filled < order.qty
        self.fills += 1
        self.news.append((client_id, f"fill-{self.fills}", qty))

    def cancel(self, client_id: str) -> None:
        order = self.orders.get(client_id)
        if order is not None and order.live:
            order.live = False
            self.news.append((client_id, "CANCELED", 0))


class Desk:
    """The gateway's side: the book, the gate, and every entry that was made."""

    def __init__(self) -> None:
        self.book, self.venue, self.clock = Book(), Venue(), ManualClock()
        self.findings = Findings()
        self.story = StoryCheck(self.findings)
        self.entries: list[tuple[str, dict[str, Any], Mapping[str, Any] | None]] = []
        self.waiting: list[tuple[bytes, OrderState]] = []
        self.root: dict[str, str] = {}
        """order_id -> the first order of its chain."""
        self.most: dict[str, int] = {}
        """The first order of a chain -> the most that anybody asked to have filled of it."""
        routes = {"primary": Route("primary", "scripted", "none", Mode.SIMULATION)}
        market = Market(CALM, self.clock.market)
        self.gate = Gate(
            {"primary": self.venue},  # pyright: ignore[reportArgumentType]  what the gate asks of one
            VKEY, self.clock, lambda: self.book, lambda: market, 1000, routes,
            permissions(self.book, self.clock),
        )  # fmt: skip
        self.enter("release", {
            "release_digest": RELEASE_DIGEST, "revision": "r1", "label": "demonstration",
            "bundle_digest": "0" * 64, "wasm_digest": "0" * 64, "data_digest": "0" * 64,
            "by": "configuration",
        })  # fmt: skip
        self.enter("mode", {"mode": "SIMULATION", "by": "configuration"})
        lifted = {"lifted": True, "by": "ada", "reason": "test", "until_us": "none"}
        self.enter("omega4", lifted)
        self.enter("statement", {
            "account": "primary", "broker": "venue", "cash_micros": 10**12, "positions": {},
            "source": "opening",
        })  # fmt: skip

    def enter(
        self, kind: str, payload: dict[str, Any], facts: Mapping[str, Any] | None = None
    ) -> None:
        entry = {"at_us": NOW_US, **payload}
        check(kind, entry)
        apply(self.book, kind, payload, facts)
        self.story.take(len(self.entries), kind, entry, None if facts is None else dict(facts))
        self.entries.append((kind, payload, facts))
        assert self.findings.clean(STORY), self.findings.step(STORY, "")

    def ours(self, which: int) -> OrderState | None:
        orders = list(self.book.orders.values())
        return orders[which % len(orders)] if orders else None

    def filled(self, root: str) -> int:
        """What the broker has filled of a chain."""
        members = [o for o in self.book.orders.values() if self.root[o.order_id] == root]
        theirs = [self.venue.orders.get(order.broker_client_id) for order in members]
        return sum(order.filled for order in theirs if order is not None)

    def propose(self, qty: int, _: int) -> None:
        self._decide(qty, None)

    def replace(self, which: int, qty: int) -> None:
        known = [o for o in self.book.orders.values() if o.status in REPLACEABLE]
        old = known[which % len(known)] if known and which % 5 else self.ours(which)
        if old is not None:
            self._decide(qty, old)

    def exchange(self, which: int, qty: int) -> None:
        """A replacement that nothing comes in between of."""
        self.hear(len(self.venue.news), 0)
        self.replace(which, qty)
        self.forward(-1, "told")

    def _decide(self, qty: int, old: OrderState | None) -> None:
        """As a turn does, by the one rule that RPL-01 has."""
        number = len(self.entries)
        asked = Order(
            order_id=f"ord_dec_{number}", principal="desk", account="primary", symbol="AAPL",
            side=Side.BUY, type=OrderType.LIMIT, time_in_force=TimeInForce.DAY, qty=qty,
            qty_decimals=0, price_decimals=4, limit_price=1_000_000, stop_price=None,
            client_order_id=None, strategy_id=None, source_signal_id=None, instrument_known=True,
            replaces=None if old is None else old.order_id,
        )  # fmt: skip
        replaced, left = replaced_facts(asked, self.book), remaining(asked, self.book)
        if replaced is not None and not (replaced["working"] and replaced["same"]):
            return
        fields: dict[str, object] = {"qty": left.qty, "replaces": asked.replaces or NONE}
        facts = document(f"dec_{number}", fields)
        named: dict[str, Any] = {}
        if old is not None:
            facts["replaced"], named = replaced, {"replaces": old.order_id}
        payload = decision(facts, **named)
        data = permit(payload, facts)
        del payload["at_us"]
        self.enter("decision", payload, facts)
        root = asked.order_id if old is None else self.root[old.order_id]
        self.root[asked.order_id] = root
        if old is not None:
            self.enter("replace", {
                "order_id": old.order_id, "broker_client_id": old.broker_client_id,
                "by_order_id": asked.order_id, "by": "desk", "market_us": 0,
            })  # fmt: skip
        before = 0 if old is None else self.filled(root) - self.theirs(old).filled
        self.most[root] = max(self.most.get(root, 0), before + qty)
        self.waiting.append((data, self.book.orders[asked.order_id]))

    def theirs(self, order: OrderState) -> Theirs:
        return self.venue.orders[order.broker_client_id]

    def forward(self, which: int, answer: str) -> None:
        """As forwarding does: through the gate once, and what came of it in one batch."""
        if not self.waiting:
            return
        data, order = self.waiting.pop(which % len(self.waiting))
        self.venue.answer = answer
        submission = asyncio.run(self.gate.forward(data, self.clock.monotonic))
        fields = {name: getattr(submission, name) for name in submission.__slots__}
        self.enter("submission", fields)
        if submission.outcome in ("rejected", "refused"):
            self._let_go(order, submission.code)

    def _let_go(self, order: OrderState, code: str) -> None:
        payload = restored(self.book, order, code, "broker")
        if payload is not None:
            self.enter("status", payload)

    def settle(self, which: int, _: int) -> None:
        """As settlement does, once the broker's word can be relied on."""
        order = self.ours(which)
        if order is None or order.status is not State.UNKNOWN:
            return
        known = order.broker_client_id in self.venue.orders
        self.enter("settlement", {
            "order_id": order.order_id, "decision_id": order.decision_id,
            "broker_client_id": order.broker_client_id,
            "outcome": "adopted" if known else "absent", "evidence": "ASKED",
        })  # fmt: skip
        if not known:
            self._let_go(order, "ASKED")

    def fill(self, which: int, qty: int) -> None:
        live = [client_id for client_id, order in self.venue.orders.items() if order.live]
        if live:
            self.venue.fill(live[which % len(live)], qty)

    def hear(self, count: int, _: int) -> None:
        """As the tracker does, in the broker's own order."""
        for _event in range(min(count, len(self.venue.news))):
            client_id, what, qty = self.venue.news.pop(0)
            order = self.book.orders[self.book.by_client_id[client_id]]
            named = {"order_id": order.order_id, "broker_client_id": client_id}
            if qty:
                self.enter("execution", named | {
                    "execution_id": what, "account": "primary", "symbol": "AAPL", "side": "buy",
                    "qty": qty, "qty_decimals": 0, "price": 1_000_000, "price_decimals": 4,
                    "fee_micros": 0, "market_us": 0, "session": "2015-01-05",
                })  # fmt: skip
            elif order.status != what:
                assert allowed(order.status, State(what)), (order.status, what)
                told = {"status": what, "code": "none", "source": "broker"}
                self.enter("status", named | told)

    def cancel(self, which: int, _: int) -> None:
        """As cancels do: with an order goes what is about to take its place."""
        order = self.ours(which)
        if order is None or not order.reserves:
            return
        follower = self.book.orders.get(order.replaced_by)
        pending = order.status is State.PENDING_REPLACE
        for each in [order, *([follower] if follower is not None and pending else [])]:
            if each.reserves and each.status is not State.CREATED:
                self.enter("cancel", {
                    "order_id": each.order_id, "broker_client_id": each.broker_client_id,
                    "by": "ada", "cause": "REQUESTED", "market_us": 0,
                })  # fmt: skip
                self.venue.cancel(each.broker_client_id)

    def holds(self) -> None:
        """What must be so after every step."""
        leaves: dict[str, int] = {}
        for client_id, theirs in self.venue.orders.items():
            if not theirs.live:
                continue
            order = self.book.orders[self.book.by_client_id[client_id]]
            assert order.reserves, f"{order.status} works at the broker"
            assert order.leaves_qty >= theirs.qty - theirs.filled
            root = self.root[order.order_id]
            assert root not in leaves, "two live orders of one chain"
            leaves[root] = theirs.qty - theirs.filled
        for root, most in self.most.items():
            assert self.filled(root) + leaves.get(root, 0) <= most
        pending = [o for o in self.book.orders.values() if o.status is State.PENDING_REPLACE]
        assert len({order.replaced_by for order in pending}) == len(pending)

    def comes_to_rest(self) -> None:
        """Everything is sent, settled and heard: both sides say the same."""
        while self.waiting:
            self.forward(0, "told")
        self.hear(len(self.venue.news), 0)
        for which in range(len(self.book.orders)):
            self.settle(which, 0)
        self.hear(len(self.venue.news), 0)
        for order in self.book.orders.values():
            theirs = self.venue.orders.get(order.broker_client_id)
            assert order.reserves == (theirs is not None and theirs.live), order.status
            assert order.filled_qty == (theirs.filled if theirs is not None else 0)
            assert order.status is not State.PENDING_REPLACE
        again = Book()
        for kind, payload, facts in self.entries:
            apply(again, kind, payload, facts)
        assert again == self.book


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_comes_in_between_one_order_of_a_chain_is_live_and_quantities_add_up(
    steps: list[tuple[str, int, Any]],
) -> None:
    desk = Desk()
    for qty in (10, 6):
        desk.propose(qty, 0)
        desk.forward(0, "told")
    for name, which, what in steps:
        getattr(desk, name)(which, what)
        desk.holds()
    desk.comes_to_rest()
    desk.holds()
