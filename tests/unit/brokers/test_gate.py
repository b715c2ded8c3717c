"""The gate: real permits, real brokers, and each thing that may stand against an order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers import gate as gate_module
from gateway.brokers.gate import Gate
from gateway.brokers.last_look import Thresholds, thresholds
from gateway.brokers.null.adapter import NullBroker
from gateway.domain.book import Book
from gateway.domain.errors import NotFoundError, PermitRefusedError
from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    NotSentError,
    OutcomeUnknownError,
    Rejected,
)
from gateway.domain.exits import ExitOnly
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.ids import broker_client_id
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.order_entries import order_state
from gateway.domain.permission import Route
from gateway.domain.venue import VenueTerms
from gateway.facts.market import Market
from gateway.market.closes import quote_us
from gateway.market.exchange import regular_hours
from gateway.ports import Broker, Door, MarketReading
from signing.keys import Ed25519Signer
from signing.lifecycle import State
from signing.records import check
from support.brokers import (
    DOOR,
    LOG_SIGNER,
    RELEASE_DIGEST,
    VKEY,
    ManualClock,
    broker_order,
    decision,
    document,
    feed,
    permit,
    simulator,
)
from support.permitting import permissions

APPROVED_NS = 10**12
"""The monotonic time at which the clock stands."""


class ScriptedBroker:
    """A broker whose answer is a script: what no well-behaved broker can be made to do."""

    name = "scripted"

    def __init__(self, script: Callable[[], Awaitable[Any]]) -> None:
        self.script = script
        self.sent: list[BrokerOrder] = []
        self.cancelled: list[str] = []

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        return None

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        self.sent.append(order)
        return await self.script()

    async def cancel(self, broker_client_id: str) -> None:
        self.cancelled.append(broker_client_id)
        await self.script()

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        return None

    async def statement(self, account: str) -> BrokerStatement:
        return BrokerStatement(account, 0, {})

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        raise NotImplementedError

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        raise NotImplementedError

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        raise NotImplementedError

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        return []


async def accepts() -> Accepted:
    return Accepted("scripted-1")


def open_book(*decision_ids: str) -> Book:
    """A book in which everything stands for the given decisions' orders."""
    book = Book(mode=Mode.SIMULATION, omega4_lifted_until_us=0, release_digest=RELEASE_DIGEST)
    for decision_id in decision_ids or ("dec_1",):
        facts = document(decision_id)
        created = order_state(decision(facts), facts)
        book.orders[created.order_id] = created
    return book


CALM = feed({"AAPL": [1_000_000] * 3})
"""A market in which nothing stands against an order: quoted at 15:30, two basis points wide."""


def gate_to(
    broker: Broker,
    book: Book | None = None,
    clock: ManualClock | None = None,
    timeout_ms: int = 1000,
    market: Callable[[], MarketReading] | None = None,
) -> Gate:
    state, time = book or open_book(), clock or ManualClock()
    reading = market or (lambda: Market(CALM, time.market))
    routes = {"primary": Route("primary", "scripted", "none", Mode.SIMULATION)}
    permits = permissions(state, time)
    return Gate(
        {"primary": broker}, VKEY, time, lambda: state, reading, timeout_ms, routes, permits
    )


def good(decision_id: str = "dec_1", fields: Mapping[str, object] | None = None) -> bytes:
    facts = document(decision_id, fields)
    return permit(decision(facts), facts)


def spoiled(**changes: object) -> bytes:
    facts = document()
    return permit(decision(facts, **changes), facts)


