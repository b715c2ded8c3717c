"""Deciding every recorded decision again, from a published log alone.

What is decided on is proven first: the tiles lead to the signed root, a bundle to its tile, a
document and every part of a release to the digests that its entries name. Then each document goes
to the engine in WebAssembly with the release that its decision names, and what comes out is
compared with what is recorded, byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from gateway.policy.replay.pool import Workers, in_order, quiet
from gateway.policy.replay.process import start_worker, work
from gateway.policy.replay.state import Reached, StateFile
from gateway.policy.replay.tally import Tally
from gateway.policy.replay.worker import Job, Replayer
from signing.tiles import FULL
from signing.verification.roots import BundleRoots

ENGINE: Final = f"opa-wasm by opa-py-wasm {version('opa-py-wasm')}"
"""What decides again."""

BUNDLES_PER_JOB: Final = 4
"""A process takes half a second to start: fewer bundles than this are not worth one."""

Told = Callable[[int, int], None]
"""Told how many entries are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay.

    Attributes:
        directory: the published log.
        roots: its bundles' roots, proven against a checkpoint.
        decide_from: index of the first entry to be decided again.
        decide_to: index behind the last one; ``None``: to the end.
        jobs: processes; 1: this one.
        stop_at_first: end at the first bundle with a difference.
    """

    directory: Path
    roots: BundleRoots
    decide_from: int = 0
    decide_to: int | None = None
    jobs: int = 1
    stop_at_first: bool = False

    @property
    def end(self) -> int:
        """The index behind the last entry that is read."""
        size = self.roots.checkpoint.size
        return size if self.decide_to is None else min(self.decide_to, size)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result: what was found, from where an earlier run was continued, and how far it got."""

    tally: Tally
    resumed_from: int
    reached: int


def default_jobs(entries: int) -> int:
    """As many processes as there are cores, fewer for a short log."""
    return max(1, min(os.cpu_count() or 1, entries // (BUNDLES_PER_JOB * FULL)))


def replay(plan: Plan, state: StateFile | None, told: Told) -> Replayed:
    """Decide again; the state file, if any, is up to date after every bundle.

    Raises:
        RefusedError, RewrittenLogError: the state file does not fit.
        UnavailableError: ``replay-worker``: a process ended or hangs.
        OSError: a file cannot be read or written.
    """
    quiet()
    before = state.load(plan.roots) if state is not None else None
    start = before.next_index if before else 0
    tally, reached = (before.tally if before else Tally()), start
    told(reached, plan.end)
    if state is not None:  # a file that cannot be written is better known now than in an hour
        state.save(plan.roots, Reached(reached, tally))
    with closing(_results(plan, start)) as results:
        for end, found in results:
            tally.add(found)
            reached = end
            if state is not None:
                state.save(plan.roots, Reached(reached, tally))
            told(reached, plan.end)
            if plan.stop_at_first and not tally.sound:
                break
    return Replayed(tally, start, max(reached, min(start, plan.end)))


def jobs(plan: Plan, start: int) -> Iterator[Job]:
    """The bundles from an index on; those before ``decide_from`` tell of releases."""
    size = plan.roots.checkpoint.size
    for bundle in range(start // FULL, -(-plan.end // FULL)):
        if max(start, bundle * FULL) >= plan.end:
            return
        width = min(FULL, size - bundle * FULL)
        yield Job(bundle, width, plan.roots.root_of(bundle), start, plan.decide_from, plan.end)


def _end(plan: Plan, job: Job) -> int:
    return min(job.bundle * FULL + job.width, plan.end)


def _results(plan: Plan, start: int) -> Generator[tuple[int, Tally]]:
    """The tally of each bundle in the log's order, with the index behind what it covers."""
    if plan.jobs > 1:
        workers = Workers(plan.jobs, start_worker, (str(plan.directory),), work)
        with closing(in_order(jobs(plan, start), workers)) as found:
            for job, tally in found:
                yield _end(plan, job), tally
        return
    with closing(Replayer(plan.directory)) as replayer:
        for job in jobs(plan, start):
            yield _end(plan, job), replayer.decide(job)
