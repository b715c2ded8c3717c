"""Replacements at the gate: once, of the order that waits for it, and as the decision knew it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.gate import Gate
from gateway.domain.book import Book, OrderState
from gateway.domain.execution import Accepted, OutcomeUnknownError, Rejected
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder
from gateway.domain.order_entries import order_state
from gateway.domain.permission import Route
from gateway.facts.market import Market
from signing.lifecycle import State
from support.brokers import (
    RELEASE_DIGEST,
    VKEY,
    ManualClock,
    decision,
    document,
    feed,
    limit_order,
    permit,
    simulator,
)
from support.permitting import permissions

APPROVED_NS = 10**12
OLD, NEW = "dec_old", "dec_new"
CALM = feed({"AAPL": [1_000_000] * 3})


class Replacing:
    """A broker that keeps what it was asked and answers as a script says."""

    name = "scripted"

    def __init__(self, answer: Accepted | Rejected | Exception) -> None:
        self.answer = answer
        self.replaced: list[tuple[str, BrokerOrder, int]] = []
        self.submitted: list[BrokerOrder] = []

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        self.submitted.append(order)
        return Accepted("by-itself")

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        self.replaced.append((broker_client_id, order, filled_qty))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def new_document(filled_qty: object = 4, **changes: Any) -> dict[str, Any]:
    facts = document(NEW, {"replaces": "ord_" + OLD, "qty": 6})
    replaced = {"order_id": "ord_" + OLD, "working": True, "same": True, "filled_qty": filled_qty}
    facts["replaced"] = replaced | changes
    return facts


def new_permit(facts: dict[str, Any] | None = None, **changes: object) -> bytes:
    made = facts or new_document()
    return permit(decision(made, **({"replaces": "ord_" + OLD} | changes)), made)


def a_book(**changes: Any) -> Book:
    """The old order waits for the new one, four of its ten filled."""
    book = Book(mode=Mode.SIMULATION, omega4_lifted_until_us=0, release_digest=RELEASE_DIGEST)
    facts = document(OLD)
    old = order_state(decision(facts), facts)
    waits: dict[str, Any] = {
        "status": State.PENDING_REPLACE, "filled_qty": 4, "replaced_by": "ord_" + NEW,
    }  # fmt: skip
    book.orders[old.order_id] = replace(old, **(waits | changes))
    made = new_document()
    new = order_state(decision(made, replaces="ord_" + OLD), made)
    book.orders[new.order_id] = new
    return book


def old_of(book: Book) -> OrderState:
    return book.orders["ord_" + OLD]


def gate_to(broker: Any, book: Book, clock: ManualClock | None = None) -> Gate:  # noqa: ANN401  any double of a broker
    time = clock or ManualClock()
    routes = {"primary": Route("primary", "scripted", "none", Mode.SIMULATION)}
    market = Market(CALM, time.market)
    return Gate(
        {"primary": broker}, VKEY, time, lambda: book, lambda: market, 1000, routes,
        permissions(book, time),
    )  # fmt: skip


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_replacement_goes_out_once_and_never_as_an_order_by_itself() -> None:
    broker, book = Replacing(Accepted("b-2")), a_book()
    gate = gate_to(broker, book)
    first = await gate.forward(new_permit(), APPROVED_NS)
    again = await gate.forward(new_permit(), APPROVED_NS)
    assert (first.outcome, first.broker_order_id) == ("accepted", "b-2")
    assert (again.outcome, again.code) == ("refused", "GATE_SPENT")
    [(replaced_id, sent, filled_qty)] = broker.replaced
    assert (replaced_id, filled_qty) == (old_of(book).broker_client_id, 4)
    assert (sent.broker_client_id, sent.qty) == (first.broker_client_id, 6)
    assert broker.submitted == []


GONE: dict[str, Callable[[Book], object]] = {
    "filled more meanwhile": lambda book: keep(book, filled_qty=5),
    "busted meanwhile": lambda book: keep(book, filled_qty=0),
    "filled in full": lambda book: keep(book, status=State.FILLED, filled_qty=10),
    "asked to be cancelled": lambda book: keep(book, status=State.PENDING_CANCEL),
    "works again": lambda book: keep(book, status=State.PARTIALLY_FILLED),
    "waits for another": lambda book: keep(book, replaced_by="ord_other"),
    "forgotten": lambda book: book.orders.pop("ord_" + OLD),
    "in another account": lambda book: keep(book, account="other"),
    "of another symbol": lambda book: keep(book, symbol="MSFT"),
    "on the other side": lambda book: keep(book, side="sell"),
}


def keep(book: Book, **changes: Any) -> None:
    book.orders["ord_" + OLD] = replace(old_of(book), **changes)


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("gone", sorted(GONE))
async def test_nothing_is_sent_where_the_old_order_is_not_as_the_decision_knew_it(
    gone: str,
) -> None:
    broker, book = Replacing(Accepted("b-2")), a_book()
    GONE[gone](book)
    submission = await gate_to(broker, book).forward(new_permit(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_REPLACED")
    assert (broker.replaced, broker.submitted) == ([], [])


def without(facts: dict[str, Any], section: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != section}


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    "bad",
    [
        new_permit(without(new_document(), "replaced")),
        new_permit(new_document(order_id="ord_other")),
        new_permit(new_document(filled_qty=-1)),
        new_permit(new_document(filled_qty=True)),
        new_permit(new_document(filled_qty="4")),
        new_permit(new_document(), replaces="ord_other"),
        permit(decision(new_document()), new_document()),
        permit(decision(document(NEW), replaces="ord_" + OLD), document(NEW)),
    ],
    ids=[
        "no section", "of another order", "negative", "a flag", "a text",
        "a decision about another", "a decision that names none", "a document that names none",
    ],
)  # fmt: skip
async def test_a_permit_that_does_not_say_whose_place_it_takes_sends_nothing(bad: bytes) -> None:
    broker = Replacing(Accepted("b-2"))
    submission = await gate_to(broker, a_book()).forward(bad, APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_DOCUMENT")
    assert (broker.replaced, broker.submitted) == ([], [])


@pytest.mark.requirement("S3-20")
@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Rejected("ERR_TOO_LATE"), "rejected", "ERR_TOO_LATE"),
        (OutcomeUnknownError("ERR_NETWORK"), "unknown", "ERR_NETWORK"),
    ],
    ids=["rejected", "unknown"],
)
async def test_the_brokers_word_about_a_replacement_is_as_about_an_order(
    answer: Rejected | OutcomeUnknownError, outcome: str, code: str
) -> None:
    broker = Replacing(answer)
    submission = await gate_to(broker, a_book()).forward(new_permit(), APPROVED_NS)
    assert (submission.outcome, submission.code) == (outcome, code)
    assert len(broker.replaced) == 1


@pytest.mark.requirement("S1-06")
async def test_at_the_simulator_one_of_the_two_works(tmp_path: Path) -> None:
    clock, book = ManualClock(), a_book(filled_qty=0)
    broker = await simulator(tmp_path, CALM, clock)
    await broker.submit(limit_order(old_of(book).broker_client_id, 10, limit_price=900_000))
    facts = new_document(filled_qty=0)
    submission = await gate_to(broker, book, clock).forward(new_permit(facts), APPROVED_NS)
    assert submission.outcome == "accepted"
    working = await broker.open_orders("primary")
    assert [(one.broker_client_id, one.qty) for one in working] == [
        (submission.broker_client_id, 6)
    ]
