"""What a replay has found so far: counts for each engine, and the first few of everything odd.

A tally is made for each bundle and added to the whole in the log's order, so that the first
difference is the first one in the log, however many processes worked. Whatever a log holds, a
tally stays small: lists keep their first items and counts go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEPT_MAX: Final = 20
"""How many differences, damages, failures and missing documents are named."""

ROWS_MAX: Final = 200
"""How many combinations of engine and release are told apart."""

RELEASES_MAX: Final = 10_000

EQUAL: Final = "equal"
DIFFERENT: Final = "different"
FAILED: Final = "failed"
NOT_REPLAYABLE: Final = "not_replayable"
RESULTS: Final = (EQUAL, DIFFERENT, FAILED, NOT_REPLAYABLE)

_OTHER: Final = ("other", "other", "other")
_LISTS: Final = ("differences", "missing", "failures", "damages")

Item = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Counts and findings; every field is plain data, to be sent and stored.

    Attributes:
        rows: for each (engine, version, release digest) how many decisions had which result.
        differences: the first ones, with both verdicts and a small diff.
        missing: the first documents that are needed and absent.
        failures: the first denials by failure, with what the engine says now.
        damages: the first things that are not what the log says they are.
        damage_count: how many there were of these in all.
        replayers: by release digest, the revision and the engine that decided again.
        releases: by digest, the index of the release's first entry.
        named: by release digest, the index of the first decision that names it.
    """

    rows: dict[tuple[str, str, str], dict[str, int]] = field(
        default_factory=dict[tuple[str, str, str], dict[str, int]]
    )
    differences: list[Item] = field(default_factory=list[Item])
    missing: list[Item] = field(default_factory=list[Item])
    failures: list[Item] = field(default_factory=list[Item])
    damages: list[Item] = field(default_factory=list[Item])
    damage_count: int = 0
    replayers: dict[str, Item] = field(default_factory=dict[str, Item])
    releases: dict[str, int] = field(default_factory=dict[str, int])
    named: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, payload: Mapping[str, Any], result: str) -> None:
        """Count one decision under the engine and the release that it names."""
        engine = payload["engine"]
        self._row((engine["name"], engine["version"], payload["release_digest"]))[result] += 1

    def damage(self, index: int, detail: str) -> None:
        """Note that something at an entry is not what the log says it is."""
        self.damage_count += 1
        keep(self.damages, {"index": index, "detail": detail})

    def total(self, result: str) -> int:
        """How many decisions had this result."""
        return sum(row[result] for row in self.rows.values())

    @property
    def decisions(self) -> int:
        """How many decisions were looked at."""
        return sum(self.total(result) for result in RESULTS)

    @property
    def sound(self) -> bool:
        """Whether nothing differed and nothing was damaged."""
        return not self.damage_count and not self.total(DIFFERENT)

    def add(self, later: Tally) -> None:
        """Add what was found in the next bundle."""
        for key, counts in later.rows.items():
            row = self._row(key)
            for result in RESULTS:
                row[result] += counts[result]
        for digest, index in later.named.items():
            if digest not in self.releases and later.releases.get(digest, index) >= index:
                later.damage(index, f"it names release {digest}, which no entry before it has")
        for name in _LISTS:
            for item in getattr(later, name):
                keep(getattr(self, name), item)
        self.damage_count += later.damage_count
        self._add_releases(later)

    def _add_releases(self, later: Tally) -> None:
        for digest, item in later.replayers.items():
            if len(self.replayers) < ROWS_MAX:
                self.replayers.setdefault(digest, item)
        for digest, index in later.releases.items():
            if len(self.releases) >= RELEASES_MAX:
                self.damage(index, f"the log has more than {RELEASES_MAX} releases")
                break
            self.releases.setdefault(digest, index)

    def data(self) -> Item:
        """The tally as canonical JSON can hold it."""
        lists = {name: getattr(self, name) for name in _LISTS}
        rows = [{"key": list(key), "counts": counts} for key, counts in sorted(self.rows.items())]
        return {
            "rows": rows,
            **lists,
            "damage_count": self.damage_count,
            "replayers": self.replayers,
            "releases": self.releases,
        }

    def _row(self, key: tuple[str, str, str]) -> dict[str, int]:
        if key not in self.rows and len(self.rows) >= ROWS_MAX:
            key = _OTHER
        return self.rows.setdefault(key, dict.fromkeys(RESULTS, 0))


def tally_of(data: Mapping[str, Any]) -> Tally:
    """Read what :meth:`Tally.data` gave.

    Raises:
        ValueError, TypeError, KeyError: anything else.
    """
    tally = Tally(damage_count=int(data["damage_count"]))
    for row in data["rows"]:
        engine, version, release = row["key"]
        counts = {result: int(row["counts"][result]) for result in RESULTS}
        tally.rows[str(engine), str(version), str(release)] = counts
    for name in _LISTS:
        setattr(tally, name, [dict(item) for item in data[name]])
    tally.replayers = {str(key): dict(item) for key, item in data["replayers"].items()}
    tally.releases = {str(key): int(index) for key, index in data["releases"].items()}
    return tally


def keep(items: list[Item], item: Item) -> None:
    """Append while there is room."""
    if len(items) < KEPT_MAX:
        items.append(item)
