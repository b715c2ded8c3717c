"""Many worlds, one after the other, and what became of them all."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import gateway.host
from simulation.release import shared_release
from simulation.world import EVENTS, Told, World

MEMORY: Final = Path("/dev/shm")
CHUNK: Final = 10
"""Seeds that a process takes at a time."""
COLLECT_EVERY: Final = 10
"""Worlds, until what refers to itself in circles is collected."""
SHOWN: Final = 40
"""Lines of a broken world's history that are told."""


@dataclass(slots=True)
class Tally:
    """What many worlds add up to."""

    worlds: int = 0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    unknown: int = 0
    by_hand: int = 0
    known_after_ms: list[int] = field(default_factory=list[int])
    broken: list[Told] = field(default_factory=list[Told])

    def add(self, told: Told) -> None:
        """Count one more world."""
        self.worlds += 1
        self.events += told.events
        self.faults.update(told.faults)
        self.counts.update(told.counts)
        self.unknown += told.unknowns.all
        self.by_hand += told.unknowns.by_hand
        self.known_after_ms += told.unknowns.known_after_ms
        if told.broken:
            self.broken.append(told)

    def merge(self, other: Tally) -> None:
        """Count what another has counted."""
        self.worlds += other.worlds
        self.events += other.events
        self.faults.update(other.faults)
        self.counts.update(other.counts)
        self.unknown += other.unknown
        self.by_hand += other.by_hand
        self.known_after_ms += other.known_after_ms
        self.broken += other.broken


def simulate(
    seeds: Iterable[int], *, events: int = EVENTS, only: frozenset[str] | None = None
) -> Tally:
    """Run the worlds of some seeds; ``only`` keeps some kinds of faults and drops the others."""
    tally = Tally()
    collects = gc.isenabled()
    gc.disable()  # nearly everything goes without its help
    # What a gateway logs while everything around it fails is nobody's to read.
    disabled, _ = logging.root.manager.disable, logging.disable(logging.CRITICAL)
    try:
        for seed in seeds:
            tally.add(simulate_one(seed, events=events, only=only))
            if tally.worlds % COLLECT_EVERY == 0:
                gc.collect()
    finally:
        if collects:
            gc.enable()
        logging.disable(disabled)
    return tally


def simulate_one(seed: int, *, events: int = EVENTS, only: frozenset[str] | None = None) -> Told:
    """Run one world, in a folder of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="writ-world-", dir=_memory()) as folder:
        return World(seed, Path(folder) / "w", events=events, only=only).play()


def simulate_on(
    workers: int, seeds: range, *, only: frozenset[str] | None = None
) -> Iterator[Tally]:
    """The same on several processes, some seeds at a time."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=prepare) as pool:
        under_way = [pool.submit(simulate, chunk, only=only) for chunk in chunks]
        for one in under_way:
            yield one.result()


def prepare() -> None:
    """Load what every world shares, and keep the garbage collector away from it."""
    shared_release()
    gateway.host.keep_loaded()


def story(told: Told) -> str:
    """A broken world in words: its seed, what broke, which faults it saw, and how it came."""
    lines = [
        f"seed {told.seed}: replay it with `make simulate SEEDS={told.seed}:{told.seed + 1}`",
        *(f"  broken: {line}" for line in told.broken),
        f"  faults: {dict(sorted(told.faults.items()))}",
        *(f"    {line}" for line in told.trace[-SHOWN:]),
    ]
    return "\n".join(lines)


def _memory() -> Path | None:
    return MEMORY if os.access(MEMORY, os.W_OK) else None
