"""What custody asks of the places that keep secrets, and of what ends unless it is renewed.

All of it is synchronous and may block: the gateway runs it on its worker threads. Whoever answers
puts an end to every wait itself. No method reads a clock: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from vault.errors import ProviderError
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Secret

Jitter: TypeAlias = Callable[[int], int]
"""Draws a whole number from 0 up to its argument (excluded), which is at least 1."""


class SecretProvider(Protocol):
    """One place that keeps secrets. Its methods may be called from several threads at once."""

    @property
    def scheme(self) -> Scheme:
        """Which references it answers."""
        ...

    def fetch(self, reference: SecretRef, now: Moment) -> Secret:
        """Read a secret anew; blocking, and bounded in time and size.

        Raises:
            ProviderError: it is not there, not allowed, not usable, or the place does not answer.
        """
        ...

    def trouble(self, now: Moment) -> ProviderError | None:
        """Tell, without asking anybody, why nothing new can be had; None: nothing is known.

        While there is trouble, LIVE takes no order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """How long something is granted for; both by the monotonic clock, in nanoseconds."""

    begun_ns: int
    """Before it was asked for."""
    end_ns: int


class Renewable(Protocol):
    """Something that ends unless it is renewed in time, such as a session with a vault."""

    def lease(self) -> Lease | None:
        """What is held now; None: nothing, or it was lost."""
        ...

    def renew(self, now: Moment) -> Lease:
        """Extend the lease, or begin anew where there is none; blocking and bounded.

        Raises:
            ProviderError: why it could not be had.
        """
        ...