@pytest.mark.requirement("S3-01")
async def test_a_permit_goes_to_the_simulator_exactly_as_its_document_says(tmp_path: Path) -> None:
    clock = ManualClock()
    broker = await simulator(tmp_path, feed({"AAPL": [1_000_000] * 3}), clock)
    door: Door = gate_to(broker)
    submission = await door.forward(good(), APPROVED_NS)
    client_id = broker_client_id("dec_1")
    assert (submission.outcome, submission.code) == ("accepted", "none")
    assert (submission.decision_id, submission.order_id) == ("dec_1", "ord_dec_1")
    assert (submission.broker_client_id, submission.broker) == (client_id, "simulator")
    assert submission.broker_order_id == "sim-00000001"
    state = await broker.order(client_id)
    assert state is not None
    assert state.open
    await broker.close()


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (
            {},
            {"type": OrderType.LIMIT, "limit_price": 1_000_000, "protection_price": None},
        ),
        (
            {"type": "market", "limit_price": "none", "worst_price": 1_050_000},
            {"type": OrderType.MARKET, "protection_price": 1_050_000},
        ),
        (
            {
                "type": "stop",
                "limit_price": "none",
                "stop_price": 1_010_000,
                "worst_price": 1_060_500,
            },
            {"type": OrderType.STOP, "stop_price": 1_010_000, "protection_price": 1_060_500},
        ),
        (
            {"type": "stop_limit", "stop_price": 990_000, "side": "sell", "time_in_force": "gtc"},
            {
                "type": OrderType.STOP_LIMIT,
                "limit_price": 1_000_000,
                "stop_price": 990_000,
                "protection_price": None,
                "side": Side.SELL,
                "time_in_force": TimeInForce.GTC,
            },
        ),
    ],
)
async def test_the_broker_s_order_is_built_from_the_document(
    fields: dict[str, object], sent: dict[str, object]
) -> None:
    broker = ScriptedBroker(accepts)
    await gate_to(broker).forward(good(fields=fields), APPROVED_NS)
    bare = broker_order(broker_client_id("dec_1"), protection_price=None)
    assert broker.sent == [replace(bare, **sent)]  # pyright: ignore[reportArgumentType]  the case names the fields


def forgeries() -> dict[str, bytes]:
    facts = document()
    other = document("dec_2")
    mallory = Ed25519Signer.from_seed(b"\x09" * 32)
    return {
        "empty": b"",
        "not a permit": b"{}",
        "another log's key": permit(decision(facts), facts, log_signer=mallory),
        "another order's document": permit(decision(facts), other),
        "a larger order": permit(decision(facts), document(fields={"qty": 1_000})),
        "a denial": permit(decision(facts, allow=False), facts),
        "a verdict that denies": permit(
            decision(facts, verdict=decision(facts)["verdict"] | {"allow": False}), facts
        ),
        "a failure": permit(decision(facts, failure="ENGINE_TIMEOUT"), facts),
        "research": permit(decision(facts, mode="RESEARCH", label="research"), facts),
        "another kind of entry": permit(
            {"at_us": 1, "mode": "SIMULATION", "by": "ops"}, facts, kind="mode"
        ),
    }


@pytest.mark.requirement("S3-01")
@pytest.mark.parametrize("name", sorted(forgeries()))
async def test_a_forged_permit_never_reaches_a_broker(name: str) -> None:
    broker = ScriptedBroker(accepts)
    with pytest.raises(PermitRefusedError) as refused:
        await gate_to(broker).forward(forgeries()[name], APPROVED_NS)
    assert refused.value.code == "permit-invalid"
    assert broker.sent == []


async def test_no_single_changed_byte_reaches_a_broker() -> None:
    broker, genuine = ScriptedBroker(accepts), good()
    gate = gate_to(broker)
    for position in range(0, len(genuine), 7):
        changed = bytearray(genuine)
        changed[position] ^= 0x01
        with pytest.raises(PermitRefusedError):
            await gate.forward(bytes(changed), APPROVED_NS)
    assert broker.sent == []
    assert (await gate.forward(genuine, APPROVED_NS)).outcome == "accepted"  # nothing was spent


def halted(scope: Scope) -> Book:
    book = open_book()
    book.halts["h1"] = Halt("h1", scope, "KILL", True, False, "admin", "ops")
    return book


