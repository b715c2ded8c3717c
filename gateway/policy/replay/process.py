"""The processes of a replay: each has its own engines."""

from __future__ import annotations

from pathlib import Path

from gateway.policy.replay.pool import end_with_parent
from gateway.policy.replay.tally import Tally
from gateway.policy.replay.worker import Job, Replayer

_here: list[Replayer] = []
"""The one replayer of a worker process."""


def start_worker(directory: str) -> None:
    """Set a worker process up for a published log."""
    end_with_parent()
    _here.append(Replayer(Path(directory)))


def work(job: Job) -> Tally:
    """Decide one bundle in a worker process."""
    return _here[0].decide(job)
