"""A ledger over any store: its writer, its publisher and the questions to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from gateway.domain.book import Book, OrderState
from gateway.domain.errors import NotFoundError, UnavailableError
from gateway.ledger.certifying import Certifier
from gateway.ledger.committer import Committer
from gateway.ledger.faults import LASTING, Nature, StoreError, closed
from gateway.ledger.opening import Opened
from gateway.ledger.publisher import Publisher
from gateway.ports import Batch, BlockingRunner, Clock, Committed, Fill, KeyClaim
from signing.keys import Vkey
from signing.receipt import encode_receipt

READ_TIMEOUT_MS: Final = 30_000
REPLAY_TIMEOUT_MS: Final = 1_800_000

T = TypeVar("T")


class StoredLedger:
    """Implements `gateway.ports.Ledger`. Belongs to the event loop it was opened on."""

    def __init__(self, opened: Opened, vkey: Vkey, runner: BlockingRunner, clock: Clock) -> None:
        """Use a store's `open_ledger`. Starts the writer, the publisher and what certifies."""
        self._opened = opened
        self._vkey = vkey
        self._runner = runner
        self._closed = False
        self._publisher = Publisher(opened.publication, lambda: opened.sequencer.tip, runner, clock)
        self._committer = Committer(
            opened.sequencer, runner, clock, self._publisher.tell, opened.check_ms
        )
        self._certifier = None
        if opened.sequencer.asked_on is not None:
            self._certifier = Certifier(opened.sequencer, opened.sequencer.asked_on, clock)
            self._certifier.start()
        self._publisher.start()
        self._committer.start()

    # ---- writing

    async def commit(self, batch: Batch) -> Committed:
        """Seal, sign and store a batch; see `gateway.ports.Ledger.commit`."""
        return await self._committer.commit(batch)

    @property
    def latched(self) -> str | None:
        """Why nothing more can be recorded by this process, or None."""
        fault = self._committer.fault
        return fault.detail if fault is not None and fault.nature in LASTING else None

    @property
    def full(self) -> str | None:
        """Why nothing can be recorded until there is room again, or None."""
        return self._passing(Nature.FULL)

    @property
    def unreachable(self) -> str | None:
        """Why nothing can be recorded until the database's server answers again, or None."""
        return self._passing(Nature.AWAY)

    @property
    def uncertified(self) -> str | None:
        """Why nothing can be recorded until the identity key answers again, or None."""
        if not self._opened.sequencer.uncertified:
            return None
        return self.certificate_problem or "the identity key is being asked"

    @property
    def certificate_problem(self) -> str | None:
        """Why the identity key has not certified the next key yet, or None."""
        return None if self._certifier is None else self._certifier.problem

    def _passing(self, nature: Nature) -> str | None:
        fault = self._committer.fault
        return fault.detail if fault is not None and fault.nature is nature else None

    async def close(self) -> None:
        """Write what is queued, publish it, let go of the directory; once is enough."""
        if self._closed:
            return
        await self._committer.close()
        await self._publisher.close()
        if self._certifier is not None:
            await self._certifier.close()
        self._closed = True
        # A call that never came back still holds its connection: the process's end frees both.
        if not (self._committer.abandoned or self._publisher.abandoned):
            await self._runner.run(self._opened.close)

    # ---- the log

    @property
    def vkey(self) -> Vkey:
        """The key to verify the log and its receipts with."""
        return self._vkey

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._opened.sequencer.tip.size

    @property
    def checkpoint(self) -> bytes:
        """The newest durable checkpoint: a signed note."""
        return self._opened.sequencer.tip.checkpoint

    async def receipt(self, index: int) -> bytes:
        """The tlog-proof of a durable entry under the newest durable checkpoint.

        Raises:
            NotFoundError: `entry-unknown`.
        """
        tip = self._opened.sequencer.tip
        if not 0 <= index < tip.size:
            raise NotFoundError("entry-unknown", f"the log has no entry {index} yet")

        def work() -> bytes:
            [envelope] = self._opened.reader.envelopes(index, index + 1)
            # The proof is for the tip's size, whatever the writer appends meanwhile.
            proof = self._opened.trunk.proof(index, tip.size)
            return encode_receipt(envelope, index, proof, tip.checkpoint)

        return await self._ask(work)

    async def replay(self) -> Book:
        """Build the book anew from the log alone, up to what is durable now.

        Raises:
            BookError: an entry contradicts those before it, or an input document is gone.
        """
        size = self.size

        def work() -> Book:
            # A connection of its own: a long replay keeps no other question waiting.
            reader = self._opened.new_reader()
            try:
                return reader.replay(size)
            finally:
                reader.close()

        return await self._ask(work, REPLAY_TIMEOUT_MS)

    # ---- publication

    @property
    def published_size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._opened.publication.size

    @property
    def publication_problem(self) -> str | None:
        """Why the published log is behind, or None; it is tried again by itself."""
        return self._publisher.problem

    async def publish_now(self) -> None:
        """Return once everything that is durable now is in DIR/log.

        Raises:
            UnavailableError: `log-unpublished`.
        """
        await self._publisher.publish_now()

    # ---- questions

    async def find_key(self, principal: str, kind: str, key: str) -> KeyClaim | None:
        """The claim recorded for a caller's key."""
        return await self._ask_quick(lambda: self._opened.reader.claim(principal, kind, key))

    async def entry(self, decision_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """Index and payload of a decision."""
        return await self._ask(lambda: self._opened.reader.entry(decision_id))

    async def document(self, digest: str) -> bytes | None:
        """A document by its SHA-256."""
        return await self._ask(lambda: self._opened.reader.blob(digest))

    async def order(self, order_id: str) -> OrderState | None:
        """An order's newest durable row."""
        return await self._ask(lambda: self._opened.reader.order(order_id))

    async def orders(
        self, *, account: str | None, status: str | None, before: int | None, limit: int
    ) -> list[tuple[int, OrderState]]:
        """Order rows and their numbers, newest first, below number `before`."""
        return await self._ask(lambda: self._opened.reader.orders(account, status, before, limit))

    async def executions(self, *, account: str | None, after: int, limit: int) -> list[Fill]:
        """Executions above entry `after`, oldest first."""
        return await self._ask(lambda: self._opened.reader.executions(account, after, limit))

    async def order_of(self, broker_client_id: str) -> OrderState | None:
        """The newest durable row of the order that a broker knows by this id."""
        return await self._ask(lambda: self._opened.reader.order_of(broker_client_id))

    async def trade(self, broker_client_id: str, execution_id: str) -> Fill | None:
        """The entry of one execution, or of one correction of a trade."""
        return await self._ask_quick(
            lambda: self._opened.reader.trade(broker_client_id, execution_id)
        )

    async def trades(self, broker_client_id: str) -> list[Fill]:
        """Every execution of an order and every correction of one, oldest first."""
        return await self._ask(lambda: self._opened.reader.trades(broker_client_id))

    async def cursor(self, name: str) -> int:
        """How far a named reader has come; 0 at first."""
        return await self._ask(lambda: self._opened.reader.cursor(name))

    async def _ask(self, work: Callable[[], T], timeout_ms: int = READ_TIMEOUT_MS) -> T:
        """Run a question on a worker thread.

        Raises:
            UnavailableError: `ledger-closed`, `ledger-unreadable`.
        """
        return await self._answer(lambda: self._runner.run(work), timeout_ms)

    async def _ask_quick(self, work: Callable[[], T]) -> T:
        """As `_ask`, for what every order asks: one row by its key."""
        if self._opened.check_ms is not None:  # a server's answer takes as long as it takes
            return await self._ask(work)
        return await self._answer(lambda: self._runner.run_quick("ledger", work), READ_TIMEOUT_MS)

    async def _answer(self, ask: Callable[[], Awaitable[T]], timeout_ms: int) -> T:
        if self._closed:
            raise closed()
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                return await ask()
        except StoreError as error:
            if error.nature is Nature.AWAY:
                self._committer.suspect()  # so that readiness says so before anybody commits
            raise
        except (*self._opened.read_errors, LookupError, TimeoutError) as error:
            raise UnavailableError(
                "ledger-unreadable",
                f"the database cannot be read ({type(error).__name__}: {error})",
                "check the disk and run `writ audit verify` on the published log",
            ) from error
