"""Whose signatures count beside the log's own: attesters of runs, and officers who override."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from gateway.config import Settings
from gateway.control.permission import Permissions
from gateway.facts.files import Officers, OfficersFile, Watch
from gateway.facts.provenance import RunFiles, Runs
from gateway.ports import BlockingRunner, Clock
from signing.trusted import TrustedKeys


@dataclass(frozen=True, slots=True)
class Trust:
    """What the trusted files say, as of a second ago."""

    runs: Watch[Runs]
    officers: Watch[Officers]
    signed: Callable[[], TrustedKeys] | None = None
    """The officers that a trust root names; ``None``: none is configured, and the file counts."""

    def attested(self) -> Runs:
        """Which runs are attested."""
        return self.runs.value

    def officer_keys(self) -> TrustedKeys:
        """Whose overrides count."""
        return self.officers.value.keys if self.signed is None else self.signed()

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files; nothing of those counts."""
        return (*self.runs.value.problems, *self.officers.value.problems)


def run_files(settings: Settings) -> RunFiles:
    """The files that say which runs are attested, as configured."""
    return RunFiles(settings.attesters, settings.attestations, settings.run_ledger)


def officers_file(settings: Settings) -> OfficersFile:
    """The file that says whose overrides count, as configured."""
    return OfficersFile(settings.override_officers)


async def open_trust(
    settings: Settings,
    runner: BlockingRunner,
    clock: Clock,
    stack: contextlib.AsyncExitStack,
    permissions: Permissions,
) -> Trust:
    """Read the trusted files once, and again whenever they change."""
    runs = Watch(
        run_files(settings).look,
        lambda why: Runs({}, (f"runs: {why}",)),
        runner,
        clock,
    )
    officers = Watch(
        officers_file(settings).look,
        lambda why: Officers(TrustedKeys(), (f"officers: {why}",)),
        runner,
        clock,
    )
    for watch in (runs, officers):
        await watch.refresh()
        stack.push_async_callback(_end, asyncio.create_task(watch.run()))
    return Trust(runs, officers, permissions.officers if settings.trust is not None else None)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
