"""Callers' keys: the same key never leads to two decisions, even when requests race.

A key is an ``Idempotency-Key`` or a ``client_order_id``; both belong to the principal. While a
request is under way its keys are held in memory, so that a second one is told to wait; once it
is decided they stand in the ledger, written in the decision's own transaction. Between the two
there is no gap: a key is released only after the commit has returned, and the ledger's
uniqueness rule stands behind both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.errors import ConflictError, InvalidInputError
from gateway.ports import KeyClaim, Ledger
from signing import canonical

IDEMPOTENCY: Final = "idempotency"
CLIENT_ORDER_ID: Final = "client_order_id"
KEY_PATTERN: Final = "^[A-Za-z0-9_.:-]{1,64}$"
"""What a key looks like."""

_KEY: Final = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class CallerKey:
    """One key of a request: ``kind`` is ``idempotency`` or ``client_order_id``.

    ``request_digest`` is the SHA-256 of the canonical request that the key was sent with.
    """

    kind: str
    key: str
    request_digest: str


def caller_keys(
    header: str | None, client_order_id: str | None, request: Mapping[str, Any]
) -> tuple[CallerKey, ...]:
    """The keys of a request.

    Args:
        header: the value of ``Idempotency-Key``, if sent.
        client_order_id: the body's field, if sent.
        request: the body without its spelling (``OrderBody.canonical``).

    Raises:
        InvalidInputError: ``idempotency-key-malformed``, or ``idempotency-key-missing`` when
            there is neither of the two.
    """
    if header is not None and _KEY.fullmatch(header) is None:
        raise InvalidInputError(
            "idempotency-key-malformed",
            "Idempotency-Key is not 1 to 64 characters of A-Z a-z 0-9 _ . : -",
            "send a UUID, for example",
        )
    digest = hashlib.sha256(canonical.encode({"order": dict(request), "v": 1})).hexdigest()
    pairs = ((IDEMPOTENCY, header), (CLIENT_ORDER_ID, client_order_id))
    keys = tuple(CallerKey(kind, key, digest) for kind, key in pairs if key is not None)
    if not keys:
        raise InvalidInputError(
            "idempotency-key-missing",
            "an order needs an Idempotency-Key header or a client_order_id",
            "send a new Idempotency-Key for each new order, and the same one when you repeat it",
        )
    return keys


class CallerKeys:
    """The keys under way, and the way to those in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._in_flight: set[tuple[str, str, str]] = set()

    @contextmanager
    def hold(self, principal: str, keys: Sequence[CallerKey]) -> Generator[None]:
        """Keep the keys for one request, all or none, for as long as the block lasts.

        Raises:
            ConflictError: ``idempotency-in-flight``: another request holds one of them.
        """
        wanted = {(principal, key.kind, key.key) for key in keys}
        # No await between the look and the taking: on one event loop that is atomic.
        if wanted & self._in_flight:
            raise ConflictError(
                "idempotency-in-flight",
                "a request with this key is still being decided",
                "repeat the same request in a moment to get its answer",
            )
        self._in_flight |= wanted
        try:
            yield
        finally:
            self._in_flight -= wanted

    async def recorded(self, principal: str, keys: Sequence[CallerKey]) -> KeyClaim | None:
        """What an earlier request with these keys led to; ask while they are held.

        Raises:
            InvalidInputError: ``idempotency-key-reused`` or ``client-order-id-reused``: the key
                stands for another order.
        """
        found = [(key, await self._ledger.find_key(principal, key.kind, key.key)) for key in keys]
        claims = [claim for _, claim in found if claim is not None]
        if not claims:
            return None
        first = claims[0]
        for key, claim in found:
            # A key that is new beside one that is known would, once answered from the known
            # one, be free to stand for something else: that is two orders for one key.
            if claim is None or (claim.request_digest, claim.order_id) != (
                key.request_digest,
                first.order_id,
            ):
                raise _reused(claim or first)
        return first


def _reused(claim: KeyClaim) -> InvalidInputError:
    if claim.kind == CLIENT_ORDER_ID:
        return InvalidInputError(
            "client-order-id-reused",
            f"this client_order_id already stands for order {claim.order_id}",
            "choose a new client_order_id; to repeat a request, send it unchanged",
        )
    return InvalidInputError(
        "idempotency-key-reused",
        f"this Idempotency-Key already stands for order {claim.order_id}",
        "choose a new key for a new order; to repeat a request, send it unchanged",
    )
