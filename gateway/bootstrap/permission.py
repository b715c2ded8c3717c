"""What officers permit, wired: the trust root as configured, and whoever looks at it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.bootstrap.app import App, Opened
from gateway.config import Settings
from gateway.control.acceptance import Acceptance
from gateway.control.modes import ModeCheck, check_label
from gateway.control.permission import Permissions, venue_of
from gateway.domain.errors import InvalidInputError
from gateway.domain.permission import Route, RunningRelease
from gateway.ledger.journal import Journal
from gateway.policy.in_force import ReleaseHolder
from gateway.ports import Clock, Stops
from signing.permission import Here

if TYPE_CHECKING:
    from gateway.control.trust_reading import TrustReader


def check_settings(settings: Settings, release: RunningRelease) -> None:
    """Refuse settings that contradict each other, and a mode that can be refused by them alone.

    Raises:
        InvalidInputError: ``config-invalid``.
        RefusedError: as :class:`gateway.control.modes.ModeCheck`.
    """
    if (settings.trust is None) != (settings.trust_root is None):
        raise _contradiction("WRIT_TRUST and WRIT_TRUST_ROOT need each other")
    if settings.trust_root is not None and settings.override_officers is not None:
        raise _contradiction("WRIT_OVERRIDE_OFFICERS stands beside a trust root that names them")
    if settings.trust is None:
        ModeCheck(lambda: None, settings.live_enabled)(settings.mode, release)
    else:
        check_label(settings.mode, release.label)


def open_permissions(journal: Journal, clock: Clock, releases: ReleaseHolder) -> Permissions:
    """Nothing is permitted yet: a look at the trust root says what is."""
    return Permissions(lambda: journal.book, clock, lambda: releases.current.named)


def mode_check(settings: Settings, permissions: Permissions) -> ModeCheck:
    """Which modes can be run at this moment."""
    return ModeCheck(permissions.standing, settings.live_enabled)


def open_acceptance(opened: Opened, stops: Stops) -> Acceptance:
    """Whoever looks at the trust root; without one there is nothing to look at."""
    settings = opened.settings
    reader: TrustReader | None = None
    if settings.trust is not None and settings.trust_root is not None:
        from gateway.control.trust_root import TrustRoot  # noqa: PLC0415  loads its library

        reader = TrustRoot(settings.trust, settings.trust_root, _here(opened))
    return Acceptance(
        permissions=opened.permissions,
        reader=reader,
        journal=opened.journal,
        repair=opened.journal.repair,
        stops=stops,
        clock=opened.host.clock,
        runner=opened.host.runner,
    )


async def keep_permission(app: App, stack: contextlib.AsyncExitStack) -> None:
    """Halt for what has lapsed while nobody looked, and go on looking."""
    await app.acceptance.enforce()
    if app.acceptance.reader is not None:
        task = asyncio.create_task(app.acceptance.run())
        stack.push_async_callback(_end, task)


def _here(opened: Opened) -> Here:
    routes: Mapping[str, Route] = opened.routes
    venues = {alias: venue_of(route) for alias, route in routes.items()}
    return Here(opened.settings.environment, opened.vkey, venues)


def _contradiction(detail: str) -> InvalidInputError:
    return InvalidInputError("config-invalid", detail, "see docs/operating.md, Manifests")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
