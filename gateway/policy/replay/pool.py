"""Bundles of a log given out to processes; what they find comes back in the log's order."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import Final, Generic, TypeVar

from gateway.domain.errors import UnavailableError
from gateway.policy.replay.worker import Job

_AHEAD: Final = 4
"""Bundles given out for each process: what waits to be added up is bounded by it."""
_BUNDLE_TIMEOUT_S: Final = 3_600

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Workers(Generic[R]):
    """How processes are set up, and what each does with a bundle.

    Attributes:
        count: how many.
        start: run once in each, with ``arguments``.
        work: what is made of one bundle; it and what it returns can be sent to a process.
    """

    count: int
    start: Callable[..., None]
    arguments: tuple[str, ...]
    work: Callable[[Job], R]


def in_order(jobs: Iterable[Job], workers: Workers[R]) -> Generator[tuple[Job, R]]:
    """Each job with what came of it, in the order of the jobs.

    Raises:
        UnavailableError: ``replay-worker``: a process ended or hangs.
    """
    waiting: deque[tuple[Job, Future[R]]] = deque()
    pool = ProcessPoolExecutor(
        workers.count, get_context("spawn"), workers.start, workers.arguments
    )
    try:
        for job in jobs:
            with _interrupts_held():  # this may start a process
                waiting.append((job, pool.submit(workers.work, job)))
            if len(waiting) >= _AHEAD * workers.count:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    except (BrokenProcessPool, TimeoutError) as error:
        raise UnavailableError(
            "replay-worker",
            "a process that decides again ended or hangs",
            "run it again (a replay goes on where it stopped); --jobs 1 works in one process",
        ) from error
    finally:
        _shut(pool)


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Hold Ctrl-C back: a process started meanwhile inherits that, and never sees one itself.

    A terminal sends Ctrl-C to every process, and one that is not set up yet would end with a
    traceback. The threads of the pool, started here too, leave it to the main thread.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Set a worker process up: it ends with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, daemon=True).start()
    quiet()


def quiet() -> None:
    """Keep the engine's own log off the terminal: every failure is counted and shown."""
    logging.getLogger("gateway.policy").addHandler(logging.NullHandler())


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _next(waiting: deque[tuple[Job, Future[R]]]) -> tuple[Job, R]:
    job, future = waiting.popleft()
    return job, future.result(_BUNDLE_TIMEOUT_S)


def _shut(pool: ProcessPoolExecutor) -> None:
    """End the processes after the bundles that they are at; a second Ctrl-C ends them at once."""
    try:
        pool.shutdown(wait=True, cancel_futures=True)
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():  # they only read: nothing is left half
            process.kill()
        with _interrupts_held():
            pool.shutdown(wait=True)
