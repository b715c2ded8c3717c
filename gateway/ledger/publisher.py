"""When to publish: soon after a commit, not too often, and again after a failure.

The writer never waits for publication. If it fails, the log is as durable as before; the failure
is told by `problem` and the round is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.domain.errors import UnavailableError
from gateway.ledger.publication import Publication
from gateway.ledger.sequencer import Tip
from gateway.ledger.waiting import pause
from gateway.ports import BlockingRunner, Clock

INTERVAL_MS: Final = 200
"""Each round rewrites the edge of the tree, so that few large rounds cost less than many."""
RETRY_MS: Final = 1_000
ROUND_TIMEOUT_MS: Final = 60_000


class Publisher:
    """Runs rounds of a publication. All its state belongs to one event loop."""

    def __init__(
        self,
        publication: Publication,
        newest: Callable[[], Tip],
        runner: BlockingRunner,
        clock: Clock,
    ) -> None:
        """`newest` tells the newest durable tip."""
        self._publication = publication
        self._newest = newest
        self._runner = runner
        self._clock = clock
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._one_round = asyncio.Lock()
        self._call: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = None

    def start(self) -> None:
        """Begin; the first round catches up with what was committed before."""
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="ledger-publisher")

    def tell(self) -> None:
        """There is something new to publish."""
        self._wake.set()

    @property
    def problem(self) -> str | None:
        """Why the last round failed; None when it did not."""
        return self._problem

    @property
    def abandoned(self) -> bool:
        """Whether a round never came back: what it reads from must be left open."""
        return self._call is not None

    async def publish_now(self) -> None:
        """Return once everything that is durable now is published.

        Raises:
            UnavailableError: `log-unpublished`.
        """
        size = self._newest().size
        while self._publication.size < size:
            await self._round()
            if self._problem is not None:
                raise UnavailableError(
                    "log-unpublished",
                    self._problem,
                    "make room for, and give access to, the folder of the published log",
                )

    async def close(self) -> None:
        """End the rounds after a last one; a failure of it is left in `problem`."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})
            await self._round()

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self._wake.wait()
            self._wake.clear()
            await self._round()
            if self._problem is None:
                await pause(self._clock, INTERVAL_MS, self._closing)
            else:
                await pause(self._clock, RETRY_MS, self._closing)
                self._wake.set()

    async def _round(self) -> None:
        """Run one round, or go on waiting for one that took too long before."""
        async with self._one_round:
            if self._call is None:
                work = partial(self._publication.bring_to, self._newest())
                self._call = asyncio.ensure_future(self._runner.run(work))
            done, _ = await asyncio.wait({self._call}, timeout=ROUND_TIMEOUT_MS / 1_000)
            if not done:
                self._problem = f"publishing takes longer than {ROUND_TIMEOUT_MS} ms"
                return
            call, self._call = self._call, None
            error = call.exception()
            self._problem = None if error is None else f"{type(error).__name__}: {error}"
