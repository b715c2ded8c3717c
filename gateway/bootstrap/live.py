"""LIVE wired: where its gates look, and the task that looks every second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.bootstrap.app import Opened
from gateway.bootstrap.custody import Custodian
from gateway.config import Settings
from gateway.control.halting import Halting
from gateway.control.live.evidence import Sources
from gateway.control.live.unlocking import Unlocking
from gateway.control.live.watching import Watch
from gateway.domain.fact import MODEL_FACTS
from gateway.domain.ids import new_id
from gateway.domain.passkeys import PasskeyOrigin
from gateway.domain.permission import Validated
from gateway.facts.document import Facts
from gateway.facts.model import model_facts
from gateway.ports import Clock, Ledger
from vault.errors import ProviderError

LOOK_MS: Final = 1_000
VAULT_LOOK_NS: Final = 2_000_000_000
VAULT_LOOK_MAX_NS: Final = 10_000_000_000
"""How long the vault's last good answer counts for LIVE."""
AGE_LIMIT: Final = "model_age_max_ms"
_log = logging.getLogger(__name__)


class VaultLooks:
    """Asks the vault itself every two seconds: what is in hand would stay good for long.

    LIVE ends with the vault, so it has to be known soon that it is gone.
    """

    def __init__(self, custody: Custodian, clock: Clock) -> None:
        """Believe the start, at which every secret was read."""
        self._custody = custody
        self._clock = clock
        self._good_ns = self._asked_ns = clock.monotonic_ns()

    async def look(self) -> None:
        """Ask once, on a thread of custody's, unless it was asked a moment ago."""
        session, asked_ns = self._custody.session, self._clock.monotonic_ns()
        if session is None or asked_ns - self._asked_ns < VAULT_LOOK_NS:
            return
        self._asked_ns = asked_ns
        try:
            await self._custody.runner.run(lambda: session.look(self._custody.now()))
        except ProviderError as error:
            _log.warning("the vault does not answer as it should: %s", error.code)
            return
        self._good_ns = asked_ns

    def unfit(self) -> list[str]:
        """Why the secrets are not fit for LIVE at this moment, by their codes."""
        found = [error.code for error in self._custody.unfit_for_live()]
        late = self._clock.monotonic_ns() - self._good_ns > VAULT_LOOK_MAX_NS
        if self._custody.session is not None and late:
            found.append("vault-silent")
        return found


def open_live(opened: Opened, facts: Facts, halting: Halting) -> Unlocking:
    """LIVE, closed, and asked from now on by whoever permits."""
    host, journal, releases = opened.host, opened.journal, opened.releases
    brokers, vault = opened.brokers, VaultLooks(opened.custody, opened.host.clock)

    async def validate(alias: str) -> Validated:
        return await brokers[alias].validate(alias)

    sources = Sources(
        enabled=opened.settings.live_enabled,
        clock=host.clock,
        book=lambda: journal.book,
        permission=opened.permissions.standing,
        release=lambda: (releases.current.release.digest, releases.current.release.data_digest),
        routes=opened.routes,
        validate=validate,
        unfit=vault.unfit,
        look_at_vault=vault.look,
        store_trouble=lambda: store_trouble(opened.settings.ledger, opened.ledger),
        clock_trouble=opened.clock_watch.trouble,
        engine_trouble=releases.readiness,
        stale_facts=lambda: stale_facts(facts),
        exercised=lambda: halting.exercised,
    )
    instance = new_id("inst", host.clock.wall_us(), host.entropy.token(10))
    watch = Watch(sources, journal, halting, instance)
    live = Unlocking(watch, sources, journal, host.entropy)
    halting.on_halt.append(watch.live_open)
    opened.permissions.live = watch.live_open
    opened.permissions.on_change(live.reconsider)
    return live


def passkey_origin(settings: Settings) -> PasskeyOrigin | None:
    """Where passkeys are used, if the settings say.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    return None if settings.passkey_origin is None else PasskeyOrigin.parse(settings.passkey_origin)


def watch_live(live: Unlocking, clock: Clock, stack: contextlib.AsyncExitStack) -> None:
    """Judge LIVE every second, for as long as a gateway runs that may be LIVE at all."""
    if not live.enabled:
        return
    for each in (live.look, live.ask_again):
        task = asyncio.create_task(_every_second(each, clock))
        stack.callback(task.cancel)


async def _every_second(look: Callable[[], Awaitable[None]], clock: Clock) -> None:
    while True:
        try:
            await look()
        except Exception:  # noqa: BLE001  it is looked at again; what is not looked at closes LIVE
            _log.exception("LIVE could not be looked at")
        await clock.sleep_ms(LOOK_MS)


def store_trouble(kind: str, ledger: Ledger) -> str | None:
    """Why LIVE cannot rest on the ledger, or ``None``."""
    if kind != "postgresql":
        return f"the ledger is kept in {kind}"
    if ledger.latched is not None:
        return "nothing can be recorded any more"
    if ledger.full is not None:
        return "the database has no room"
    if ledger.unreachable is not None:
        return "the database cannot be reached"
    return None


def stale_facts(facts: Facts) -> list[str]:
    """The model's facts that are missing, or older than the signed limit lets them be.

    A limit of zero proves nothing, here as everywhere.
    """
    age_max_ms = facts.limits.strictest(AGE_LIMIT)
    known = model_facts(facts.pushed, facts.health, facts.clock.market_us())
    fresh = {field for field, fact in known.items() if 0 < age_max_ms >= fact["age_ms"]}
    return sorted(name for name, (field, _) in MODEL_FACTS.items() if field not in fresh)
