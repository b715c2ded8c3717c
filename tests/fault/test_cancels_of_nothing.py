"""A kill finds an order whose decision never became durable: the log must stay readable."""

import asyncio
from pathlib import Path

import apsw
import pytest

from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Submission
from gateway.domain.halt import GLOBAL
from gateway.host import SystemClock
from gateway.ledger.journal import Journal
from gateway.tracking.cancels import Cancels
from support.disks import disk
from support.ledgers import Story, faults, opened


class NoBroker:
    """A door behind which nobody knows the order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def cancel(self, account: str, broker_client_id: str) -> None:
        self.asked.append(broker_client_id)

    async def forward(self, permit: bytes, approved_ns: int) -> Submission:
        raise AssertionError


@pytest.mark.requirement("S1-01")
async def test_a_cancel_of_an_order_that_never_was_is_not_recorded(tmp_path: Path) -> None:
    story, door = Story(), NoBroker()

    def full(_name: str) -> None:
        raise apsw.FullError("injected")

    with disk() as bad:
        async with opened(tmp_path, vfs=bad.label) as ledger:
            await ledger.commit(story.opening())
            journal = Journal(ledger, await ledger.replay())
            bad.before_write = full
            with pytest.raises(UnavailableError):
                await journal.record([story.decide().drafts[0]])
            bad.before_write = lambda _name: None
            async with asyncio.timeout(60):
                while ledger.full is not None:  # noqa: ASYNC110  the ledger finds room by itself
                    await asyncio.sleep(0.05)
            # Nobody has proposed since, so the book still holds what the log does not.
            cancels = Cancels(journal, door, SystemClock())
            assert await cancels.cancel_all("ada", "OMEGA2_MANUAL", GLOBAL) == 1
            assert len(door.asked) == 1
            await journal.repair()
            await journal.settled()
    async with opened(tmp_path) as ledger:
        assert (await ledger.replay()).orders == {}
    assert faults(tmp_path / "log") == []