def in_doubt(*, symbol: str = "AAPL", anomaly: str = "none") -> Book:
    """A book with another order whose outcome is not known."""
    book = open_book("dec_1", "dec_2")
    [other] = [order for order in book.orders.values() if order.decision_id == "dec_2"]
    unknown = replace(other, symbol=symbol, status=State.UNKNOWN, anomaly=anomaly)
    book.orders[other.order_id] = unknown
    book.doubtful[unknown.account, unknown.symbol] = {unknown.order_id}
    return book


def door(**thresholds: object) -> dict[str, object]:
    return {"verdict": decision(document())["verdict"] | {"door": thresholds}}


@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("mode", [Mode.RESEARCH, Mode.PAPER, Mode.LIVE])
async def test_only_the_mode_that_was_decided_in_forwards(mode: Mode) -> None:
    broker, book = ScriptedBroker(accepts), open_book()
    book.mode = mode
    submission = await gate_to(broker, book).forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_MODE")
    assert broker.sent == []


@pytest.mark.parametrize(
    ("code", "book", "changes"),
    [
        ("GATE_OMEGA4", replace(open_book(), omega4_lifted_until_us=None), {}),
        ("GATE_OMEGA4", replace(open_book(), omega4_lifted_until_us=1_700_000_000_000_000), {}),
        ("GATE_HALTED", halted(GLOBAL), {}),
        ("GATE_HALTED", halted(Scope("account", "primary")), {}),
        ("GATE_HALTED", halted(Scope("symbol", "AAPL")), {}),
        ("GATE_HALTED", halted(Scope("strategy", "none")), {}),
        ("GATE_DOUBT", in_doubt(), {}),
        ("GATE_DOUBT", in_doubt(anomaly="FILLED_BEYOND"), {}),
        ("GATE_RELEASE", replace(open_book(), release_digest="cd" * 32), {}),
        ("GATE_RELEASE", open_book(), {"release_digest": "cd" * 32}),
        ("GATE_MODE", open_book(), {"mode": "PAPER"}),
        ("GATE_DOOR_MISSING", open_book(), door()),
        *(
            ("GATE_DOOR_MISSING", open_book(), door(**(DOOR | {name: value})))
            for name in DOOR
            for value in (0, -1)
        ),
        *(
            ("GATE_DOOR_MISSING", open_book(), door(**{n: v for n, v in DOOR.items() if n != name}))
            for name in DOOR
        ),
        ("GATE_DOCUMENT", open_book(), {"broker_client_id": "wr-chosen"}),
    ],
)
async def test_whatever_stands_against_an_order_refuses_it(
    code: str, book: Book, changes: dict[str, object]
) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker, book).forward(spoiled(**changes), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", code)
    assert submission.broker_order_id == "none"
    assert broker.sent == []


def exit_permit(*, reduces: object = True, **fields: object) -> bytes:
    """A permit of a sale that was decided as an exit, unless its fields say otherwise."""
    facts = document(fields={"side": "sell", "reduce_only": True, **fields})
    facts["projected"] = {"reduces": reduces}
    return permit(decision(facts), facts)


def exits_open(book: Book, *scopes: Scope, until_us: int | None = None) -> Book:
    book.exit_only |= {scope: ExitOnly(scope, "ada", "why", until_us) for scope in scopes}
    return book


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize(
    "book",
    [
        exits_open(halted(GLOBAL), GLOBAL),
        exits_open(halted(GLOBAL), Scope("symbol", "AAPL")),
        exits_open(halted(Scope("symbol", "AAPL")), Scope("account", "primary")),
        exits_open(halted(GLOBAL), GLOBAL, until_us=1_700_000_000_000_001),
    ],
)
async def test_an_exit_passes_a_halt_where_exits_are_let_through(book: Book) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker, book).forward(exit_permit(), APPROVED_NS)
    assert submission.outcome == "accepted"
    [sent] = broker.sent
    assert (sent.side, sent.reduce_only) == (Side.SELL, True)


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("S1-12")
async def test_what_came_to_be_in_doubt_meanwhile_stops_what_was_not_sent_but_for_exits() -> None:
    async def answer(book: Book, data: bytes) -> str:
        submission = await gate_to(ScriptedBroker(accepts), book).forward(data, APPROVED_NS)
        return submission.code if submission.outcome == "refused" else submission.outcome

    assert await answer(in_doubt(), good()) == "GATE_DOUBT"
    assert await answer(in_doubt(symbol="MSFT"), good()) == "accepted"
    assert await answer(in_doubt(), exit_permit()) == "accepted"
    assert await answer(in_doubt(), exit_permit(reduces=False)) == "GATE_DOUBT"
    assert await answer(in_doubt(anomaly="FILLED_BEYOND"), exit_permit()) == "GATE_DOUBT"


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize(
    ("book", "data"),
    [
        (halted(GLOBAL), exit_permit()),
        (exits_open(halted(GLOBAL), Scope("symbol", "MSFT")), exit_permit()),
        (exits_open(halted(GLOBAL), GLOBAL, until_us=1_700_000_000_000_000), exit_permit()),
        (exits_open(halted(GLOBAL), GLOBAL), exit_permit(reduces=False)),
        (exits_open(halted(GLOBAL), GLOBAL), exit_permit(reduces=1)),
        (exits_open(halted(GLOBAL), GLOBAL), exit_permit(reduce_only=False)),
        (exits_open(halted(GLOBAL), GLOBAL), good()),
    ],
)
async def test_a_halt_holds_what_is_no_exit_and_exits_that_it_does_not_let_through(
    book: Book, data: bytes
) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker, book).forward(data, APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_HALTED")
    assert broker.sent == []


@pytest.mark.parametrize(
    "scope", [Scope("account", "other"), Scope("symbol", "MSFT"), Scope("strategy", "other")]
)
async def test_a_halt_elsewhere_stands_against_nothing(scope: Scope) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker, halted(scope)).forward(good(), APPROVED_NS)
    assert submission.outcome == "accepted"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "market", "limit_price": "none", "worst_price": "none"},
        {"type": "market", "limit_price": "none", "worst_price": 0},
        {"type": "market"},  # with a limit price
        {"limit_price": "none"},
        {"limit_price": True},
        {"type": "stop", "limit_price": "none"},
        {"type": "iceberg"},
        {"side": "short"},
        {"time_in_force": "forever"},
        {"qty": 0},
        {"qty": -1},
        {"qty": "10"},
        {"qty_decimals": -1},
        {"symbol": 7},
        {"strategy_id": 7},
        {"reduce_only": "true"},
        {"reduce_only": 1},
        {"extended_hours": None},
    ],
)
async def test_a_document_without_one_sendable_order_is_refused(fields: dict[str, object]) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker).forward(good(fields=fields), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_DOCUMENT")
    assert broker.sent == []


@pytest.mark.parametrize(
    ("age_ns", "code"),
    [
        (0, "none"),
        (300_000 * 1_000_000, "none"),
        (300_000 * 1_000_000 + 1, "GATE_APPROVAL_AGE"),
        (-1, "GATE_APPROVAL_AGE"),  # approved in the future
    ],
)
async def test_an_approval_is_good_for_as_long_as_its_verdict_says(age_ns: int, code: str) -> None:
    clock = ManualClock(monotonic=APPROVED_NS + age_ns)
    submission = await gate_to(ScriptedBroker(accepts), clock=clock).forward(good(), APPROVED_NS)
    assert submission.code == code


@pytest.mark.parametrize("value", [0, -1, True, "1", 1.0, None])
@pytest.mark.parametrize("name", sorted(DOOR))
def test_a_threshold_is_an_integer_above_zero(name: str, value: object) -> None:
    assert thresholds(DOOR) == Thresholds(**DOOR)
    assert thresholds({**DOOR, name: value}) is None


QUOTED = quote_us("2015-01-05")
MINUTE = 60_000_000
OLD_QUOTES = DOOR | {"quote_age_max_ms": 10**9}


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("at_us", "held_to", "code"),
    [
        pytest.param(QUOTED, DOOR, "none", id="as decided"),
        pytest.param(QUOTED + 15_000_000, DOOR, "none", id="a quote of 15 s"),
        pytest.param(QUOTED + 15_000_001, DOOR, "GATE_QUOTE_AGE", id="a microsecond older"),
        pytest.param(QUOTED + 15 * MINUTE, OLD_QUOTES, "none", id="15 minutes before the close"),
        pytest.param(
            QUOTED + 15 * MINUTE + 1, OLD_QUOTES, "GATE_MARKET_CLOSED", id="a microsecond later"
        ),
        pytest.param(QUOTED + 30 * MINUTE - 1, OLD_QUOTES, "GATE_MARKET_CLOSED", id="last moment"),
        pytest.param(QUOTED + 30 * MINUTE, OLD_QUOTES, "GATE_MARKET_CLOSED", id="the close"),
        pytest.param(
            regular_hours("2015-01-06").opens_us - 1,
            OLD_QUOTES,
            "GATE_MARKET_CLOSED",
            id="before the opening",
        ),
        pytest.param(regular_hours("2015-01-06").opens_us, OLD_QUOTES, "none", id="the opening"),
        pytest.param(quote_us("2015-01-08"), OLD_QUOTES, "GATE_MARKET_CLOSED", id="no session"),
        pytest.param(QUOTED - MINUTE, OLD_QUOTES, "GATE_QUOTE_AGE", id="no quote yet"),
        pytest.param(QUOTED, DOOR | {"spread_max_bps": 2}, "none", id="as wide as allowed"),
        pytest.param(QUOTED, DOOR | {"spread_max_bps": 1}, "GATE_SPREAD", id="too wide"),
    ],
)
@pytest.mark.parametrize("exits", [False, True])
async def test_the_market_is_looked_at_once_more_before_anything_is_sent(
    at_us: int, held_to: dict[str, int], code: str, exits: bool
) -> None:
    """With the verdict's own thresholds, as of now; an order that only reduces is held to them."""
    broker, clock = ScriptedBroker(accepts), ManualClock(market=at_us)
    facts = document(fields={"reduce_only": exits})
    facts["projected"] = {"reduces": exits}
    bytes_ = permit(decision(facts, **door(**held_to)), facts)
    submission = await gate_to(broker, clock=clock).forward(bytes_, APPROVED_NS)
    assert submission.code == code
    assert submission.outcome == ("accepted" if code == "none" else "refused")
    assert len(broker.sent) == (code == "none")


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("market", "code"),
    [
        (Market(None, QUOTED), "GATE_MARKET_CLOSED"),
        (Market(feed({"MSFT": [1_000_000] * 3}), QUOTED), "GATE_MARKET_CLOSED"),
        (Market(feed({"AAPL": [10, 10, 10]}), QUOTED), "GATE_QUOTE_AGE"),  # no bid above zero
    ],
)
async def test_a_market_that_is_not_known_lets_nothing_out(market: Market, code: str) -> None:
    broker = ScriptedBroker(accepts)
    submission = await gate_to(broker, market=lambda: market).forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", code)
    assert broker.sent == []


