"""The input document that a decision names: the order and the facts it was decided on.

A document is canonical JSON, published under its SHA-256. The decision holds the digest; here the
two are held against each other, so that nobody can act on one order with another's decision.
"""

from __future__ import annotations

from typing import cast

from signing.canonical import CanonicalError, JsonObject, decode_object, digest


class DocumentError(ValueError):
    """A document that is not the one its decision names."""


def match_document(decision: JsonObject, data: bytes) -> JsonObject:
    """Return the input document of a decision, decoded.

    Args:
        decision: the payload of a decision, its fields already checked.
        data: the document's bytes.

    Raises:
        DocumentError: another digest; not a canonical JSON object; ids, account or order that
            are missing or not the decision's.
    """
    if digest(data) != decision["input_digest"]:
        raise DocumentError("the document has another digest than the decision names")
    try:
        document = decode_object(data)
    except CanonicalError as error:
        raise DocumentError(f"the document is not a canonical JSON object: {error}") from error
    ids, order = _part(document, "ids"), _part(document, "order")
    for name in ("decision_id", "order_id"):
        if ids.get(name) != decision[name]:
            raise DocumentError(f"the document's {name} is not the decision's")
    if order.get("account") != decision["account"]:
        raise DocumentError("the document's account is not the decision's")
    return document


def _part(document: JsonObject, name: str) -> JsonObject:
    part = document.get(name)
    if not isinstance(part, dict):
        raise DocumentError(f"the document has no {name}")
    return cast("JsonObject", part)
