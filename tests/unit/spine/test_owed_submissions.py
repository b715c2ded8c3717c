"""What the gate did while the ledger took nothing: entered when it can be, without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.errors import UnavailableError
from gateway.ledger import journal
from gateway.ports import Batch, Committed
from signing.lifecycle import State
from signing.verify import verify_log
from support.doors import Door, opened, problem
from support.ledgers import becomes


async def sent_without_a_submission(door: Door, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have an order sent while the ledger takes every entry but its submission."""
    commit = door.app.ledger.commit

    async def no_submissions(batch: Batch) -> Committed:
        if any(draft.kind == "submission" for draft in batch.drafts):
            raise UnavailableError("ledger-full", "the disk is full", "free space")
        return await commit(batch)

    with monkeypatch.context() as patched:
        patched.setattr(door.app.ledger, "commit", no_submissions)
        order_id: str = (await door.propose(limit_price="23.90")).json()["order_id"]
        await door.app.pipeline.quiesce()
    return order_id


@pytest.mark.requirement("W-07")
async def test_an_order_at_the_broker_is_on_the_record_once_the_ledger_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as door:
        order_id = await sent_without_a_submission(door, monkeypatch)
        await door.app.journal.repair()
        await becomes(lambda: door.app.book().orders[order_id].status is State.ACKNOWLEDGED)
        await door.app.journal.settled()
        assert (await door.app.ledger.replay()).orders[order_id].status is State.ACKNOWLEDGED
        await door.app.ledger.publish_now()
        assert verify_log(door.app.log_dir, door.app.vkey).ok


@pytest.mark.requirement("W-07")
async def test_where_not_all_of_it_could_be_kept_nothing_moves_until_a_restart_has_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "OWED_MAX", 0)
    async with opened(tmp_path) as door:
        order_id = await sent_without_a_submission(door, monkeypatch)
        size = door.app.ledger.size
        for _ in range(2):
            problem(await door.propose(), 503, "record-lost")
        problem(await door.call("GET", "/readyz", scope=None), 503, "record-lost")
        assert door.app.ledger.size == size
    async with opened(tmp_path, lifted=False) as door:
        assert door.app.book().orders[order_id].status is State.ACKNOWLEDGED
        assert (await door.call("GET", "/readyz", scope=None)).status_code == 200