async def test_an_order_for_extended_hours_is_held_to_the_quote_alone() -> None:
    permitted = good(fields={"extended_hours": True})
    closed = ManualClock(market=quote_us("2015-01-07"))
    beyond = feed({"AAPL": [1_000_000] * 3})
    for after_ms, code in ((0, "none"), (31 * 60_000, "GATE_QUOTE_AGE")):
        closed.market = quote_us("2015-01-07") + after_ms * 1_000
        reading = Market(beyond, closed.market)
        gate = gate_to(ScriptedBroker(accepts), clock=closed, market=lambda m=reading: m)
        assert (await gate.forward(permitted, APPROVED_NS)).code == code


async def test_an_account_without_a_broker_is_refused() -> None:
    clock, book = ManualClock(), open_book()
    permits = permissions(book, clock)
    gate = Gate({}, VKEY, clock, lambda: book, lambda: Market(CALM, 0), 1_000, {}, permits)
    submission = await gate.forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("refused", "GATE_NO_BROKER")
    assert submission.broker == "none"


async def test_a_permit_opens_the_gate_once() -> None:
    broker = ScriptedBroker(accepts)
    gate = gate_to(broker)
    first, second = await asyncio.gather(
        gate.forward(good(), APPROVED_NS), gate.forward(good(), APPROVED_NS)
    )
    assert (first.outcome, second.outcome, second.code) == ("accepted", "refused", "GATE_SPENT")
    assert len(broker.sent) == 1


