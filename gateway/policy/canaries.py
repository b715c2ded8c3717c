"""Canaries: documents that a release is tried on before it may decide an order.

Some must be denied by any sound release, whatever its limits: nothing at all, a halt that stands,
a directive in force, an order that nobody permits, an unlisted symbol, parts that are missing,
numbers that are all zero. Those
that are made of a recorded order which the release would allow tell most: one thing is changed in
it, so that nothing else can deny it. The other recorded inputs may be decided either way, but each
must get a verdict. What must hold is that it decides; which way is the matter of an impact report.

Each control must deny something: one that reads facts and is proven for an empty document would
be proven for any, and the others hide it there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from gateway.domain.decision import EngineFailure, Verdict
from gateway.domain.errors import RefusedError
from gateway.policy.batches import BATCH_MAX
from gateway.policy.catalogue import Catalogue
from gateway.policy.in_force import ReleaseInForce
from gateway.ports import Ledger, PolicyEngine
from signing import canonical

RECORDED_MAX: Final = 64
"""How many of the newest recorded inputs are decided again."""

SECTIONS: Final = (
    *("ids", "time", "order", "instrument", "account", "market", "projected", "control"),
    "permission",
)
"""Parts of a document without which nothing may be allowed that opens a position."""

_EMPTY: Final = b"{}"
_UNLISTED: Final = "CANARY-UNLISTED"
_PERMITTED: Final = {
    **dict.fromkeys(("standing", "venue", "account", "strategy", "live_open"), True),
    **dict.fromkeys(("epoch", "day_orders", "day_notional_micros"), 1),
    **dict.fromkeys(("orders_per_day_max", "notional_per_day_max_micros"), 1),
    "exit_open": False,
}
"""Everything that officers and an Admin can say for an order outside of the gateway."""
_UNPERMITTED: Final = (
    ("PAPER", "standing", "a PAPER order that no manifest permits"),
    ("PAPER", "venue", "a PAPER order to a venue of another mode"),
    ("LIVE", "account", "a LIVE order to where no manifest sends the account"),
    ("LIVE", "live_open", "a LIVE order while LIVE is closed"),
)
"""A mode, and the one thing that is not said."""
_Fields = Mapping[str, Any]


class CanaryError(RefusedError):
    """A release failed a canary: ``release-unsound`` or ``release-undecided``."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded decision: its input document as it was, and what came of it."""

    decision_id: str
    allow: bool
    document: bytes


