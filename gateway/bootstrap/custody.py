"""The gateway's secrets: obtained at the start, read again while it runs, told of but never shown.

What waits for a vault runs on threads of its own: however slow the vault is, no order waits for
one of them. A gateway whose secrets are in no vault never loads the vault's library.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gateway.bootstrap.vault_settings import (
    account_references,
    alert_references,
    check_vault_settings,
    gateway_needs_vault,
)
from gateway.brokers.contract import Credentials
from gateway.config import Settings
from gateway.domain.errors import RefusedError, UnavailableError, WritError
from gateway.host import ThreadRunner
from gateway.ledger.waiting import pause
from gateway.ports import BlockingRunner, Clock, Entropy, moment
from vault.custody import Custody
from vault.errors import ProviderError
from vault.ports import Jitter, SecretProvider
from vault.providers.environment import EnvironmentProvider
from vault.providers.files import FileProvider
from vault.references import SecretRef
from vault.renewal import Renewal
from vault.secret import Moment, Secret
from vault.standing import SecretStatus

if TYPE_CHECKING:
    from vault.session import VaultSession

PAUSE_MIN_MS: Final = 250
"""Nothing is asked more often than that, whatever goes wrong."""
PAUSE_MAX_MS: Final = 30_000
STOP_TIMEOUT_MS: Final = 10_000
"""How long the end waits for a vault to forget the session."""
_NS: Final = 1_000_000
_JITTER_BYTES: Final = 8
_PASSING: Final = frozenset(
    {
        *("vault-sealed", "vault-standby", "vault-unreachable"),
        *("vault-slow", "vault-busy", "vault-failed"),
    }
)
"""What may be otherwise in a minute."""
_log = logging.getLogger(__name__)


class Custodian:
    """What the gateway knows of its secrets. Every answer but `obtain` is instant."""

    def __init__(
        self,
        custody: Custody,
        needed: Mapping[str, tuple[SecretRef, SecretRef]],
        live: Sequence[str],
        session: VaultSession | None,
        clock: Clock,
        runner: BlockingRunner,
    ) -> None:
        """Use `open_custody`."""
        self._custody = custody
        self._needed = needed
        self._live = tuple(one for alias in live for one in needed.get(alias, ()))
        self._session = session
        self._clock = clock
        self.runner = runner
        """Where whatever waits for a vault runs."""

    @property
    def session(self) -> VaultSession | None:
        """The gateway's session with the vault; None: nothing of it is in one."""
        return self._session

    def now(self) -> Moment:
        """One reading of both clocks."""
        return moment(self._clock)

    @property
    def trouble(self) -> ProviderError | None:
        """Why the vault gives nothing new now; None: nothing is known, or there is none."""
        return None if self._session is None else self._session.trouble(self.now())

    def report(self) -> tuple[SecretStatus, ...]:
        """How good each secret is, by its reference; nothing in it is secret."""
        return self._custody.report(self.now())

    def unfit_for_live(self) -> tuple[ProviderError, ...]:
        """Why LIVE must not go on with the credentials of its accounts; empty: it may."""
        found = self._custody.unfit_for_live(self._live, self.now())
        trouble = self.trouble  # of the identity key too, if that alone is in the vault
        if trouble is None or trouble.code in {one.code for one in found}:
            return found
        return (*found, trouble)

    def credentials(self, alias: str) -> Credentials:
        """What the broker of an account is shown, as it is in hand at each use."""
        key_id, secret = self._needed[alias]
        return Credentials(lambda: self.held(key_id), lambda: self.held(secret))

    async def obtain(self) -> None:
        """Read every secret for the first time.

        Raises:
            RefusedError, UnavailableError: ``custody-…``: one of them cannot be had.
        """
        for reference in dict.fromkeys(one for pair in self._needed.values() for one in pair):
            await self._obtain(reference)

    async def try_to_obtain(self, references: Iterable[SecretRef]) -> None:
        """Read secrets that the gateway can start without; what fails is tried again in time."""
        for reference in references:
            try:
                await self.runner.run(lambda one=reference: self._custody.obtain(one, self.now()))
            except ProviderError as error:
                _log.error("custody: %s: %s: %s", reference, error.code, error.detail)

    async def _obtain(self, reference: SecretRef) -> None:
        try:
            await self.runner.run(lambda: self._custody.obtain(reference, self.now()))
        except ProviderError as error:
            raise refused(error, f"{reference}: ") from None

    def held(self, reference: SecretRef) -> Secret:
        """The secret in hand. Raises ``ProviderError`` where there is none that may be used."""
        return self._custody.held(reference, self.now())