async def test_a_refused_permit_is_spent_too() -> None:
    broker, book = ScriptedBroker(accepts), halted(GLOBAL)
    gate = gate_to(broker, book)
    await gate.forward(good(), APPROVED_NS)
    book.halts.clear()
    assert (await gate.forward(good(), APPROVED_NS)).code == "GATE_SPENT"
    assert broker.sent == []


@pytest.mark.parametrize("status", sorted(set(State) - {State.CREATED}))
async def test_what_the_book_knows_as_sent_is_spent_even_for_a_new_gate(status: State) -> None:
    """A restarted gateway has a gate that remembers nothing."""
    broker, book = ScriptedBroker(accepts), open_book()
    book.orders["ord_dec_1"] = replace(book.orders["ord_dec_1"], status=status)
    assert (await gate_to(broker, book).forward(good(), APPROVED_NS)).code == "GATE_SPENT"
    assert broker.sent == []


async def test_an_order_that_is_not_in_the_book_is_not_sent() -> None:
    broker, book = ScriptedBroker(accepts), Book()
    assert (await gate_to(broker, book).forward(good(), APPROVED_NS)).code == "GATE_SPENT"
    assert broker.sent == []


async def test_the_memory_of_spent_permits_is_bounded_and_forgets_none_that_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate_module, "SPENT_MAX", 4)
    names = [f"dec_{n}" for n in range(12)]
    broker, book = ScriptedBroker(accepts), open_book(*names)
    gate = gate_to(broker, book)
    for name in names:
        await gate.forward(good(name), APPROVED_NS)
        if name != "dec_0":  # its answer was never recorded: the book still calls it created
            order = book.orders["ord_" + name]
            book.orders["ord_" + name] = replace(order, status=State.ACKNOWLEDGED)
    assert len(gate._spent) <= 5
    assert len(broker.sent) == 12
    for name in names:
        assert (await gate.forward(good(name), APPROVED_NS)).code == "GATE_SPENT"
    assert len(broker.sent) == 12


