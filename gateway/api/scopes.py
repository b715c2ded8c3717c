"""What a halt or an exit-only state covers, as callers say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from gateway.api.bodies import StrictBody
from gateway.api.services import Services
from gateway.domain.errors import InvalidInputError
from gateway.domain.halt import GLOBAL, Scope
from gateway.intake.ticket import Account, Name, Symbol

_NAMES: Final[Mapping[str, TypeAdapter[str]]] = {
    "global": TypeAdapter(Literal["*"]),
    "account": TypeAdapter(Account),
    "symbol": TypeAdapter(Symbol),
    "strategy": TypeAdapter(Name),
}
"""What an order may have in the field that a scope of this kind is compared with."""


class ScopeBody(StrictBody):
    """What is covered; ``name`` is ``*`` for global."""

    kind: Literal["global", "account", "symbol", "strategy"]
    name: str = Field(pattern=r"^(\*|[A-Za-z0-9_.:-][A-Za-z0-9_./:-]{0,63})$")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        # A halt that no order can ever fall under would only look like one.
        try:
            _NAMES[self.kind].validate_python(self.name)
        except ValidationError:
            raise ValueError(f"no order can have this {self.kind}") from None
        return self


def scope_of(services: Services, body: ScopeBody | None) -> Scope:
    """The scope of a body; everything, if it names none.

    Raises:
        InvalidInputError: ``account-unknown``.
    """
    scope = Scope(body.kind, body.name) if body else GLOBAL
    accounts = services.app.settings.accounts
    if scope.kind == "account" and scope.name not in accounts:
        raise InvalidInputError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(sorted(accounts))}; without a scope everything is meant",
        )
    return scope
