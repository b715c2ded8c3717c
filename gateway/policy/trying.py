"""One document against one release: what each control says, with arithmetic in people's units."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from gateway.domain.decision import EngineFailure, Reason, Verdict
from gateway.domain.errors import InvalidInputError
from gateway.policy.arithmetic import Comparison
from gateway.policy.batches import DOCUMENT_MAX_BYTES
from gateway.policy.catalogue import ControlText
from gateway.policy.data_files import unique_members
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from gateway.policy.replay.pool import quiet
from gateway.policy.replay.releases import InlineRunner
from signing import canonical

TIMEOUT_MS: Final = 10_000
_DIGITS_MAX: Final = 32
"""More digits than any integer of a document has; a message shows no more of anything."""
_UNLISTED: Final = "this release says nothing about it"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one control says of the document.

    ``observed`` and ``limit`` are integers in ``unit``; ``source`` is the table that the limit
    comes from. ``arithmetic`` is the comparison in people's units, empty where there is none.
    """

    control: str
    title: str
    passed: bool
    observed: int | None
    limit: int | None
    limit_name: str | None
    unit: str | None
    source: str | None
    arithmetic: str
    remedy: str
    fix103: int | None
    regulation: tuple[str, ...]


def read_document(data: bytes, name: str = "the document") -> dict[str, Any]:
    """A document as it was written by hand: JSON, an object, and not too long.

    Args:
        data: its bytes.
        name: what it is called in a complaint, such as its file.

    Raises:
        InvalidInputError: ``document-malformed``, with the line or the path where one is known.
    """
    if len(data) > DOCUMENT_MAX_BYTES:
        raise _malformed(f"{name} is longer than {DOCUMENT_MAX_BYTES} bytes")
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            parse_int=_integer,
            parse_float=_NoInteger,
            parse_constant=_NoInteger,
            object_pairs_hook=unique_members,
        )
        misfit = next(_no_integers(value, "input"), None)
    except json.JSONDecodeError as error:
        raise _malformed(f"{name}:{error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _malformed(f"{name} is not UTF-8") from error
    except RecursionError as error:
        raise _malformed(f"{name} is nested too deeply") from error
    except ValueError as error:
        raise _malformed(f"{name}: {error}") from error
    if not isinstance(value, dict):
        raise _malformed(f"{name} is not an object")
    if misfit is not None:
        raise _malformed(f"{name}: {misfit}: money, prices and quantities are integers")
    return cast("dict[str, Any]", value)


@dataclass(frozen=True, slots=True)
class _NoInteger:
    """A number as it was written that no document holds, not even ``0.0``.

    The canonical form has no such number, so what an engine makes of one is never asked.
    """

    text: str


def _integer(text: str) -> object:
    """An integer; one of more digits than any that a document holds stays as it was written."""
    return int(text) if len(text) <= _DIGITS_MAX else _NoInteger(text)


def _no_integers(node: object, path: str) -> Iterator[str]:
    """What is to be said of every number below a node that no document holds."""
    if isinstance(node, _NoInteger):
        long = "beyond all integers" if len(node.text) > _DIGITS_MAX else "no integer"
        yield f"{path} is {node.text[:_DIGITS_MAX]}, which is {long}"
    elif isinstance(node, dict):
        for name, value in cast("dict[str, object]", node).items():
            yield from _no_integers(value, f"{path}.{name}")
    elif isinstance(node, list):
        for place, value in enumerate(cast("list[object]", node)):
            yield from _no_integers(value, f"{path}[{place}]")


def _malformed(detail: str) -> InvalidInputError:
    remedy = "give one input document as JSON; `writ order explain ID` shows those of decisions"
    return InvalidInputError("document-malformed", detail, remedy)


def decide(release: Release, document: Mapping[str, Any]) -> Verdict | EngineFailure:
    """The verdict of a release on a document, by the engine in WebAssembly.

    Raises:
        InvalidInputError: ``document-malformed``: it has no canonical form.
        ReleaseError: ``release-wasm``.
    """
    try:
        data = canonical.encode(dict(document))
    except canonical.CanonicalError as error:
        raise InvalidInputError(
            "document-malformed", str(error), "use integers and texts"
        ) from error
    quiet()
    engine = WasmEngine(release, InlineRunner(), timeout_ms=TIMEOUT_MS)
    try:
        return asyncio.run(engine.decide([data]))[0]
    finally:
        engine.close()


def explained(
    verdict: Verdict,
    words: Mapping[str, ControlText],
    document: Mapping[str, Any],
    base_currency: str,
) -> list[Tried]:
    """Each required control, those that are not proven first."""
    order: object = document.get("order")
    fields = cast("dict[str, Any]", order) if isinstance(order, dict) else {}
    decimals: object = fields.get("price_decimals")
    known = type(decimals) is int and 0 <= decimals <= 8  # noqa: PLR2004  the finest scale
    scale = cast("int", decimals) if known else None
    return [
        _tried(reason, words.get(reason.control), base_currency, scale, passed=passed)
        for passed, reasons in ((False, verdict.reasons), (True, verdict.proofs))
        for reason in reasons
    ]


def _tried(
    reason: Reason, text: ControlText | None, currency: str, scale: int | None, *, passed: bool
) -> Tried:
    name = text.limits[0] if text and text.limits and reason.limit is not None else None
    unit = text.unit if text else None
    compared = Comparison(passed, reason.observed, reason.limit, name, unit, currency, scale)
    return Tried(
        control=reason.control,
        title=text.title if text else _UNLISTED,
        passed=passed,
        observed=reason.observed,
        limit=reason.limit,
        limit_name=name,
        unit=unit,
        source=reason.source,
        arithmetic=compared.in_words(),
        remedy=text.remedy if text else _UNLISTED,
        fix103=text.fix103 if text else None,
        regulation=text.regulation if text else (),
    )