def yields(answer: object) -> Callable[[], Awaitable[Any]]:
    async def script() -> object:
        return answer

    return script


def fails(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def script() -> object:
        raise error

    return script


@pytest.mark.parametrize(
    ("script", "outcome", "code"),
    [
        (yields(Accepted("b-1")), "accepted", "none"),
        (yields(Accepted("")), "accepted", "GATE_UNREADABLE_ID"),
        (yields(Accepted("two words")), "accepted", "GATE_UNREADABLE_ID"),
        (yields(Rejected("ERR_INSUFFICIENT_FUNDS")), "rejected", "ERR_INSUFFICIENT_FUNDS"),
        (yields(Rejected("no\nfunds")), "rejected", "GATE_UNREADABLE_CODE"),
        (yields(None), "unknown", "GATE_UNREADABLE_ANSWER"),
        (fails(OutcomeUnknownError("ERR_NETWORK")), "unknown", "ERR_NETWORK"),
        (fails(OutcomeUnknownError("")), "unknown", "GATE_UNREADABLE_CODE"),
        (fails(NotSentError("ERR_CREDENTIALS")), "refused", "ERR_CREDENTIALS"),
        (fails(ValueError("a defect")), "unknown", "GATE_BROKER_ERROR"),
        (fails(asyncio.CancelledError()), "unknown", "GATE_BROKER_ERROR"),
        (lambda: asyncio.sleep(60), "unknown", "GATE_TIMEOUT"),
    ],
)
async def test_every_answer_is_a_recordable_submission_and_nothing_is_tried_twice(
    script: Callable[[], Awaitable[Any]], outcome: str, code: str
) -> None:
    broker = ScriptedBroker(script)
    submission = await gate_to(broker, timeout_ms=50).forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == (outcome, code)
    assert len(broker.sent) == 1
    check(
        "submission",
        {"at_us": 1} | {name: getattr(submission, name) for name in submission.__slots__},
    )


async def test_a_broker_that_cannot_begin_leaves_an_unknown_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def defective(order: BrokerOrder) -> Awaitable[Accepted]:
        raise RuntimeError(order.symbol)

    broker = ScriptedBroker(accepts)
    monkeypatch.setattr(broker, "submit", defective)
    submission = await gate_to(broker).forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("unknown", "GATE_BROKER_ERROR")


async def test_an_answer_after_the_time_out_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("too late") from None

    submission = await gate_to(ScriptedBroker(stubborn), timeout_ms=20).forward(good(), APPROVED_NS)
    assert submission.code == "GATE_TIMEOUT"
    await asyncio.sleep(0.02)
    assert "after its time-out" in caplog.text


async def test_the_gate_stops_waiting_when_it_is_stopped() -> None:
    started = asyncio.Event()
    ended = asyncio.Event()

    async def slow() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(gate_to(ScriptedBroker(slow)).forward(good(), APPROVED_NS))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 1)


