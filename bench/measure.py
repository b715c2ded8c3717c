"""Figures with their spread, and the way all of them are taken: round by round, interleaved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, TypeVar

T = TypeVar("T")
_THOUSAND: Final = 1_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value: the median of its rounds, and the lowest and highest of them."""

    value: float
    spread: tuple[float, float]
    unit: str
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> Figure:
        """The figure of one value a round."""
        return cls(median(values), (min(values), max(values)), unit, len(values))

    def document(self) -> dict[str, Any]:
        """As results.json has it."""
        return {
            "value": significant(self.value),
            "spread": [significant(bound) for bound in self.spread],
            "unit": self.unit,
            "rounds": self.rounds,
        }

    def __str__(self) -> str:
        low, high = self.spread
        return f"{written(self.value)} ({written(low)}..{written(high)}) {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; a smaller scale proves that the harness runs and measures nothing."""

    name: str
    rounds: int
    warm_ms: int
    measured_ms: int
    calls: int
    """Requests of a round that is ended by their number, not by time."""
    log_sizes: tuple[int, ...]
    """Entries; the first is what the others are compared with."""
    instrument_counts: tuple[int, ...]
    """As the sizes of the log."""
    read_entries: int
    """Entries of the log that is verified and decided again."""


DEFAULT = Scale("default", 5, 700, 3_000, 600, (1_000, 100_000), (10, 1_000, 100_000), 10_000)
FULL = Scale("full", 5, 700, 3_000, 600, (1_000, 100_000, 1_000_000), (10, 1_000, 100_000), 10_000)
QUICK = Scale("quick", 3, 300, 1_000, 200, (1_000, 10_000), (10, 1_000), 1_000)
SMOKE = Scale("smoke", 1, 200, 2_500, 80, (200, 400), (10, 30), 100)


@dataclass(slots=True)
class Findings:
    """What a measurement found: figures by their key, and tables and sentences around them."""

    figures: dict[str, Figure] = field(default_factory=dict[str, Figure])
    tables: list[Table] = field(default_factory=list["Table"])
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class BenchError(Exception):
    """A measurement did not measure what it says; no figure is made of it."""


def interleaved(rounds: int, parts: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run every part once a round, so that what the machine does meanwhile meets all of them."""
    found: dict[str, list[T]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, part in parts.items():
            found[name].append(part())
    return found


def ratios(over: Sequence[float], under: Sequence[float], unit: str = "times") -> Figure:
    """The ratio within each round, and the median of those."""
    return Figure.of([a / b for a, b in zip(over, under, strict=True)], unit)


def significant(value: float) -> float:
    """To four significant digits: more would be noise."""
    return float(f"{value:.4g}")


def written(value: float) -> str:
    """A figure for people."""
    if abs(value) >= _THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.3g}"
