"""What a release signs, as of now: the facts read it through the holder and never keep a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.domain.instrument import Instrument
from gateway.policy.in_force import ReleaseHolder


@dataclass(frozen=True, slots=True)
class CurrentLimits:
    """The signed limits of the release in force; see ``gateway.ports.SignedLimits``."""

    releases: ReleaseHolder

    def strictest(
        self, name: str, *, account: str = "", strategy: str = "", symbol: str = ""
    ) -> int:
        """The limit as it counts for such an order; 0 if it stands nowhere."""
        limits = self.releases.current.release.limits
        return limits.strictest(name, account=account, strategy=strategy, symbol=symbol)


class CurrentInstruments(Mapping[str, Instrument]):
    """The listed instruments of the release in force, by symbol."""

    def __init__(self, releases: ReleaseHolder) -> None:
        """Look into the holder at each question."""
        self._releases = releases

    def __getitem__(self, symbol: str) -> Instrument:
        """The instrument; ``KeyError`` if the release in force does not list it."""
        return self._releases.current.release.instruments[symbol]

    def __iter__(self) -> Iterator[str]:
        """Every listed symbol."""
        return iter(self._releases.current.release.instruments)

    def __len__(self) -> int:
        """How many are listed."""
        return len(self._releases.current.release.instruments)