async def test_cancels_pass_whatever_stands(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, feed({"AAPL": [1_000_000] * 3}), ManualClock())
    book = open_book()
    gate = gate_to(broker, book)
    await gate.forward(good(), APPROVED_NS)
    book.mode, book.omega4_lifted_until_us, book.release_digest = Mode.RESEARCH, None, "none"
    book.halts |= halted(GLOBAL).halts
    await gate.cancel("primary", broker_client_id("dec_1"))
    state = await broker.order(broker_client_id("dec_1"))
    assert state is not None
    assert state.status == "CANCELED"
    await gate.cancel("primary", "wr-unknown")  # not an error
    await broker.close()


async def test_a_cancel_for_an_account_without_a_broker_says_so() -> None:
    with pytest.raises(NotFoundError):
        await gate_to(ScriptedBroker(accepts)).cancel("other", "wr-1")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (fails(ValueError("a defect")), "GATE_BROKER_ERROR"),
        (fails(OutcomeUnknownError("ERR_NETWORK")), "ERR_NETWORK"),
        (lambda: asyncio.sleep(60), "GATE_TIMEOUT"),
    ],
)
async def test_a_cancel_that_may_not_have_arrived_says_so(
    script: Callable[[], Awaitable[Any]], code: str
) -> None:
    with pytest.raises(OutcomeUnknownError) as unknown:
        await gate_to(ScriptedBroker(script), timeout_ms=50).cancel("primary", "wr-1")
    assert unknown.value.code == code


@pytest.mark.requirement("S0-01")
async def test_the_null_broker_behind_an_open_gate_sends_nothing() -> None:
    """Misconfigured, not dangerous: unknown until settlement asks, and then nothing is there."""
    broker = NullBroker({})
    submission = await gate_to(broker).forward(good(), APPROVED_NS)
    assert (submission.outcome, submission.code) == ("unknown", "GATE_BROKER_ERROR")
    assert await broker.order(submission.broker_client_id) is None


def test_the_test_log_is_signed_by_the_key_the_gate_trusts() -> None:
    assert VKEY.public == LOG_SIGNER.public
