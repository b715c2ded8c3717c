"""What every engine is asked, and the bytes it is asked with; the bounds are the same for all."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.policy import decode

BATCH_MAX: Final = 16
"""Documents in one call."""

DECISIONS: Final = "writ/main/decisions"
HALTS: Final = "writ/halts/triggered"

DOCUMENT_MAX_BYTES: Final = 64 * 1024
INPUT_MAX_BYTES: Final = BATCH_MAX * (DOCUMENT_MAX_BYTES + 1) + 64
"""The longest input that a full batch can have."""
RESULT_MAX_BYTES: Final = 1024 * 1024
"""The longest answer that is read; the longest true one has a few dozen KiB."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents joined to one input; those that are no JSON are replaced by ``null``."""

    input: bytes
    readable: tuple[bool, ...]

    def verdicts(self, answer: object) -> list[Verdict | EngineFailure]:
        """The engine's answer as one verdict a document, in order."""
        if isinstance(answer, EngineFailure):
            return [answer] * len(self.readable)
        found = decode.verdicts(answer, len(self.readable))
        return [
            verdict if ok else decode.ENGINE_MALFORMED
            for verdict, ok in zip(found, self.readable, strict=True)
        ]


class BatchEngine(ABC):
    """An engine that answers a whole batch at a time; how it is asked is its own affair."""

    async def decide(self, documents: Sequence[bytes]) -> list[Verdict | EngineFailure]:
        """Decide up to 16 canonical input documents in one call, in order.

        A document that is not JSON fails for itself and does not disturb its mates.

        Raises:
            ValueError: more than 16 documents, the caller's defect.
        """
        if not documents:
            return []
        batch = batch_of(documents)
        return batch.verdicts(await self._ask(DECISIONS, batch.input))

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        """Ask which halts are due; an ``EngineFailure`` means: treat as a halt."""
        if not is_document(document):
            return decode.ENGINE_MALFORMED
        answer = await self._ask(HALTS, document)
        return answer if isinstance(answer, EngineFailure) else decode.halts(answer)

    @abstractmethod
    async def _ask(self, entrypoint: str, data: bytes) -> object:
        """One query, bounded in time; the bare answer, or an ``EngineFailure``."""


def batch_of(documents: Sequence[bytes]) -> Batch:
    """Join up to 16 canonical documents; one that is not JSON fails for itself.

    Raises:
        ValueError: more than 16 documents, the caller's defect.
    """
    if len(documents) > BATCH_MAX:
        raise ValueError(f"{len(documents)} documents in one batch, at most {BATCH_MAX}")
    readable = tuple(is_document(document) for document in documents)
    joined = b",".join(
        document if ok else b"null" for document, ok in zip(documents, readable, strict=True)
    )
    return Batch(b'{"batch":[' + joined + b"]}", readable)


def is_document(data: bytes) -> bool:
    """Whether the bytes are one JSON value within bounds.

    Two halves of a value in two documents would join into one batch and shift every verdict
    after them, so each document must stand by itself.
    """
    if len(data) > DOCUMENT_MAX_BYTES:
        return False
    try:
        json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
