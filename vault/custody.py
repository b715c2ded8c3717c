"""The secrets that a process has in hand: read once, read again in time, given up in time.

Whoever runs this calls `refresh` whenever `next_due` says so. A secret that could not be read
again stays in hand until its end, so that a vault that is away for an hour stops neither PAPER nor
a cancel. LIVE is another matter: it asks `unfit_for_live` before each order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vault.errors import ProviderError
from vault.ports import Jitter, SecretProvider
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Secret
from vault.standing import Ages, Holding, SecretStatus, State, judge

HELD_MAX: Final = 256
"""References that one custody takes."""
_JITTER_PARTS: Final = 5
"""A reading comes early by less than one of so many parts of its wait."""


class Custody:
    """Resolves references and keeps what they led to.

    `obtain` and `refresh` may block; the others do not. All may be called from several threads.
    """

    def __init__(
        self, providers: Iterable[SecretProvider], jitter: Jitter, ages: Ages | None = None
    ) -> None:
        """Take at most one provider for each scheme; `jitter` keeps processes out of step."""
        self._providers: dict[Scheme, SecretProvider] = {}
        for provider in providers:
            assert provider.scheme not in self._providers, provider.scheme
            self._providers[provider.scheme] = provider
        self._jitter = jitter
        self._ages = Ages() if ages is None else ages
        self._held: dict[SecretRef, Holding] = {}
        self._lock = threading.Lock()  # not held while a provider is asked

    def obtain(self, reference: SecretRef, now: Moment) -> Secret:
        """The secret in hand, or a reading of it if there is none or it is due.

        At the start, that is. What an order waits for asks `held`, and leaves reading to `refresh`.

        Raises:
            ProviderError: as the provider says; `reference-unserved` if there is none for it, or
                too many references are held.
        """
        provider = self._provider(reference)
        with self._lock:
            holding, full = self._held.get(reference), len(self._held) >= HELD_MAX
        if holding is None and full:
            raise ProviderError(
                "reference-unserved", f"more than {HELD_MAX} secrets are referred to", "use fewer"
            )
        if holding is None or holding.due_ns <= now.monotonic_ns:
            self._read(provider, reference, now)
        return self.held(reference, now)

    def held(self, reference: SecretRef, now: Moment) -> Secret:
        """The secret in hand, without asking anybody.

        Raises:
            ProviderError: why there is none that may be used.
        """
        with self._lock:
            holding = self._held.get(reference)
        status = judge(reference, holding, self._ages, now)
        if status.state is not State.LOST and holding is not None and holding.secret is not None:
            return holding.secret
        assert status.why is not None
        raise status.why.without_traceback()

    def next_due(self) -> int | None:
        """When `refresh` has something to do, in monotonic nanoseconds; None: nothing is held."""
        with self._lock:
            return min((holding.due_ns for holding in self._held.values()), default=None)

    def refresh(self, now: Moment) -> tuple[SecretRef, ...]:
        """Read what is due again; the references whose secret is another one than before.

        Failures are kept for `report` and tried again. Where a whole place is in trouble, only the
        first of its secrets waits for it.
        """
        with self._lock:
            due = [pair for pair in self._held.items() if pair[1].due_ns <= now.monotonic_ns]
        changed: list[SecretRef] = []
        down: dict[Scheme, ProviderError] = {}
        for reference, before in due:
            provider = self._providers[reference.scheme]
            after = self._read(provider, reference, now, down.get(reference.scheme))
            if after.failure is None and after.secret != before.secret:
                changed.append(reference)
            trouble = None if after.failure is None else provider.trouble(now)
            if trouble is not None:
                down[reference.scheme] = trouble
        return tuple(changed)

    def report(self, now: Moment) -> tuple[SecretStatus, ...]:
        """Every secret that was ever asked for, by its reference; nothing in it is secret."""
        with self._lock:
            held = sorted(self._held.items(), key=lambda pair: str(pair[0]))
        return tuple(judge(reference, holding, self._ages, now) for reference, holding in held)

    def unfit_for_live(self, needed: Iterable[SecretRef], now: Moment) -> tuple[ProviderError, ...]:
        """Why LIVE must not go on with these secrets; empty: it may.

        Nothing proves nothing: where no secret is needed, LIVE must not go on either.
        """
        wanted = tuple(dict.fromkeys(needed))
        if not wanted:
            return (
                ProviderError(
                    "secret-none", "no secret is named", "name where the broker's credentials are"
                ),
            )
        found = [self._unfit(reference, now) for reference in wanted]
        asked = sorted({reference.scheme for reference in wanted} & self._providers.keys())
        found += [self._providers[scheme].trouble(now) for scheme in asked]
        return tuple(one for one in found if one is not None)

    def _unfit(self, reference: SecretRef, now: Moment) -> ProviderError | None:
        with self._lock:
            holding = self._held.get(reference)
        status = judge(reference, holding, self._ages, now)
        if status.state not in (State.VALID, State.EXPIRING):
            return status.why
        assert holding is not None
        assert holding.secret is not None
        unfit = holding.secret.provenance.unfit_for_live
        if unfit is None:
            return None
        return ProviderError(
            "secret-unfit-for-live",
            f"{reference}: {unfit}",
            "keep it in a vault, or have it mounted from one into memory",
        )

    def _read(
        self,
        provider: SecretProvider,
        reference: SecretRef,
        now: Moment,
        down: ProviderError | None = None,
    ) -> Holding:
        """Ask the provider, unless its place is known to be down; keep what came of it."""
        try:
            if down is not None:
                raise down.without_traceback()
            secret = provider.fetch(reference, now)
        except ProviderError as error:
            due_ns = self._due(now, self._ages.retry_ns)
            failure = error.without_traceback()
            return self._keep(reference, Holding(now.monotonic_ns, due_ns, failure=failure))
        due_ns = self._due(now, self._ages.wait_ns(secret))
        return self._keep(reference, Holding(now.monotonic_ns, due_ns, secret))

    def _keep(self, reference: SecretRef, tried: Holding) -> Holding:
        with self._lock:
            before = self._held.get(reference)
            if before is not None and before.tried_ns > tried.tried_ns:
                return before  # another thread asked later and was answered first
            if before is not None and tried.secret is None:
                tried = replace(tried, secret=before.secret)
            self._held[reference] = tried
            return tried

    def _due(self, now: Moment, wait_ns: int) -> int:
        return now.monotonic_ns + wait_ns - self._jitter(max(1, wait_ns // _JITTER_PARTS))

    def _provider(self, reference: SecretRef) -> SecretProvider:
        provider = self._providers.get(reference.scheme)
        if provider is None:
            raise ProviderError(
                "reference-unserved",
                f"{reference}: nothing here reads {reference.scheme}:// references",
                "configure it, or move the secret",
            )
        return provider
