"""Certificates ahead of time, where the identity key is in a vault: beside the commits.

The key is asked an hour before the certificate in force ends, and again and again until it
answers. Until then, and as long as that certificate lasts, nobody notices.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from gateway.ledger.sequencer import Sequencer
from gateway.ledger.waiting import pause
from gateway.ports import BlockingRunner, Clock
from vault.errors import ProviderError

CHECK_MS: Final = 1_000
RETRY_MS: Final = 5_000
_log = logging.getLogger(__name__)


class Certifier:
    """Has the next certificate made in time. Belongs to one event loop."""

    def __init__(self, sequencer: Sequencer, asked_on: BlockingRunner, clock: Clock) -> None:
        """`asked_on` runs what waits for the vault: none of the threads that commits need."""
        self._sequencer = sequencer
        self._asked_on = asked_on
        self._clock = clock
        self._closing = asyncio.Event()
        self._problem: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why the next certificate could not be had yet; None: nothing is known."""
        return self._problem

    def start(self) -> None:
        """Begin to look after the certificate."""
        self._task = asyncio.create_task(self._run(), name="ledger-certifier")

    async def close(self) -> None:
        """End the task; a request that is under way ends by its own limits."""
        self._closing.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        wait_ms = CHECK_MS
        while not await pause(self._clock, wait_ms, self._closing):
            wait_ms = CHECK_MS
            if not self._sequencer.certificate_due:
                continue
            try:
                await self._asked_on.run(self._sequencer.prepare_certificate)
            except Exception as error:  # noqa: BLE001  whatever it was, the key is asked again
                self._note(error)
                wait_ms = RETRY_MS
            else:
                self._problem = None

    def _note(self, error: Exception) -> None:
        """Keep why, and log it once; of what is not the vault's own word only the kind is told."""
        known = isinstance(error, ProviderError)
        told = f"{error.code}: {error.detail}" if known else type(error).__name__
        if told != self._problem:
            _log.warning("the identity key certifies no key for the time to come: %s", told)
        self._problem = told
