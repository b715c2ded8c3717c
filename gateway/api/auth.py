"""Who is asking, and whether their key is for this: the first thing that every route checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.access import KeyScope, Principal
from gateway.api.services import ServicesHere
from gateway.domain.errors import InvalidInputError, RefusedError

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key made by `writ access add`: `Authorization: Bearer writ_…`.",
)


def requires(*scopes: KeyScope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that yields the caller, whose key must have one of ``scopes``.

    Raises (when called):
        InvalidInputError: ``key-missing`` or ``key-invalid`` (HTTP 401).
        RefusedError: ``scope-missing`` (HTTP 403; never ``order-denied``).
        UnavailableError: the access file cannot be used, so nobody gets in.
    """

    async def caller(
        services: ServicesHere,
        given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> Principal:
        if given is None or not given.credentials:
            raise InvalidInputError(
                "key-missing",
                "the request carries no key",
                "send Authorization: Bearer KEY; `writ access add` makes a key",
            )
        principal = await services.access.find(given.credentials)
        if principal is None:
            raise InvalidInputError(
                "key-invalid", "the key is not known, or was revoked", "use a working key"
            )
        if principal.scopes.isdisjoint(scopes):
            names = " or ".join(scopes)
            raise RefusedError(
                "scope-missing",
                f"this key lacks the scope {names}",
                f"use a key made with --scope {names}",
            )
        return principal

    return caller


Proposer = Annotated[Principal, Depends(requires(KeyScope.PROPOSE))]
Canceler = Annotated[Principal, Depends(requires(KeyScope.CANCEL))]
Reader = Annotated[Principal, Depends(requires(KeyScope.READ))]
Auditor = Annotated[Principal, Depends(requires(KeyScope.AUDIT_READ))]
Operator = Annotated[Principal, Depends(requires(KeyScope.OPERATE))]
Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]
Resumer = Annotated[Principal, Depends(requires(KeyScope.ADMIN, KeyScope.OPERATE))]
"""Which of the two a halt needs is the halt's own affair (its ``clear_by``)."""
