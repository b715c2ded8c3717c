"""Who is asking, and whether their key is for this: the first thing that every route checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.access import KeyScope, Principal
from gateway.api.services import Services, ServicesHere
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
        return await _admit(services, given.credentials if given else "", scopes)

    return caller


async def admit(request: Request, services: Services, *scopes: KeyScope) -> Principal:
    """The caller of a request whose route reads its own parameters; as :func:`requires`."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return await _admit(services, key.strip() if scheme.lower() == "bearer" else "", scopes)


async def _admit(services: Services, key: str, scopes: Sequence[KeyScope]) -> Principal:
    if not key:
        raise InvalidInputError(
            "key-missing",
            "the request carries no key",
            "send Authorization: Bearer KEY; `writ access add` makes a key",
        )
    principal = await services.access.find(key)
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


Proposer = Annotated[Principal, Depends(requires(KeyScope.PROPOSE))]
Canceler = Annotated[Principal, Depends(requires(KeyScope.CANCEL))]
Reader = Annotated[Principal, Depends(requires(KeyScope.READ))]
Auditor = Annotated[Principal, Depends(requires(KeyScope.AUDIT_READ))]
PolicyReader = Annotated[Principal, Depends(requires(KeyScope.POLICY_READ))]
FactsWriter = Annotated[Principal, Depends(requires(KeyScope.FACTS_WRITE))]
Operator = Annotated[Principal, Depends(requires(KeyScope.OPERATE))]
Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]
RiskOfficer = Annotated[Principal, Depends(requires(KeyScope.RISK, KeyScope.ADMIN))]
"""Who may let positions be reduced where everything else stands still."""
Resumer = Annotated[Principal, Depends(requires(KeyScope.ADMIN, KeyScope.OPERATE))]
"""Which of the two a halt needs is the halt's own affair (its ``clear_by``)."""
Custodians = Annotated[Principal, Depends(requires(KeyScope.ADMIN, KeyScope.OPERATE))]
"""Who may know where secrets are kept; nobody is shown one."""
