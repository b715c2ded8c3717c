"""Strict reading of an OPA server's answer, before its result is looked at.

An answer counts only if it says, in the same breath, that the pinned version made it with the
pinned release. OPA reads result and revisions in one transaction, so they belong together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, NoReturn, cast

from gateway.domain.decision import EngineFailure
from gateway.policy import decode

BUNDLE_NAME: Final = "writ"
"""What the release's bundle is called in the server's configuration."""

_FIELDS: Final = frozenset({"result", "provenance", "decision_id"})
_TYPES: Final = ("application/json", "application/json; charset=utf-8")


class Cause(StrEnum):
    """What is wrong, finer than the recorded code: it decides what helps."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    STATUS = "status"
    MALFORMED = "malformed"
    NO_BUNDLE = "no-bundle"
    REVISION = "revision"
    VERSION = "version"
    UNDEFINED = "undefined"
    UNHEALTHY = "unhealthy"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it came; ``encoding`` is empty unless the body is compressed."""

    status: int
    content_type: str
    encoding: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pinned:
    """What decides: the version of OPA, and the revision of the bundle (the release's digest)."""

    version: str
    revision: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer does not count: what is recorded, what is behind it, and a sentence."""

    failure: EngineFailure
    cause: Cause
    detail: str


def result_of(reply: Reply, pinned: Pinned) -> object:
    """The bare result of an answer, or a :class:`Fault`."""
    if reply.status != HTTPStatus.OK:
        refused = reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        cause = Cause.REFUSED if refused else Cause.STATUS
        return Fault(decode.ENGINE_ERROR, cause, f"it answers with HTTP status {reply.status}")
    if reply.encoding not in ("", "identity") or reply.content_type.lower() not in _TYPES:
        return _malformed("its answer is not declared as plain JSON")
    try:
        answer = _parse(reply.body)
    except (ValueError, RecursionError):
        return _malformed("its answer is not JSON with one meaning")
    if not isinstance(answer, dict):
        return _malformed("its answer is no object")
    fields = cast("dict[str, object]", answer)
    if not _FIELDS.issuperset(fields):
        return _malformed("its answer has fields that were not asked for")
    return _origin_fault(fields.get("provenance"), pinned) or _result(fields)


def _malformed(detail: str) -> Fault:
    return Fault(decode.ENGINE_MALFORMED, Cause.MALFORMED, detail)


def _result(fields: dict[str, object]) -> object:
    if "result" not in fields:
        return Fault(
            decode.ENGINE_UNDEFINED, Cause.UNDEFINED, "its release has no answer to this query"
        )
    return fields["result"]


def _origin_fault(provenance: object, pinned: Pinned) -> Fault | None:
    """Whether another version or another release has answered, or it is not said which."""
    said = cast("dict[str, object]", provenance) if isinstance(provenance, dict) else {}
    if said.get("version") != pinned.version:
        version = _shown(said.get("version"))
        return Fault(
            decode.ENGINE_VERSION if "version" in said else decode.ENGINE_REVISION,
            Cause.VERSION,
            f"it is OPA {version}, and the release was built for {pinned.version}",
        )
    bundles = said.get("bundles")
    if not isinstance(bundles, dict) or not bundles:
        return Fault(decode.ENGINE_REVISION, Cause.NO_BUNDLE, "it has no bundle yet")
    if bundles != {BUNDLE_NAME: {"revision": pinned.revision}}:
        named = cast("dict[str, object]", bundles)
        ours = cast("object", named.get(BUNDLE_NAME))
        shown = cast("dict[str, object]", ours).get("revision") if isinstance(ours, dict) else None
        return Fault(
            decode.ENGINE_REVISION,
            Cause.REVISION,
            f"its bundles are {_shown(sorted(named))}, {BUNDLE_NAME} at revision {_shown(shown)}, "
            f"and the release is {pinned.revision}",
        )
    return None


def _shown(value: object) -> str:
    """A stranger's value, short and without control characters."""
    return ascii(value)[:100]


def _parse(data: bytes) -> object:
    return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
