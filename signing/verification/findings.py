"""What a verification found, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from signing.keyring import Tenure

STEP_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "checkpoint",
        2: "tiles",
        3: "bundles",
        4: "genesis",
        5: "signatures",
        6: "records",
        7: "life cycle",
        8: "documents",
        9: "earlier checkpoint",
    }
)


_ALWAYS_COUNTED: Final = ("documents", "documents absent", "documents unnamed", "files ahead")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification.

    Attributes:
        number: its place, from 1.
        name: a word or two.
        ok: whether it found nothing wrong.
        detail: what was verified, or what is wrong.
    """

    number: int
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a verification.

    Attributes:
        ok: whether every step passed.
        size: entries under the checkpoint; 0 where the checkpoint is not valid.
        root: the checkpoint's root in hexadecimal; empty where the checkpoint is not valid.
        steps: every step in order.
        first_bad_index: the lowest index of an entry that cannot be trusted; None where all can,
            or where no entry can be named because the checkpoint itself is not valid.
        counts: entries by kind, and `documents`, `documents absent`, `documents unnamed`,
            `files ahead` (published before their checkpoint).
        keys: every identity and decision key that the log brought in, in order.
    """

    ok: bool
    size: int
    root: str
    steps: tuple[Step, ...]
    first_bad_index: int | None
    counts: Mapping[str, int]
    keys: tuple[Tenure, ...]


class Findings:
    """Collects faults while the log is read. Of each step, the fault at the lowest index counts.

    Attributes:
        counts: what was seen, by name.
        unproven: set where the root is wrong and no entry can be blamed for it.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(_ALWAYS_COUNTED, 0))
        self.unproven = False
        self._worst: dict[int, tuple[int | None, str]] = {}
        self._faults: Counter[int] = Counter()

    def fault(self, step: int, index: int | None, reason: str) -> None:
        """Note that `step` fails at entry `index`, or at no entry that can be named."""
        self._faults[step] += 1
        at, _ = self._worst.get(step, (None, ""))
        if step not in self._worst or (index is not None and (at is None or index < at)):
            self._worst[step] = (index, reason)

    def clean(self, step: int) -> bool:
        """Tell whether `step` has found nothing wrong so far."""
        return step not in self._worst

    def step(self, number: int, detail: str) -> Step:
        """Close a step; `detail` stands where nothing was wrong."""
        if self.clean(number):
            return Step(number, STEP_NAMES[number], ok=True, detail=detail)
        index, reason = self._worst[number]
        place = "" if index is None else f"entry {index}: "
        more = self._faults[number] - 1
        others = f" (and {more} more)" if more else ""
        return Step(number, STEP_NAMES[number], ok=False, detail=f"{place}{reason}{others}")

    def first_bad_index(self) -> int | None:
        """Return the lowest index that any step found wrong, None where none was.

        Under a wrong root no entry is proven: if none shows a fault of its own, that is entry 0.
        """
        named = [index for index, _ in self._worst.values() if index is not None]
        return min(named, default=0 if self.unproven else None)
