"""What a candidate would have changed, added up: bounded, however long the log is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.policy.impact.judge import ALLOW_TO_DENY, DENY_TO_ALLOW, OUTCOMES, UNDECIDABLE

FLIPS_MAX: Final = 10_000
"""Flips that are named in the report; a file takes all of them."""
KEYS_MAX: Final = 10_000
"""Accounts, strategies, symbols and sessions that are told apart."""
NAMED_MAX: Final = 100
"""Damages, and decisions that cannot be decided, that are named."""
OTHER: Final = "other"
DIMENSIONS: Final = ("control", "account", "strategy", "symbol", "session")
SCOPES: Final = ("account", "strategy", "symbol")
"""Where an earlier flip may have changed the facts of a later decision."""

Item = dict[str, Any]


@dataclass(slots=True)
class Found:
    """What one bundle came to: plain data, to be sent between processes."""

    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    sessions: dict[str, int] = field(default_factory=dict[str, int])
    """Session -> decisions."""
    flips: list[Item] = field(default_factory=list[Item])
    undecidable: list[Item] = field(default_factory=list[Item])
    unreadable: int = 0
    """Decisions whose document is gone."""
    damages: list[Item] = field(default_factory=list[Item])


@dataclass(slots=True)
class Impact:
    """The whole, in the log's order.

    Attributes:
        outcomes: how many decisions had which outcome.
        by: dimension -> key -> flips either way and their notional in micros.
        sessions: decisions in each session, for the chart.
        flips: the first ones, each with the scopes in which it is the first.
        undecidable_facts: fact -> how many decisions lack it and would need it.
        engine_failures: code -> how many decisions the candidate gave no verdict on.
    """

    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    by: dict[str, dict[str, Item]] = field(
        default_factory=lambda: {dimension: {} for dimension in DIMENSIONS}
    )
    sessions: dict[str, int] = field(default_factory=dict[str, int])
    flips: list[Item] = field(default_factory=list[Item])
    undecidable: list[Item] = field(default_factory=list[Item])
    undecidable_facts: dict[str, int] = field(default_factory=dict[str, int])
    engine_failures: dict[str, int] = field(default_factory=dict[str, int])
    unreadable: int = 0
    damages: list[Item] = field(default_factory=list[Item])
    lost_micros: int = 0
    gained_micros: int = 0
    unpriced: int = 0
    """Flips of orders whose notional was not known."""
    _seen: dict[str, set[str]] = field(
        default_factory=lambda: {scope: set[str]() for scope in SCOPES}
    )

    @property
    def decisions(self) -> int:
        """How many decisions were decided again."""
        return sum(self.outcomes.values())

    def add(self, found: Found, sink: Callable[[Item], None] | None = None) -> None:
        """Add the next bundle's; ``sink`` is handed every flip."""
        for outcome, count in found.outcomes.items():
            self.outcomes[outcome] += count
        for session, count in found.sessions.items():
            key = _key(self.sessions, session)
            self.sessions[key] = self.sessions.get(key, 0) + count
        for flip in found.flips:
            self._flip(flip | {"first_in": self._first_in(flip)}, sink)
        for item in found.undecidable:
            self._undecided(item)
        _keep(self.undecidable, found.undecidable)
        _keep(self.damages, found.damages)
        self.unreadable += found.unreadable

    def _undecided(self, item: Item) -> None:
        """Count what was missing; where no fact was, the engine gave no verdict at all."""
        missing = item["facts"]
        table = self.undecidable_facts if missing else self.engine_failures
        for name in missing or item["controls"]:
            key = _key(table, name)
            table[key] = table.get(key, 0) + 1

    def _flip(self, flip: Item, sink: Callable[[Item], None] | None) -> None:
        lost = flip["flip"] == ALLOW_TO_DENY
        notional = flip["notional_micros"]
        self.unpriced += notional is None
        self.lost_micros += (notional or 0) if lost else 0
        self.gained_micros += 0 if lost else (notional or 0)
        for dimension in DIMENSIONS:
            for name in flip["controls"] if dimension == "control" else [flip[dimension]]:
                table = self.by[dimension]
                row = table.setdefault(_key(table, name), _empty())
                row[ALLOW_TO_DENY if lost else DENY_TO_ALLOW] += 1
                row["lost_micros" if lost else "gained_micros"] += notional or 0
        if len(self.flips) < FLIPS_MAX:
            self.flips.append(flip)
        if sink is not None:
            sink(flip)

    def _first_in(self, flip: Mapping[str, Any]) -> list[str]:
        """The scopes in which nothing flipped before: later facts would have been others."""
        first: list[str] = []
        for scope in SCOPES:
            seen = self._seen[scope]
            if flip[scope] not in seen and len(seen) < KEYS_MAX:
                seen.add(flip[scope])
                first.append(scope)
        return first

    def flipped(self, direction: str) -> int:
        """How many decisions flipped this way."""
        return self.outcomes[direction]

    @property
    def undecided(self) -> int:
        """How many decisions have a document, and no outcome to compare."""
        return self.outcomes[UNDECIDABLE]

    def data(self) -> Item:
        """The report as JSON has it."""
        return {
            "decisions": self.decisions,
            "outcomes": dict(self.outcomes),
            "notional_lost_micros": self.lost_micros,
            "notional_gained_micros": self.gained_micros,
            "flips_without_notional": self.unpriced,
            "by": {
                dimension: [{dimension: key, **row} for key, row in sorted(table.items())]
                for dimension, table in self.by.items()
            },
            "sessions": dict(sorted(self.sessions.items())),
            "flips": self.flips,
            "flips_named": len(self.flips),
            "undecidable": self.undecidable,
            "undecidable_facts": dict(sorted(self.undecidable_facts.items())),
            "engine_failures": dict(sorted(self.engine_failures.items())),
            "documents_gone": self.unreadable,
            "damages": self.damages,
        }


def note_flip(found: Found, outcome: str, item: Item) -> None:
    """Take a decision's outcome into a bundle's findings."""
    found.outcomes[outcome] += 1
    if outcome in {ALLOW_TO_DENY, DENY_TO_ALLOW}:
        found.flips.append(item | {"flip": outcome})
    elif outcome == UNDECIDABLE:
        found.undecidable.append(item)


def _empty() -> Item:
    return {ALLOW_TO_DENY: 0, DENY_TO_ALLOW: 0, "lost_micros": 0, "gained_micros": 0}


def _key(table: Mapping[str, object], name: str) -> str:
    return name if name in table or len(table) < KEYS_MAX else OTHER


def _keep(items: list[Item], more: Iterable[Item]) -> None:
    items.extend(list(more)[: max(0, NAMED_MAX - len(items))])