@dataclass(frozen=True, slots=True)
class Flip:
    """A recorded decision that would be another one; ``controls`` are those not proven now."""

    decision_id: str
    allowed: bool
    allows: bool
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a release said to each document, for another engine to be compared with."""

    documents: tuple[bytes, ...]
    verdicts: tuple[Verdict, ...]
    recorded: int
    flips: tuple[Flip, ...]

    @property
    def required(self) -> frozenset[str]:
        """The controls that it required of every one of the documents."""
        first, *others = (frozenset(verdict.required) for verdict in self.verdicts)
        return first.intersection(*others)


async def recent(ledger: Ledger, count: int = RECORDED_MAX) -> list[Recorded]:
    """The newest recorded inputs; those whose time was up are left out."""
    rows = await ledger.orders(account=None, status=None, before=None, limit=count)
    found = await asyncio.gather(*(_recorded(ledger, row.decision_id) for _, row in rows))
    return [one for one in found if one is not None]


async def examine(engine: PolicyEngine, words: Catalogue, recorded: Sequence[Recorded]) -> Examined:
    """Try an engine that holds a release on every canary.

    Args:
        engine: with the release.
        words: the release's; they say which of its controls read facts.
        recorded: what it decides again (:func:`recent`).

    Raises:
        CanaryError: ``release-undecided``: a document got no verdict, or one that requires
            nothing; ``release-unsound``: what any sound release denies was allowed, or a control
            that reads facts is proven for an empty document.
    """
    answers = await _verdicts(engine, [(one.decision_id, one.document) for one in recorded])
    allowed = next(
        (
            fields
            for one, verdict in zip(recorded, answers, strict=True)
            if verdict.allow and (fields := _fields(one.document)) and _opens(fields)
        ),
        None,
    )
    canaries = [*_plain(), *(_changed(allowed) if allowed else ())]
    denials = await _verdicts(engine, canaries)
    for (name, document), verdict in zip(canaries, denials, strict=True):
        if verdict.allow:
            raise _unsound(f"the release allows {name}, which none may")
        if document == _EMPTY and (blind := _reading_facts(verdict.passed, words)):
            raise _unsound(f"{', '.join(blind)} is proven for {name}, so it would be for any")
    if isinstance(await engine.triggered_halts(_EMPTY), EngineFailure):
        raise _undecided("the query for halts", "no answer")
    return Examined(
        (*(one.document for one in recorded), *(document for _, document in canaries)),
        (*answers, *denials),
        len(recorded),
        tuple(_flips(recorded, answers)),
    )


async def removed_controls(old: ReleaseInForce, examined: Examined) -> tuple[str, ...]:
    """The controls that the release in force requires and the examined one does not, sorted.

    Without an order on record no canary may notice that a control is gone: what it would have
    denied, others deny as well. An engine that fails is no reason to keep its release; then what
    the old one requires is taken from its words.
    """
    answer = (await old.engine.decide([_EMPTY]))[0]
    failed = isinstance(answer, EngineFailure)
    required = old.catalogue.controls if failed else answer.required
    return tuple(sorted({*required} - examined.required))


async def disagreement(engine: PolicyEngine, examined: Examined) -> str | None:
    """Where another engine with the same release answers otherwise; ``None``: nowhere."""
    for start in range(0, len(examined.documents), BATCH_MAX):
        documents = examined.documents[start : start + BATCH_MAX]
        expected = examined.verdicts[start : start + BATCH_MAX]
        for answer, verdict in zip(await engine.decide(documents), expected, strict=True):
            if isinstance(answer, EngineFailure):
                return f"it fails with {answer.code} where the module decides"
            if answer.payload() != verdict.payload():
                return "its verdict on a canary is not that of the module"
    return None


async def _recorded(ledger: Ledger, decision_id: str) -> Recorded | None:
    entry = await ledger.entry(decision_id)
    if entry is None:
        return None
    document = await ledger.document(entry[1]["input_digest"])
    return None if document is None else Recorded(decision_id, entry[1]["allow"], document)


async def _verdicts(engine: PolicyEngine, named: Sequence[tuple[str, bytes]]) -> list[Verdict]:
    found: list[Verdict] = []
    for start in range(0, len(named), BATCH_MAX):
        batch = named[start : start + BATCH_MAX]
        answers = await engine.decide([document for _, document in batch])
        for (name, _), answer in zip(batch, answers, strict=True):
            if isinstance(answer, EngineFailure):
                raise _undecided(name, answer.code)
            if not answer.required:
                raise _undecided(name, "nothing is required")
            found.append(answer)
    return found


def _flips(recorded: Sequence[Recorded], answers: Sequence[Verdict]) -> Iterator[Flip]:
    for one, verdict in zip(recorded, answers, strict=True):
        if one.allow != verdict.allow:
            controls = tuple(reason.control for reason in verdict.reasons)
            yield Flip(one.decision_id, one.allow, verdict.allow, controls)


def _reading_facts(controls: Sequence[str], words: Catalogue) -> list[str]:
    """Those of the controls that read facts, as far as is known.

    One that reads limits alone, such as that a window is signed, may be proven for no order.
    """
    told = words.controls
    return [control for control in controls if control not in told or told[control].facts]


def _unsound(detail: str) -> CanaryError:
    remedy = "run `writ policy check` and `writ policy test` on its sources"
    return CanaryError("release-unsound", detail, remedy)


def _undecided(name: str, why: str) -> CanaryError:
    return CanaryError(
        "release-undecided",
        f"the release cannot decide {name}: {why}",
        "run `writ policy check` on its sources, then build it anew",
    )


def _plain() -> Iterator[tuple[str, bytes]]:
    """What no order can be made of, or nothing that may be allowed."""
    yield "an empty document", _EMPTY
    yield "no document", b"null"
    zeros = {section: {"value": 0} for section in SECTIONS}
    yield "a document of nothing but zeros", canonical.encode({"v": 0, **zeros})
    research = {"control": {"mode": "PAPER", "omega4_lifted": False, "halted": True}}
    yield "an order while all is halted", canonical.encode(research)


def _changed(allowed: _Fields) -> Iterator[tuple[str, bytes]]:
    """An order that the release allows, each time with one thing that must have it denied."""
    base = {name: value for name, value in allowed.items() if name != "override"}
    control, order = _section(base, "control"), _section(base, "order")
    halted = {**control, "halted": True, "exit_allowed": False}
    yield "an order while a halt stands", canonical.encode({**base, "control": halted})
    ruled = {**control, "mode": "PAPER", "omega4_lifted": False}
    yield "a PAPER order with Omega 4 in force", canonical.encode({**base, "control": ruled})
    for mode, unsaid, name in _UNPERMITTED:
        lifted = {**control, "mode": mode, "omega4_lifted": True}
        said = {**_PERMITTED, "mode": mode, unsaid: False}
        outside = {**base, "control": lifted, "permission": said}
        yield name, canonical.encode(outside)
    unlisted = {**base, "order": {**order, "symbol": _UNLISTED}}
    del unlisted["instrument"]
    yield "an unlisted symbol", canonical.encode(unlisted)
    yield "a document of zeros", canonical.encode(cast("dict[str, Any]", _zeroed(base)))
    for section in SECTIONS:
        left = {name: value for name, value in base.items() if name != section}
        yield f"a document without {section}", canonical.encode(left)


def _opens(fields: _Fields) -> bool:
    """Whether it has all parts, and may not be let through only because it closes a position."""
    whole = all(isinstance(fields.get(section), dict) for section in SECTIONS)
    return whole and _section(fields, "order").get("reduce_only") is not True


def _section(fields: _Fields, name: str) -> _Fields:
    return cast("_Fields", fields[name])


def _fields(document: bytes) -> _Fields | None:
    value = json.loads(document)
    return cast("_Fields", value) if isinstance(value, dict) else None


def _zeroed(value: object) -> object:
    """The same with 0 for every integer."""
    if isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        return {name: _zeroed(part) for name, part in parts.items()}
    return 0 if type(value) is int else value
