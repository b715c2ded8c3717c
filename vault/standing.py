"""How good a secret in hand still is: a matter of its ages and of how its last reading went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vault.errors import ProviderError
from vault.references import SecretRef
from vault.secret import Moment, Secret

_SECOND_NS: Final = 1_000_000_000
_OVERDUE: Final = 3
"""A secret as old as so many refreshes was not read again in time, whoever forgot it."""
_EXPIRING: Final = 3
"""The end of a lease is near in the last one of so many parts."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How old a secret may be, in nanoseconds of the monotonic clock."""

    refresh_ns: int = 30 * _SECOND_NS
    """It is read again after this, or after half of its lease if that is sooner."""
    retry_ns: int = 5 * _SECOND_NS
    """It is tried again after this if it could not be read."""
    usable_ns: int = 24 * 3600 * _SECOND_NS
    """It is given up so long after its last reading, or at the end of its lease if sooner."""

    def __post_init__(self) -> None:
        if not 0 < self.retry_ns <= self.refresh_ns <= self.usable_ns // _OVERDUE:
            raise ValueError("ages: 0 < retry <= refresh <= a third of usable")

    def end_ns(self, secret: Secret) -> int:
        """When a secret is given up."""
        provenance = secret.provenance
        end = provenance.fetched.monotonic_ns + self.usable_ns
        return end if provenance.lease_end_ns is None else min(end, provenance.lease_end_ns)

    def wait_ns(self, secret: Secret) -> int:
        """How long after its reading a secret is read again."""
        half_life = (self.end_ns(secret) - secret.provenance.fetched.monotonic_ns) // 2
        return min(self.refresh_ns, max(self.retry_ns, half_life))


class State(StrEnum):
    """What can be said of a secret."""

    VALID = "valid"
    """It was read in time."""
    EXPIRING = "expiring"
    """It was read in time, and the end of its lease is near."""
    STALE = "stale"
    """It could not be read again; the one in hand is still used, but not for LIVE."""
    LOST = "lost"
    """There is none in hand that may be used."""


@dataclass(frozen=True, slots=True)
class SecretStatus:
    """One secret's state, fit to be shown to people."""

    reference: SecretRef
    state: State
    why: ProviderError | None
    """Code, detail and remedy; None: nothing is wrong."""
    version: str = ""
    fetched_us: int | None = None
    """Wall time of the reading in hand; None: there is none."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is in hand for a reference, and how the last reading went."""

    tried_ns: int
    due_ns: int
    secret: Secret | None = None
    failure: ProviderError | None = None


def judge(reference: SecretRef, holding: Holding | None, ages: Ages, now: Moment) -> SecretStatus:
    """The state of a reference; None: nobody has asked for it."""
    secret = None if holding is None else holding.secret
    if holding is None or secret is None or now.monotonic_ns >= ages.end_ns(secret):
        failure = None if holding is None else holding.failure
        return SecretStatus(reference, State.LOST, _lost(reference, failure))
    state, why = _grade(reference, secret, holding.failure, ages, now)
    provenance = secret.provenance
    return SecretStatus(reference, state, why, provenance.version, provenance.fetched.wall_us)


def _grade(
    reference: SecretRef, secret: Secret, failure: ProviderError | None, ages: Ages, now: Moment
) -> tuple[State, ProviderError | None]:
    if failure is not None:
        return State.STALE, failure
    begun, end = secret.provenance.fetched.monotonic_ns, ages.end_ns(secret)
    if now.monotonic_ns - begun > _OVERDUE * ages.refresh_ns:
        return State.STALE, ProviderError(
            "secret-overdue",
            f"{reference} was not read again in time",
            "look whether the gateway is stuck, and restart it if it is",
        )
    if end - now.monotonic_ns <= (end - begun) // _EXPIRING:
        return State.EXPIRING, ProviderError(
            "secret-expiring",
            f"{reference} comes to the end of its lease",
            "look whether a new lease can be had",
        )
    return State.VALID, None


def _lost(reference: SecretRef, failure: ProviderError | None) -> ProviderError:
    """Why there is none: the provider's own words if it said why."""
    if failure is not None:
        return failure
    return ProviderError(
        "secret-lost",
        f"{reference} is not in hand, or no longer good",
        "look whether it is still there and can be read",
    )
