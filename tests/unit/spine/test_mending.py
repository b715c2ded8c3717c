"""After a ledger that took nothing: the book is put right without anybody proposing an order."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import pipeline
from gateway.bootstrap import running
from gateway.config import Settings
from gateway.domain.errors import UnavailableError
from gateway.domain.halt import GLOBAL
from gateway.ports import Batch, Committed
from support.ledgers import becomes


async def test_a_halt_that_is_owed_is_entered_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "MEND_INTERVAL_MS", 20)
    settings = Settings(data=tmp_path / "data")
    async with running(settings) as app:
        commit, under_way = app.ledger.commit, True

        async def refuse(batch: Batch) -> Committed:
            if under_way:
                raise UnavailableError("ledger-busy", "too much waits", "try again")
            return await commit(batch)

        monkeypatch.setattr(app.ledger, "commit", refuse)
        halt = await app.halting.halt(
            cause="OMEGA2_MANUAL", scope=GLOBAL, by="ada", clear_by="admin"
        )
        assert halt.halt_id in app.book().halts
        assert (await app.ledger.replay()).halts == {}
        before, under_way = app.ledger.size, False
        await becomes(lambda: app.ledger.size > before)
        assert halt.halt_id in (await app.ledger.replay()).halts
        assert halt.halt_id in app.book().halts
