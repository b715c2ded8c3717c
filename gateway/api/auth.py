"""Who is asking, and whether their key is for this: the first thing that every route checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.access import Principal
from gateway.api.roles import KeyScope
from gateway.api.services import Services, ServicesHere
from gateway.domain.errors import InvalidInputError, RefusedError

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key made by `writ access add`: `Authorization: Bearer writ_…`.",
)


class Requires:
    """Yields the caller of a route, whose key must have one of ``scopes``.

    Raises (when called):
        InvalidInputError: ``key-missing`` or ``key-invalid`` (HTTP 401).
        RefusedError: ``scope-missing`` (HTTP 403; never ``order-denied``).
        UnavailableError: the access file cannot be used, so nobody gets in.
    """

    def __init__(self, *scopes: KeyScope) -> None:
        self.scopes = scopes

    async def caller(
        self,
        services: ServicesHere,
        given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> Principal:
        """The dependency of a route."""
        return await _admit(services, given.credentials if given else "", self.scopes)

    async def by_hand(self, request: Request, services: Services) -> Principal:
        """The same for a route that reads its request itself, which :meth:`marks` it."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else ""
        return await _admit(services, key, self.scopes)

    def marks(self, endpoint: _Endpoint) -> _Endpoint:
        """Tell whoever asks what a route needs that calls :meth:`by_hand`."""
        _BY_HAND[endpoint] = self
        return endpoint


_BY_HAND: Final = dict[Callable[..., Any], Requires]()


def required_by(route: APIRoute) -> tuple[KeyScope, ...] | None:
    """The scopes of which a route's caller needs one; ``None``: no key is needed."""
    asked = [
        asks.scopes
        for dependency in route.dependant.dependencies
        if isinstance(asks := getattr(dependency.call, "__self__", None), Requires)
    ]
    if route.endpoint in _BY_HAND:
        asked.append(_BY_HAND[route.endpoint].scopes)
    if len(asked) > 1:
        raise ValueError(f"{route.path} asks twice who is calling")
    return asked[0] if asked else None


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
            f"use a key made with --scope {names}, or for a role that has it (docs/roles.md)",
        )
    return principal


Proposer = Annotated[Principal, Depends(Requires(KeyScope.PROPOSE).caller)]
Canceler = Annotated[Principal, Depends(Requires(KeyScope.CANCEL).caller)]
Reader = Annotated[Principal, Depends(Requires(KeyScope.READ).caller)]
Auditor = Annotated[Principal, Depends(Requires(KeyScope.AUDIT_READ).caller)]
PolicyReader = Annotated[Principal, Depends(Requires(KeyScope.POLICY_READ).caller)]
FactsWriter = Annotated[Principal, Depends(Requires(KeyScope.FACTS_WRITE).caller)]
Operator = Annotated[Principal, Depends(Requires(KeyScope.OPERATE).caller)]
Admin = Annotated[Principal, Depends(Requires(KeyScope.ADMIN).caller)]
RiskOfficer = Annotated[Principal, Depends(Requires(KeyScope.RISK, KeyScope.ADMIN).caller)]
"""Who may let positions be reduced where everything else stands still."""
Resumer = Annotated[Principal, Depends(Requires(KeyScope.ADMIN, KeyScope.OPERATE).caller)]
"""Which of the two a halt needs is the halt's own affair (its ``clear_by``)."""
Custodians = Annotated[Principal, Depends(Requires(KeyScope.ADMIN, KeyScope.OPERATE).caller)]
"""Who may know where secrets are kept; nobody is shown one."""
