"""Deciding past orders again under a candidate release, over a whole published log."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.policy.impact.tally import Found, Impact, Item
from gateway.policy.impact.worker import Candidate, start_worker, work
from gateway.policy.replay.pool import Workers, in_order, quiet
from gateway.policy.replay.run import Plan, Told, jobs
from gateway.policy.replay.worker import Job
from signing.tiles import FULL

ALWAYS: Final = (0, 2**53)
"""A window of market time that holds every decision."""


@dataclass(frozen=True, slots=True)
class Question:
    """What would this candidate have changed?

    Attributes:
        plan: the log and how it is worked through.
        candidate: the candidate's release folder.
        window: market time in microseconds: from the first, to before the second.
    """

    plan: Plan
    candidate: Path
    window: tuple[int, int] = ALWAYS


def impact(question: Question, told: Told, sink: Callable[[Item], None] | None = None) -> Impact:
    """Ask the candidate about every decision in the window.

    Args:
        question: what to ask.
        told: told how far it is.
        sink: handed every flip, in the log's order.

    Raises:
        ReleaseError: the candidate cannot be used.
        UnavailableError: ``replay-worker``: a process ended or hangs.
        OSError: a file cannot be read.
    """
    quiet()
    plan, whole = question.plan, Impact()
    told(0, plan.end)
    with closing(_results(question)) as results:
        for job, found in results:
            whole.add(found, sink)
            told(min(plan.end, job.bundle * FULL + job.width), plan.end)
    return whole


def _results(question: Question) -> Generator[tuple[Job, Found]]:
    plan, (since_us, until_us) = question.plan, question.window
    candidate = Candidate(plan.directory, question.candidate, since_us, until_us)
    if plan.jobs > 1:
        candidate.close()  # it can be used: a process that could not would only be gone
        arguments = (str(plan.directory), str(question.candidate), str(since_us), str(until_us))
        workers = Workers(plan.jobs, start_worker, arguments, work)
        yield from in_order(jobs(plan, 0), workers)
        return
    with closing(candidate):
        for job in jobs(plan, 0):
            yield job, candidate.decide(job)
