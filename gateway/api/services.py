"""What the routes work with; one object per running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request

from gateway.api import passkey_file
from gateway.api.access import FILE_NAME, AccessFile, AccessKeys
from gateway.api.passkeys import Passkeys
from gateway.bootstrap import App
from gateway.intake.idempotency import CallerKeys

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Services:
    """The gateway, the keys of its callers, and the keys of their requests."""

    app: App
    access: AccessKeys
    callers: CallerKeys
    passkeys: Passkeys
    _finishing: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])

    def to_the_end(self, work: Coroutine[Any, Any, _T]) -> Awaitable[_T]:
        """Run ``work`` to its end even if the caller goes away while it is awaited."""
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        return asyncio.shield(task)


def make_services(app: App) -> Services:
    """The services around a running gateway."""
    return Services(
        app=app,
        access=AccessKeys(app.settings.data / FILE_NAME, app.host.runner),
        callers=CallerKeys(app.ledger),
        passkeys=Passkeys(
            passkey_file.PasskeyFile(app.settings.data / passkey_file.FILE_NAME),
            AccessFile(app.settings.data / FILE_NAME),
            app.passkey_origin,
            app.host.clock,
            app.host.entropy,
            app.host.runner,
        ),
    )


def services_of(request: Request) -> Services:
    """The services behind the application that a request came to."""
    return cast("Services", request.app.state.services)


async def _of(request: Request) -> Services:
    # A coroutine, because anything else would be called on a worker thread.
    return services_of(request)


ServicesHere = Annotated[Services, Depends(_of)]
"""A route's parameter: the services."""
