"""The gateway's own door, facts, turns and engine, and a ledger that keeps nothing.

`python -m bench.policy_only FOLDER`, configured by WRIT_*. What is left out is what the signed
record costs: sealing, signatures, the tree, the disk, the publication. The book changes, as it
would. RESEARCH only, because nothing could be forwarded without a permit.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from gateway.api.server import serving
from gateway.bootstrap import App, running
from gateway.config import load_settings
from gateway.ledger.journal import Journal
from gateway.pipeline import Pipeline
from gateway.ports import Batch, Committed, KeyClaim


class KeepsNothing:
    """A ledger that says yes at once and remembers nothing; questions go to the real one."""

    def __init__(self, real: Any) -> None:  # noqa: ANN401  whatever ledger was opened
        """Stand in front of an open ledger, which stays idle."""
        self._real = real
        self._next = real.size

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  as the real one's
        return getattr(self._real, name)

    async def commit(self, batch: Batch) -> Committed:
        """Number the entries and drop them."""
        first, self._next = self._next, self._next + len(batch.drafts)
        return Committed(tuple(range(first, self._next)), b"")

    async def find_key(self, principal: str, kind: str, key: str) -> KeyClaim | None:
        """Nothing was kept, so nothing is found."""
        del principal, kind, key


def without_record(app: App) -> App:
    """The same gateway, except that its pipeline records into nothing."""
    ledger: Any = KeepsNothing(app.ledger)
    journal = Journal(ledger, app.journal.book)  # the same book, so that facts go on reading it
    parts = replace(
        app.pipeline._parts,  # noqa: SLF001  the product has no such wiring, and shall not
        ledger=ledger,
        journal=journal,
    )
    return replace(app, ledger=ledger, journal=journal, pipeline=Pipeline(parts))


async def _serve(folder: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running(load_settings(data=folder / "data")) as real:
        app = without_record(real)
        core = asyncio.create_task(app.pipeline.run())
        async with serving(app, host="127.0.0.1", port=0) as address:
            sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            await stop.wait()
        core.cancel()
        await asyncio.wait([core])


def main() -> None:
    """Serve until SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
