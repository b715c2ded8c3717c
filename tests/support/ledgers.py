"""Ledgers to test with: real signing, real disk, and a story that a gateway could have told.

`Story` makes batches as the pipeline does: each draft is applied to a book at once, and the rows
that it changed go along. So whatever a test commits can be replayed and verified.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.domain.book import Book, OrderState
from gateway.domain.projection import apply
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.postgresql import ledger as postgresql
from gateway.ledger.postgresql.session import Address
from gateway.ledger.sqlite import SqliteLedger, open_ledger
from gateway.ports import Batch, Draft, KeyClaim
from signing import canonical
from signing.keys import Vkey
from signing.lifecycle import State
from signing.verify import Report, verify_log
from support import logs
from support.logs import ORIGIN, seeded
from support.postgres import shared_server

LOG_SIGNER = seeded(1)
IDENTITY = seeded(2)
VKEY = Vkey(ORIGIN, LOG_SIGNER.public)
RELEASE_FILES = {name: f"the {name}".encode() for name in ("release", "bundle", "wasm", "data")}
SYMBOLS = ("AAPL", "MSFT", "XOM")

Payload = dict[str, Any]


def _parts(runner: ThreadRunner) -> dict[str, Any]:
    """What every ledger here is opened with."""
    return {
        "origin": ORIGIN,
        "log_signer": LOG_SIGNER,
        "identity_signer": IDENTITY,
        "clock": SystemClock(),
        "entropy": OsEntropy(),
        "runner": runner,
    }


@asynccontextmanager
async def opened(directory: Path, **overrides: Any) -> AsyncIterator[SqliteLedger]:
    """A ledger in `directory`, closed at the end; keyword arguments as for `open_ledger`."""
    runner = ThreadRunner()
    try:
        ledger = await open_ledger(directory, **{**_parts(runner), **overrides})
        try:
            yield ledger
        finally:
            await ledger.close()
    finally:
        runner.close()


@asynccontextmanager
async def opened_on(
    directory: Path, address: Address, **overrides: Any
) -> AsyncIterator[postgresql.PostgresLedger]:
    """A ledger in a PostgreSQL database, published in `directory`; closed at the end."""
    runner = ThreadRunner()
    try:
        ledger = await postgresql.open_ledger(directory, address, **{**_parts(runner), **overrides})
        try:
            yield ledger
        finally:
            await ledger.close()
    finally:
        runner.close()


_DATABASES: dict[Path, str] = {}


def opened_on_postgresql(
    directory: Path, **overrides: Any
) -> AbstractAsyncContextManager[postgresql.PostgresLedger]:
    """A ledger in a database that goes with the directory, made when it is first asked for."""
    server = shared_server()
    if directory not in _DATABASES or not directory.exists():
        _DATABASES[directory] = server.new_database()
    return opened_on(directory, Address(server.url(_DATABASES[directory])), **overrides)


def verified(folder: Path) -> Report:
    """The report on a published log, under the key that these ledgers are begun with."""
    return verify_log(folder, VKEY)


def faults(folder: Path) -> list[str]:
    """What is wrong with a published log: empty when it verifies."""
    return [f"{step.number}: {step.detail}" for step in verified(folder).steps if not step.ok]


async def becomes(truth: Callable[[], bool]) -> None:
    """Wait for what a background task brings about."""
    async with asyncio.timeout(60):
        while not truth():  # noqa: ASYNC110  what is waited for is seen from outside only
            await asyncio.sleep(0.01)


def copy_log(folder: Path, target: Path) -> None:
    """Copy a published log that is growing, as docs/record-format.md says: last written first.

    Each folder is listed only when its turn comes, so that it holds at least what those before
    it spoke of.
    """
    target.mkdir()
    shutil.copy(folder / "checkpoint", target)
    hashes = sorted(path for path in (folder / "tile").iterdir() if path.name != "entries")
    for part in (*hashes, folder / "tile" / "entries", folder / "blobs"):
        for path in sorted(part.rglob("*")):
            if path.is_dir():
                continue
            place = target / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # superseded meanwhile
                shutil.copy(path, place)


class SetClock(SystemClock):
    """Real waits, and a wall clock that a test sets."""

    def __init__(self, wall_us: int) -> None:
        super().__init__()
        self.now_us = wall_us

    def wall_us(self) -> int:
        return self.now_us


class Story:
    """Batches that can follow each other, and the book that they add up to."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.book = Book()
        self.number = 0

    def batch(self, *drafts: Draft, keys: Iterable[KeyClaim] = (), **cursors: int) -> Batch:
        """Apply drafts to the book and put them in a batch with the rows that they change."""
        rows: dict[str, OrderState] = {}
        for draft in drafts:
            for row in apply(self.book, draft.kind, draft.payload, draft.document):
                rows[row.order_id] = row
        return Batch(drafts, tuple(rows.values()), tuple(keys), cursors)

    def opening(self) -> Batch:
        """Release, mode, the lifted Ω4, a statement and the day's start."""
        digests = {f"{name}_digest": canonical.digest(b) for name, b in RELEASE_FILES.items()}
        release = {**digests, "revision": "r1", "label": "unsigned", "by": "configuration"}
        lift = {"lifted": True, "by": "alice", "reason": "a test", "until_us": "none"}
        statement = {
            "account": "main",
            "broker": "simulator",
            "cash_micros": 100_000_000_000,
            "positions": {"AAPL": {"qty": 10, "qty_decimals": 0}},
            "source": "start",
        }
        return self.batch(
            Draft("release", release, tuple(RELEASE_FILES.values())),
            Draft("mode", {"mode": "SIMULATION", "by": "configuration"}),
            Draft("omega4", lift),
            Draft("statement", statement),
            Draft("day", logs.day()),
        )

    def decision(
        self, *, allow: bool = True, symbol: str = "AAPL", qty: int = 100, **changes: Any
    ) -> Draft:
        """A decision on a new order; `changes` replace fields of its payload."""
        self.number += 1
        name = f"{self.prefix}{self.number}"
        payload = {**logs.decision_payload(self.number, allow=allow), **_ids(name), **changes}
        ids = ("decision_id", "order_id", "client_order_id", "principal")
        document = {
            "v": 1,
            "salt": f"{self.number:032x}",
            "ids": {key: payload[key] for key in ids},
            "order": {
                "account": "main",
                "strategy_id": "none",
                "symbol": symbol,
                "side": "buy",
                "type": "limit",
                "time_in_force": "day",
                "qty": qty,
                "qty_decimals": 0,
                "price_decimals": 2,
                "limit_price": 10_400,
                "stop_price": "none",
            },
        }
        data = canonical.encode(document)
        payload["input_digest"] = canonical.digest(data)
        return Draft("decision", payload, (data,), document)

    def decide(self, **how: Any) -> Batch:
        """A decision with both of its caller's keys."""
        draft = self.decision(**how)
        return self.batch(draft, keys=claims(draft.payload))

    def submit(self, order: OrderState, outcome: str = "accepted") -> Batch:
        return self.batch(_about("submission", order, logs.submission(0, outcome)))

    def execute(self, order: OrderState, qty: int) -> Batch:
        self.number += 1
        fields = {**logs.execution(0, qty), "execution_id": f"e{self.prefix}{self.number}"}
        return self.batch(
            _about("execution", order, {**fields, "symbol": order.symbol}), simulator=self.number
        )

    def cancel(self, order: OrderState) -> Batch:
        return self.batch(_about("cancel", order, logs.cancel(0)))

    def status(self, order: OrderState, state: State) -> Batch:
        return self.batch(_about("status", order, logs.status(0, state)))

    def halt(self) -> Batch:
        self.number += 1
        return self.batch(Draft("halt", {**logs.halt(0), "halt_id": self._halt_id()}))

    def resume(self, halt_id: str) -> Batch:
        return self.batch(Draft("resume", {**logs.resume(0), "halt_id": halt_id}))

    def day(self) -> Batch:
        return self.batch(Draft("day", logs.day()))

    def next(self, rng: random.Random) -> Batch:
        """Any batch that may come next."""
        orders = self.book.open_orders()
        if not orders or rng.random() < 0.4:
            return self._next_decisions(rng)
        order = rng.choice(orders)
        match order.status:
            case State.CREATED:
                return self.submit(
                    order, rng.choice(["accepted", "accepted", "unknown", "rejected"])
                )
            case State.UNKNOWN:
                outcome = rng.choice(["adopted", "absent"])
                return self.batch(_about("settlement", order, logs.settlement(0, outcome)))
            case State.PENDING_CANCEL:
                return self.status(order, State.CANCELED)
            case _:
                if rng.random() < 0.2:
                    return self.cancel(order)
                return self.execute(order, rng.randint(1, order.leaves_qty))

    def _next_decisions(self, rng: random.Random) -> Batch:
        if rng.random() < 0.1:
            standing = list(self.book.halts)
            if standing:
                return self.resume(standing[0])
            return rng.choice([self.halt, self.day])()
        free = not self.book.halts
        drafts = [
            self.decision(allow=free and rng.random() < 0.7, symbol=rng.choice(SYMBOLS))
            for _ in range(rng.randint(1, 4))
        ]
        return self.batch(*drafts, keys=[claim for d in drafts for claim in claims(d.payload)])

    def _halt_id(self) -> str:
        return f"h{self.prefix}{self.number}"


def claims(decision: Mapping[str, Any]) -> tuple[KeyClaim, KeyClaim]:
    """Both keys of a decision's caller."""
    status = 201 if decision["allow"] else 403
    bound = (decision["decision_id"], decision["order_id"], status)
    digest = canonical.digest(b"the request")
    key = decision["client_order_id"]
    return (
        KeyClaim(decision["principal"], "idempotency", f"k-{key}", digest, *bound),
        KeyClaim(decision["principal"], "client_order_id", key, digest, *bound),
    )


def _ids(name: str) -> Payload:
    return {
        "decision_id": f"d{name}",
        "order_id": f"o{name}",
        "client_order_id": f"c{name}",
        "broker_client_id": f"W-{name}",
    }


def _about(kind: str, order: OrderState, fields: Payload) -> Draft:
    """A draft about an order, its ids those of the order."""
    ids = {
        key: getattr(order, key)
        for key in ("decision_id", "order_id", "broker_client_id")
        if key in fields
    }
    return Draft(kind, {**fields, **ids})
