"""What tests of market and brokers are built from: real feeds, real permits, a settable clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gateway.brokers.contract import AccountTerms, BrokerParts, WorthAt, plain
from gateway.brokers.simulator.adapter import SimulatorBroker, open_simulator
from gateway.domain.ids import broker_client_id
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.market.closes import Series, quote_us
from gateway.market.historical import HistoricalFeed
from gateway.market.spread import Liquidity, QuoteModel
from signing import canonical
from signing.checkpoint import Checkpoint, sign_checkpoint
from signing.envelope import seal
from signing.keys import Ed25519Signer, Vkey
from signing.merkle import Tree, leaf_hash
from signing.receipt import encode_permit, encode_receipt

T = TypeVar("T")

CASH_MICROS = 100_000_000_000
"""100,000 units."""

RELEASE_DIGEST = "ab" * 32

DOOR = {
    "approval_age_max_ms": 300_000,
    "close_buffer_min_ms": 900_000,
    "quote_age_max_ms": 15_000,
    "spread_max_bps": 200,
}
"""The thresholds of a decision that allows."""


@dataclass
class ManualClock:
    """A clock that stands until it is set; waits take real time."""

    wall: int = 1_700_000_000_000_000
    market: int = quote_us("2015-01-05")
    monotonic: int = 10**12

    def wall_us(self) -> int:
        return self.wall

    def market_us(self) -> int:
        return self.market

    def monotonic_ns(self) -> int:
        return self.monotonic

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)


class ThreadRunner:
    """Blocking work on threads, as in production."""

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.to_thread(work)

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        return self.run(work)


SESSIONS = (
    "2015-01-05",
    "2015-01-06",
    "2015-01-07",
    "2015-01-08",
    "2015-01-09",
    "2015-01-12",
    "2015-01-13",
    "2015-01-14",
)


def series(values_e4: Sequence[int], sessions: Sequence[str] = SESSIONS) -> Series:
    """A column: one value for each of the first sessions."""
    used = tuple(sessions[: len(values_e4)])
    return Series(used, tuple(quote_us(s) for s in used), tuple(values_e4))


def feed(
    closes_e4: Mapping[str, Sequence[int]],
    *,
    turnover_units: int = 390_000_000,
    half_spread_bps: int = 1,
    index_e4: int = 150_000,
) -> HistoricalFeed:
    """A calm market: the given closes, one million a minute changing hands."""
    return HistoricalFeed(
        {symbol: series(values) for symbol, values in closes_e4.items()},
        series([index_e4] * len(SESSIONS)),
        QuoteModel({}, Liquidity(half_spread_bps, turnover_units), 200_000),
    )


def broker_order(client_id: str = "wr-1", qty: int = 10, **changes: object) -> BrokerOrder:
    """A market order to buy AAPL, protected at 150.00."""
    base = BrokerOrder(
        broker_client_id=client_id,
        account="primary",
        symbol="AAPL",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        qty=qty,
        qty_decimals=0,
        price_decimals=4,
        limit_price=None,
        stop_price=None,
        protection_price=1_500_000,
    )
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]  the caller names fields


def limit_order(client_id: str = "wr-1", qty: int = 10, **changes: object) -> BrokerOrder:
    """A limit order to buy AAPL at 100.00."""
    return broker_order(
        client_id,
        qty,
        **{
            "type": OrderType.LIMIT,
            "limit_price": 1_000_000,
            "protection_price": None,
            **changes,
        },
    )


async def simulator(
    directory: Path,
    market: HistoricalFeed,
    clock: ManualClock,
    settings: Mapping[str, int] | None = None,
    accounts: Mapping[str, AccountTerms] | None = None,
    worth: WorthAt = plain,
) -> SimulatorBroker:
    """A simulator on ``directory`` with one account of 100,000, or the given ones."""
    terms = accounts or {"primary": AccountTerms(CASH_MICROS)}
    return await open_simulator(
        BrokerParts(terms, settings or {}, directory, market, clock, ThreadRunner(), worth)
    )


LOG_SIGNER = Ed25519Signer.from_seed(b"\x01" * 32)
ENTRY_SIGNER = Ed25519Signer.from_seed(b"\x02" * 32)
VKEY = Vkey("test.local/log", LOG_SIGNER.public)


def document(
    decision_id: str = "dec_1", fields: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """An input document with a limit order to buy 10 AAPL at 100.00, or other ``fields``."""
    return {
        "v": 1,
        "salt": "00" * 16,
        "ids": {
            "decision_id": decision_id,
            "order_id": "ord_" + decision_id,
            "client_order_id": "none",
            "principal": "desk",
        },
        "order": {
            "account": "primary",
            "symbol": "AAPL",
            "side": "buy",
            "type": "limit",
            "time_in_force": "day",
            "qty": 10,
            "qty_decimals": 0,
            "price_decimals": 4,
            "limit_price": 1_000_000,
            "stop_price": "none",
            "strategy_id": "none",
            "qty_e8": 1_000_000_000,
            "worst_price": 1_000_000,
            "reduce_only": False,
            "extended_hours": False,
        }
        | dict(fields or {}),
    }


def decision(input_document: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """A decision that allows the document's order, in SIMULATION, good for 5 minutes."""
    decision_id = input_document["ids"]["decision_id"]
    return {
        "at_us": 1_700_000_000_000_000,
        "decision_id": decision_id,
        "order_id": input_document["ids"]["order_id"],
        "account": input_document["order"]["account"],
        "principal": "desk",
        "client_order_id": "none",
        "broker_client_id": broker_client_id(decision_id),
        "mode": "SIMULATION",
        "label": "none",
        "market_us": quote_us("2015-01-05"),
        "input_digest": canonical.digest(canonical.encode(input_document)),
        "release_digest": RELEASE_DIGEST,
        "engine": {"name": "opa-wasm", "version": "1.21.3"},
        "allow": True,
        "verdict": {
            "allow": True,
            "required": ["INP-01"],
            "passed": ["INP-01"],
            "reasons": [],
            "proofs": [{"control": "INP-01"}],
            "halts": [],
            "door": dict(DOOR),
        },
        "failure": "none",
    } | changes


def permit(
    payload: Mapping[str, Any],
    input_document: Mapping[str, Any],
    *,
    log_signer: Ed25519Signer = LOG_SIGNER,
    kind: str = "decision",
) -> bytes:
    """The bytes of a permit as a real log of one entry would prove it."""
    envelope = seal(kind, payload, ENTRY_SIGNER)
    tree = Tree()
    tree.append(leaf_hash(envelope))
    note = sign_checkpoint(Checkpoint("test.local/log", 1, tree.root()), log_signer)
    receipt = encode_receipt(envelope, 0, tree.inclusion_proof(0), note)
    return encode_permit(receipt, canonical.encode(input_document))
