"""What a vault answered, read strictly: its secrets never come near an exception."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

from vault.errors import ProviderError

ANSWER_BYTES_MAX: Final = 262_144
_OK: Final = (200, 204)

Answer: TypeAlias = dict[str, Any]


class StatusError(Exception):
    """The vault answered, but not with what was asked for; the caller knows what that means.

    Attributes:
        status: the HTTP status, neither 200 nor 204.
        deleted: a KV version that was there once: it has been deleted or destroyed.
    """

    def __init__(self, status: int, *, deleted: bool = False) -> None:
        super().__init__(f"the vault answered with HTTP status {status}")
        self.status = status
        self.deleted = deleted


def read_answer(status: int, data: bytes) -> Answer:
    """Return the JSON object that came with an HTTP status of 200, or nothing with 204.

    Raises:
        ProviderError: `vault-answer`: it is too large, or no JSON object with one meaning.
        StatusError: another status.
    """
    found = _parsed(data) if len(data) <= ANSWER_BYTES_MAX else None
    if status not in _OK:
        raise StatusError(status, deleted=_is_deletion(found))
    if found is None:
        raise ProviderError(
            "vault-answer",
            f"the vault's answer is no JSON object of at most {ANSWER_BYTES_MAX} bytes",
            "see whether something else answers at its address",
        )
    return found


def text_in(answer: Answer, *names: str) -> str:
    """Return the text under `names`, one inside of the other.

    Raises:
        ProviderError: `vault-answer`: there is none, or it is empty.
    """
    found = _value_in(answer, names)
    if not isinstance(found, str) or not found:
        raise malformed(names[-1])
    return found


def number_in(answer: Answer, *names: str) -> int:
    """Return the whole number, 0 or more, under `names`.

    Raises:
        ProviderError: `vault-answer`: there is none.
    """
    found = _value_in(answer, names)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise malformed(names[-1])
    return found


def malformed(missing: str) -> ProviderError:
    """Return the error for an answer without something that belongs there."""
    return ProviderError(
        "vault-answer",
        f"the vault's answer has no {missing}",
        "see whether something else answers at its address",
    )


def _value_in(answer: Answer, names: Sequence[str]) -> object:
    found: Any = answer
    try:
        for name in names:
            found = found[name]
    except (LookupError, TypeError):
        return None
    return found


def _parsed(data: bytes) -> Answer | None:
    """Return None for what cannot be read: an exception here would carry the secrets with it."""
    if not data:
        return {}
    try:
        found = json.loads(data, object_pairs_hook=_single)
    except (ValueError, RecursionError):
        return None
    return cast("Answer", found) if isinstance(found, dict) else None


def _single(pairs: list[tuple[str, Any]]) -> Answer:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _is_deletion(found: Answer | None) -> bool:
    """Tell whether a 404 is about a version of a secret that was deleted or destroyed."""
    try:
        metadata = cast("Answer", found)["data"]["metadata"]
        return bool(metadata["deletion_time"] or metadata["destroyed"])
    except (KeyError, TypeError):
        return False