async def open_custody(
    settings: Settings, clock: Clock, entropy: Entropy, stack: contextlib.AsyncExitStack
) -> Custodian:
    """Check the settings, read what the accounts need, and keep reading it until the stack ends.

    Raises:
        InvalidInputError: ``config-invalid``: settings that contradict each other.
        RefusedError, UnavailableError: ``custody-…``: a secret cannot be had.
    """
    check_vault_settings(settings)
    jitter = _jitter(entropy)
    runner = ThreadRunner()
    stack.callback(runner.close)
    providers: list[SecretProvider] = [EnvironmentProvider(), FileProvider()]
    session = _open_session(settings, providers)
    custody = Custody(providers, jitter)
    live = [alias for alias, account in settings.accounts.items() if account.venue == "live"]
    found = Custodian(custody, account_references(settings), live, session, clock, runner)
    tasks = _Tasks(clock, runner)
    stack.push_async_callback(tasks.end, session)
    await found.obtain()
    await found.try_to_obtain(alert_references(settings).values())
    if custody.next_due() is not None:
        tasks.begin(lambda: custody.next_due() or 0, lambda: custody.refresh(moment(clock)))
    if session is not None:
        renewal = Renewal(session, jitter)
        tasks.begin(lambda: renewal.next_due(moment(clock)), lambda: renewal.renew(moment(clock)))
    return found


def refused(error: ProviderError, where: str = "") -> WritError:
    """A refusal of custody as the gateway says it: ``custody-`` and the refusal's own code."""
    kind = UnavailableError if error.code in _PASSING else RefusedError
    return kind(f"custody-{error.code}", where + error.detail, error.remedy)


def _open_session(settings: Settings, providers: list[SecretProvider]) -> VaultSession | None:
    if not gateway_needs_vault(settings):
        return None
    # Loads the vault's library, which nobody else needs.
    from gateway.bootstrap.vault_sessions import gateway_session  # noqa: PLC0415  loaded where a vault is used
    from vault.providers.hashicorp import HashiCorpProvider  # noqa: PLC0415  loaded where a vault is used

    try:
        session = gateway_session(settings)
    except ProviderError as error:
        raise refused(error) from None
    providers.append(HashiCorpProvider(session))
    return session


def _jitter(entropy: Entropy) -> Jitter:
    return lambda end: int.from_bytes(entropy.token(_JITTER_BYTES), "big") % end


class _Tasks:
    """What is done again and again until the gateway ends: one task for each thing to keep."""

    def __init__(self, clock: Clock, runner: BlockingRunner) -> None:
        self._clock = clock
        self._runner = runner
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, due_ns: Callable[[], int], step: Callable[[], object]) -> None:
        """Take `step` whenever it is due, by the monotonic clock."""
        self._tasks.add(asyncio.create_task(self._keep(due_ns, step), name="custody"))

    async def _keep(self, due_ns: Callable[[], int], step: Callable[[], object]) -> None:
        while True:
            left_ms = (due_ns() - self._clock.monotonic_ns()) // _NS + 1
            wait_ms = min(max(left_ms, PAUSE_MIN_MS), PAUSE_MAX_MS)
            if await pause(self._clock, wait_ms, self._closing):
                return
            if due_ns() > self._clock.monotonic_ns():
                continue
            try:
                await self._runner.run(step)
            except ProviderError as error:
                _log.warning("custody: %s: %s", error.code, error.detail)
            except Exception as error:  # noqa: BLE001  tried again when it is due; never its words
                _log.error("custody: a step failed: %s", type(error).__name__)

    async def end(self, session: VaultSession | None) -> None:
        """End the tasks, and have the vault forget the session, if it answers in time."""
        self._closing.set()
        timeout_s = STOP_TIMEOUT_MS / 1_000
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
        if session is not None:
            closing = asyncio.ensure_future(self._runner.run(session.close))
            await asyncio.wait({closing}, timeout=timeout_s)
