"""Deciding the decisions of one bundle under a candidate release."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.policy.batches import BATCH_MAX
from gateway.policy.catalogue import load_catalogue
from gateway.policy.impact.judge import judge
from gateway.policy.impact.tally import Found, note_flip
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import load_release
from gateway.policy.replay.pool import end_with_parent
from gateway.policy.replay.releases import TIMEOUT_MS, InlineRunner
from gateway.policy.replay.worker import Job, answers_of
from signing.documents import DocumentError, match_document
from signing.envelope import EnvelopeError, open_envelope, payload_type
from signing.records import RecordError, check
from signing.tiles import FULL
from signing.verification.folder import Folder
from signing.verification.roots import RootsError, proven_bundle

_DECISION = payload_type("decision").encode()


class Candidate:
    """A candidate release, asked about the decisions of one published log."""

    def __init__(self, directory: Path, release: Path, since_us: int, until_us: int) -> None:
        """Load the candidate.

        Args:
            directory: the published log.
            release: the candidate's folder.
            since_us: market time of the first decision that is asked about.
            until_us: market time before which the last one lies.

        Raises:
            ReleaseError: the candidate cannot be used.
            OSError: the log's folder cannot be read.
        """
        self._folder = Folder(directory)
        self._catalogue = load_catalogue(release)
        self._engine = WasmEngine(load_release(release), InlineRunner(), timeout_ms=TIMEOUT_MS)
        self._since_us, self._until_us = since_us, until_us

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def decide(self, job: Job) -> Found:
        """Decide one bundle's decisions; a bundle that is damaged is told and left out.

        Raises:
            OSError: the folder cannot be read.
        """
        found, start = Found(), job.bundle * FULL
        try:
            entries = proven_bundle(self._folder, job.bundle, job.width, job.root)
        except RootsError as error:
            found.damages.append({"index": start, "detail": str(error)})
            return found
        cases = list(self._cases(found, entries, start, job))
        asyncio.run(self._decide(found, cases))
        return found

    async def _decide(self, found: Found, cases: Sequence[tuple[int, Any, Any, bytes]]) -> None:
        for at in range(0, len(cases), BATCH_MAX):
            batch = cases[at : at + BATCH_MAX]
            answers = await answers_of(self._engine, [data for *_, data in batch])
            for (index, payload, document, _), answer in zip(batch, answers, strict=True):
                session = document["time"]["session"]
                found.sessions[session] = found.sessions.get(session, 0) + 1
                judged = judge(payload, document, answer, self._catalogue)
                item = _item(index, payload, document)
                item |= {"controls": list(judged.controls), "facts": list(judged.facts)}
                note_flip(found, judged.outcome, item)

    def _cases(
        self, found: Found, entries: Sequence[bytes], start: int, job: Job
    ) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any], bytes]]:
        """The decisions in the window with their documents, strictly read."""
        for index, entry in enumerate(entries, start):
            if not job.decide_from <= index < job.decide_to or _DECISION not in entry:
                continue
            try:
                envelope = open_envelope(entry)
                if envelope.kind != "decision":
                    continue
                check(envelope.kind, envelope.payload)
                if not self._since_us <= envelope.payload["market_us"] < self._until_us:
                    continue
                data = self._folder.document(envelope.payload["input_digest"])
                if data is None:
                    found.unreadable += 1
                    continue
                yield index, envelope.payload, match_document(envelope.payload, data), data
            except (EnvelopeError, RecordError, DocumentError) as error:
                found.damages.append({"index": index, "detail": str(error)})


def _item(index: int, payload: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    order = document["order"]
    return {
        "index": index,
        "decision_id": payload["decision_id"],
        "account": payload["account"],
        "strategy": order["strategy_id"],
        "symbol": order["symbol"],
        "side": order["side"],
        "session": document["time"]["session"],
        "notional_micros": order.get("notional_micros"),
    }


_here: list[Candidate] = []
"""The one candidate of a worker process."""


def start_worker(directory: str, release: str, since_us: str, until_us: str) -> None:
    """Set a worker process up."""
    end_with_parent()
    _here.append(Candidate(Path(directory), Path(release), int(since_us), int(until_us)))


def work(job: Job) -> Found:
    """Decide one bundle in a worker process."""
    return _here[0].decide(job)
