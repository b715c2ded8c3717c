"""Figures of a run, counted from the published log alone: no database, no memory of the run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from signing import checkpoint, envelope, tiles
from signing.keys import Vkey


@dataclass(slots=True)
class Denials:
    """How often one control was among the reasons, and how often it was the only one."""

    all: int = 0
    alone: int = 0
    by: Counter[str] = field(default_factory=Counter[str])
    """principal -> denials."""


@dataclass(frozen=True, slots=True)
class HaltSeen:
    """A halt of the log: when it stood in market terms, why, and who lifted it, if anyone."""

    index: int
    session: str
    cause: str
    scope: str
    observed: int | None
    limit: int | None
    resumed_by: str = ""


@dataclass(slots=True)
class Tally:
    """What the log says happened."""

    size: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    allowed: Counter[str] = field(default_factory=Counter[str])
    """principal -> decisions that allowed."""
    denied: Counter[str] = field(default_factory=Counter[str])
    controls: dict[str, Denials] = field(default_factory=dict[str, Denials])
    passed: Counter[str] = field(default_factory=Counter[str])
    """control -> decisions that proved it."""
    required: set[str] = field(default_factory=set[str])
    """Every control that some decision had to pass."""
    halts: dict[str, HaltSeen] = field(default_factory=dict[str, HaltSeen])
    session: str = "none"
    fees_micros: int = 0
    ordered: dict[str, int] = field(default_factory=dict[str, int])
    """order -> quantity, for the orders that were allowed."""
    filled: Counter[str] = field(default_factory=Counter[str])
    """order -> quantity filled."""
    opening: dict[str, int] = field(default_factory=dict[str, int])
    """account -> cash at the first statement, in micros."""
    cancelled_for: Counter[str] = field(default_factory=Counter[str])
    """cause -> cancels asked for."""
    allowed_while_halted: int = 0
    """Decisions that allowed while a global halt stood: must stay 0."""
    denied_while_halted: int = 0

    @property
    def decisions(self) -> int:
        """Decisions in the log."""
        return self.kinds["decision"]

    @property
    def whole(self) -> int:
        """Orders that filled wholly."""
        return sum(self.filled[order] == qty for order, qty in self.ordered.items())

    @property
    def partial(self) -> int:
        """Orders that filled in part, and no further."""
        return sum(0 < self.filled[order] < qty for order, qty in self.ordered.items())


def count(directory: Path, vkey: Vkey) -> Tally:
    """Read every entry of a published log, in order."""
    tally = Tally()
    for index, (kind, payload) in enumerate(entries(directory, vkey)):
        tally.size += 1
        tally.kinds[kind] += 1
        if kind == "decision" and payload["allow"]:
            document = directory / "blobs" / payload["input_digest"]
            tally.ordered[payload["order_id"]] = json.loads(document.read_bytes())["order"]["qty"]
        reader = _READERS.get(kind)
        if reader is not None:
            reader(tally, index, payload)
    return tally


def entries(directory: Path, vkey: Vkey) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Kind and payload of each entry that the published checkpoint covers."""
    size = checkpoint.verify_checkpoint((directory / "checkpoint").read_bytes(), vkey).size
    for bundle in range(-(-size // tiles.FULL)):
        width = min(tiles.FULL, size - bundle * tiles.FULL)
        data = (directory / tiles.entries_path(bundle, width)).read_bytes()
        for entry in tiles.decode_bundle(data):
            opened = envelope.open_envelope(entry)
            yield opened.kind, opened.payload


def _statement(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    tally.opening.setdefault(payload["account"], payload["cash_micros"])


def _day(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    tally.session = payload["session"]


def _decision(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    principal, verdict = payload["principal"], payload["verdict"]
    halted = any(h.scope == "*" and not h.resumed_by for h in tally.halts.values())
    tally.required.update(verdict["required"])
    tally.passed.update(verdict["passed"])
    if payload["allow"]:
        tally.allowed[principal] += 1
        tally.allowed_while_halted += halted
        return
    tally.denied[principal] += 1
    tally.denied_while_halted += halted
    reasons = {reason["control"] for reason in verdict["reasons"]}
    for control in reasons:
        denials = tally.controls.setdefault(control, Denials())
        denials.all += 1
        denials.alone += len(reasons) == 1
        denials.by[principal] += 1


def _execution(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    tally.filled[payload["order_id"]] += payload["qty"]
    tally.fees_micros += payload["fee_micros"]


def _cancel(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    tally.cancelled_for[payload["cause"]] += 1


def _halt(tally: Tally, index: int, payload: Mapping[str, Any]) -> None:
    tally.halts[payload["halt_id"]] = HaltSeen(
        index=index,
        session=tally.session,
        cause=payload["cause"],
        scope=payload["scope"]["name"],
        observed=payload.get("observed"),
        limit=payload.get("limit"),
    )


def _resume(tally: Tally, _: int, payload: Mapping[str, Any]) -> None:
    halt = tally.halts[payload["halt_id"]]
    tally.halts[payload["halt_id"]] = HaltSeen(
        halt.index,
        halt.session,
        halt.cause,
        halt.scope,
        halt.observed,
        halt.limit,
        f"{payload['by']} on {tally.session}",
    )


_READERS: Final[Mapping[str, Callable[[Tally, int, Mapping[str, Any]], None]]] = {
    "statement": _statement,
    "day": _day,
    "decision": _decision,
    "execution": _execution,
    "cancel": _cancel,
    "halt": _halt,
    "resume": _resume,
}
