"""Deciding the decisions of one bundle again.

A bundle is proven by its root before any of it is read. Documents are loaded sixteen at a time
and decided in one call of the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.domain.decision import EngineFailure, Verdict
from gateway.policy.batches import BATCH_MAX
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.replay.judge import (
    NONE,
    denied_by_failure,
    differences,
    outcome,
    recorded,
    same,
)
from gateway.policy.replay.releases import DamagedError, MissingError, ReleaseShelf
from gateway.policy.replay.tally import (
    DIFFERENT,
    EQUAL,
    FAILED,
    NOT_REPLAYABLE,
    Tally,
    keep,
)
from signing.documents import DocumentError, match_document
from signing.envelope import EnvelopeError, open_envelope, payload_type
from signing.records import RecordError, check
from signing.tiles import FULL
from signing.verification.folder import Folder
from signing.verification.roots import RootsError, proven_bundle

FAILURES_ASKED_MAX: Final = 4
"""Denials by failure of one bundle that the engine is asked about: they may be slow."""

# The type stands in clear in an entry's one encoding, and base64 cannot hold its dots.
_TYPES: Final = tuple((kind, payload_type(kind).encode()) for kind in ("decision", "release"))


@dataclass(frozen=True, slots=True)
class Job:
    """One bundle: its first ``width`` entries hash to ``root``.

    Entries before ``first`` have been looked at by an earlier run; decisions are decided again
    from index ``decide_from`` to before ``decide_to``.
    """

    bundle: int
    width: int
    root: bytes
    first: int
    decide_from: int
    decide_to: int


@dataclass(frozen=True, slots=True)
class _Case:
    """A decision entry."""

    index: int
    payload: Mapping[str, Any]


class Replayer:
    """Decides bundles of one published log; owns the engines that it needs."""

    def __init__(self, directory: Path) -> None:
        """List the folder's files.

        Raises:
            OSError: the folder cannot be read.
        """
        self._folder = Folder(directory)
        self._shelf = ReleaseShelf(self._folder)

    def close(self) -> None:
        """Free the engines."""
        self._shelf.close()

    def decide(self, job: Job) -> Tally:
        """Decide one bundle's decisions again.

        Raises:
            OSError: the folder cannot be read.
        """
        tally, start = Tally(), job.bundle * FULL
        try:
            entries = proven_bundle(self._folder, job.bundle, job.width, job.root)
        except RootsError as error:
            tally.damage(start, str(error))
            return tally
        cases = [
            _Case(index, payload)
            for index, kind, payload in _relevant(tally, entries, start, job.first)
            if self._is_case(tally, index, kind, payload)
            and job.decide_from <= index < job.decide_to
        ]
        asyncio.run(self._decide(tally, cases))
        return tally

    def _is_case(self, tally: Tally, index: int, kind: str, payload: Mapping[str, Any]) -> bool:
        """Whether an entry is a decision; a release entry is taken note of."""
        if kind == "decision":
            return True
        tally.releases.setdefault(payload["release_digest"], index)
        try:
            self._shelf.check_entry(payload)
        except DamagedError as error:
            tally.damage(index, str(error))
        except MissingError:
            return False  # it is named where a decision needs it
        return False

    async def _decide(self, tally: Tally, cases: Sequence[_Case]) -> None:
        by_release: dict[str, list[_Case]] = {}
        asked = 0
        for case in cases:
            digest = case.payload["release_digest"]
            tally.named.setdefault(digest, case.index)
            if denied_by_failure(case.payload):
                tally.count(case.payload, FAILED)
                asked += 1
                if asked > FAILURES_ASKED_MAX:
                    continue
            by_release.setdefault(digest, []).append(case)
        for digest, group in by_release.items():
            engine = self._engine(tally, digest, group)
            for at in range(0, len(group), BATCH_MAX):
                await self._batch(tally, engine, group[at : at + BATCH_MAX])

    def _engine(self, tally: Tally, digest: str, group: Sequence[_Case]) -> WasmEngine | None:
        """The engine for a group; without one, each of its decisions is counted here."""
        try:
            engine = self._shelf.engine(digest)
        except MissingError as missing:
            for case in group:
                _missing(tally, case, "release", missing.digest)
            return None
        except DamagedError as error:
            tally.damage(group[0].index, str(error))
            for case in group:
                _not_decided(tally, case)
            return None
        tally.replayers.setdefault(digest, {"engine": engine.name, "version": engine.version})
        return engine

    async def _batch(self, tally: Tally, engine: WasmEngine | None, batch: Sequence[_Case]) -> None:
        """Load up to 16 documents, decide them in one call, and judge each."""
        if engine is None:
            return
        loaded: list[tuple[_Case, bytes]] = []
        for case in batch:
            data = self._document(tally, case)
            if data is not None:
                loaded.append((case, data))
        answers = await answers_of(engine, [data for _, data in loaded])
        for (case, _), answer in zip(loaded, answers, strict=True):
            _judge(tally, case, answer)

    def _document(self, tally: Tally, case: _Case) -> bytes | None:
        digest = case.payload["input_digest"]
        data = self._folder.document(digest)
        if data is None:
            _missing(tally, case, "document", digest)
            return None
        try:  # one that is too long was cut off, and has another digest
            match_document(dict(case.payload), data)
        except DocumentError as error:
            tally.damage(case.index, str(error))
            _not_decided(tally, case)
            return None
        return data


def _relevant(
    tally: Tally, entries: Sequence[bytes], start: int, first: int
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Open the decisions and releases of a bundle, strictly."""
    for index, entry in enumerate(entries, start):
        kind = next((kind for kind, mark in _TYPES if mark in entry), None)
        if index < first or kind is None:
            continue
        try:
            envelope = open_envelope(entry)
            check(envelope.kind, envelope.payload)
        except (EnvelopeError, RecordError) as error:
            tally.damage(index, f"{kind}: {error}")
            continue
        yield index, envelope.kind, envelope.payload


async def answers_of(
    engine: WasmEngine, documents: Sequence[bytes]
) -> list[Verdict | EngineFailure]:
    """Decide a batch; where all of it fails, each document is asked about alone."""
    answers = await engine.decide(documents)
    if len(documents) > 1 and all(isinstance(answer, EngineFailure) for answer in answers):
        return [(await engine.decide([document]))[0] for document in documents]
    return answers


def _judge(tally: Tally, case: _Case, answer: Verdict | EngineFailure) -> None:
    payload = case.payload
    named = {"index": case.index, "decision_id": payload["decision_id"]}
    if denied_by_failure(payload):  # counted before; what it might have been is only told
        now = outcome(answer, NONE)
        keep(tally.failures, named | {"recorded": payload["failure"], "is": now})
        return
    now = outcome(answer, payload["failure"])
    if same(payload, now):
        tally.count(payload, EQUAL)
    else:
        tally.count(payload, DIFFERENT)
        was = recorded(payload)
        found = {"was": was, "is": now, "diff": differences(was, now)}
        keep(tally.differences, named | found)


def _missing(tally: Tally, case: _Case, what: str, digest: str) -> None:
    if _not_decided(tally, case):
        named = {"index": case.index, "decision_id": case.payload["decision_id"]}
        keep(tally.missing, named | {"what": what, "digest": digest})


def _not_decided(tally: Tally, case: _Case) -> bool:
    """Count a decision that cannot be decided; a denial by failure was counted before."""
    payload = case.payload
    if denied_by_failure(payload):
        named = {"index": case.index, "decision_id": payload["decision_id"]}
        keep(tally.failures, named | {"recorded": payload["failure"], "is": None})
        return False
    tally.count(payload, NOT_REPLAYABLE)
    return True
