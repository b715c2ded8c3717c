"""One document against one release: what each control says, with arithmetic in people's units."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from gateway.domain.decision import EngineFailure, Reason, Verdict
from gateway.domain.errors import InvalidInputError
from gateway.policy.batches import DOCUMENT_MAX_BYTES
from gateway.policy.catalogue import ControlText
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from gateway.policy.replay.pool import quiet
from gateway.policy.replay.releases import InlineRunner
from gateway.policy.units import limit_name, show_value
from signing import canonical

TIMEOUT_MS: Final = 10_000
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


def read_document(data: bytes) -> dict[str, Any]:
    """A document as it was written by hand: JSON, an object, and not too long.

    Raises:
        InvalidInputError: ``document-malformed``, with the line where one is known.
    """
    remedy = "give one input document as JSON; `writ order explain ID` shows those of decisions"
    if len(data) > DOCUMENT_MAX_BYTES:
        detail = f"the document is longer than {DOCUMENT_MAX_BYTES} bytes"
        raise InvalidInputError("document-malformed", detail, remedy)
    try:
        value: object = json.loads(
            data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float
        )
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}: {error.msg}"
        raise InvalidInputError("document-malformed", detail, remedy) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("document-malformed", str(error), remedy) from error
    if not isinstance(value, dict):
        raise InvalidInputError("document-malformed", "it is not an object", remedy)
    return cast("dict[str, Any]", value)


def _no_float(text: str) -> object:
    raise ValueError(f"{text[:32]} is no integer: money and prices are integers of small units")


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
    scale = decimals if type(decimals) is int and 0 <= decimals <= 8 else 0  # noqa: PLR2004  the finest scale
    return [
        _tried(reason, words.get(reason.control), base_currency, scale, passed=passed)
        for passed, reasons in ((False, verdict.reasons), (True, verdict.proofs))
        for reason in reasons
    ]


def _tried(
    reason: Reason, text: ControlText | None, currency: str, scale: int, *, passed: bool
) -> Tried:
    name = text.limits[0] if text and text.limits and reason.limit is not None else None
    return Tried(
        control=reason.control,
        title=text.title if text else _UNLISTED,
        passed=passed,
        observed=reason.observed,
        limit=reason.limit,
        limit_name=name,
        unit=text.unit if text else None,
        source=reason.source,
        arithmetic=_arithmetic(reason, text, name, currency, scale, passed=passed),
        remedy=text.remedy if text else _UNLISTED,
        fix103=text.fix103 if text else None,
        regulation=text.regulation if text else (),
    )


def _arithmetic(
    reason: Reason,
    text: ControlText | None,
    name: str | None,
    currency: str,
    scale: int,
    *,
    passed: bool,
) -> str:
    unit = text.unit if text else "none"
    parts = limit_name(name) if name else None
    bare = parts.bare if parts else ""

    def said(value: int | None) -> str:
        return "not known" if value is None else show_value(value, unit, currency, scale, bare)

    if reason.limit is None:
        return "" if reason.observed is None else said(reason.observed)
    least = "_min_" in (name or "")
    sign, other = (">=", "<") if least else ("<=", ">")
    left, right = said(reason.observed), said(reason.limit)
    if reason.observed is None:
        return f"the limit stands at {right}" if passed else f"{left} {sign} {right}: no"
    if reason.limit <= 0:
        holds, why = False, ", a limit of zero proves nothing"
    else:
        holds = reason.observed >= reason.limit if least else reason.observed <= reason.limit
        why = ""
    if holds == passed:
        return f"{left} {sign} {right}: {'yes' if holds else 'no'}{why}"
    if passed:
        return f"{left} {other if not why else sign} {right}{why}; proven another way"
    return f"{left} {sign} {right}: yes, but something else is missing"
