"""The processes of a replay: each has its own engines, and ends with the process it works for."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from pathlib import Path

from gateway.policy.replay.tally import Tally
from gateway.policy.replay.worker import Job, Replayer

_here: list[Replayer] = []
"""The one replayer of a worker process."""


def start_worker(directory: str) -> None:
    """Set a worker process up: it ends with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet()
    _here.append(Replayer(Path(directory)))


def work(job: Job) -> Tally:
    """Decide one bundle in a worker process."""
    return _here[0].decide(job)


def quiet() -> None:
    """Keep the engine's own log off the terminal: every failure is counted and shown."""
    logging.getLogger("gateway.policy").addHandler(logging.NullHandler())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
