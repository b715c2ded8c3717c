"""The same halt asked for twice at once: one halt, and one writer at its marker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.control.halting import Halting, Kept
from gateway.control.owed import FolderOwedHalts
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.journal import Journal
from support.ledgers import opened


class NoOrders:
    """Nothing is open, so nothing is to be cancelled."""

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        return 0


class Watched(FolderOwedHalts):
    """The real markers; sees how many write the same one at once."""

    most = 0
    _writing = 0

    async def keep(self, payload: Mapping[str, Any]) -> None:
        self._writing += 1
        self.most = max(self.most, self._writing)
        try:
            await super().keep(payload)
        finally:
            self._writing -= 1


async def test_a_kill_asked_for_many_times_at_once_has_one_marker_and_leaves_none(
    tmp_path: Path,
) -> None:
    runner = ThreadRunner()
    try:
        async with opened(tmp_path / "data") as store:
            journal = Journal(store, await store.replay())
            owed = Watched(tmp_path / "owed", runner)
            stops = Halting(journal, NoOrders(), SystemClock(), OsEntropy(), owed, store.replay)

            async def kill() -> Halt:
                return await stops.halt(
                    cause="OMEGA2_MANUAL", scope=GLOBAL, by="ada", clear_by="admin", cancels=True
                )

            halts = await asyncio.gather(*(kill() for _ in range(8)))
            assert len({halt.halt_id for halt in halts}) == 1
            assert owed.most == 1
            assert stops.kept(halts[0].halt_id) is Kept.LOG
            assert list((tmp_path / "owed").iterdir()) == []
    finally:
        runner.close()
