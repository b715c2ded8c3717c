"""Halts: who or what has stopped trading, where, and who may lift it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """What a halt covers: ``kind`` is global, account, symbol or strategy; global is ``*``."""

    kind: str
    name: str

    def covers(self, account: str, symbol: str, strategy_id: str) -> bool:
        """Whether an order with these attributes falls under the scope."""
        if self.kind == "global":
            return True
        return {"account": account, "symbol": symbol, "strategy": strategy_id}[self.kind] == (
            self.name
        )


GLOBAL = Scope("global", "*")

REPEATED_REJECTIONS = "OMEGA2_REJECTIONS"
"""The cause of the halt whose end lets the count of rejections begin anew."""


@dataclass(frozen=True, slots=True)
class Halt:
    """A standing stop, as recorded in the log; ``observed`` and ``limit`` say why, if known."""

    halt_id: str
    scope: Scope
    cause: str
    cancels: bool
    reduce_allowed: bool
    clear_by: str
    by: str
    observed: int | None = None
    limit: int | None = None
    reason: str | None = None
    """A person's words; a trigger gives ``observed`` and ``limit`` instead."""


@dataclass(frozen=True, slots=True)
class HaltTrigger:
    """The engine's word that a halt is due (second query of the release)."""

    cause: str
    scope: Scope
    observed: int | None
    limit: int | None

    def payload(self) -> dict[str, Any]:
        """As verdicts carry it; what is not known is left out."""
        figures = (("observed", self.observed), ("limit", self.limit))
        return {
            "cause": self.cause,
            "scope": {"kind": self.scope.kind, "name": self.scope.name},
        } | {name: value for name, value in figures if value is not None}
