"""What officers permit: the manifest that this gateway is held to, and where its accounts lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.domain.mode import Mode
from signing.manifest import Manifest

LIVE_LAPSED: Final = "LIVE_LAPSED"
"""Cause of the halt after LIVE has closed by itself."""
MANIFEST_LAPSED: Final = "MANIFEST_LAPSED"
"""Cause of the halt after the manifest in force has ended, in PAPER and in LIVE."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A manifest that every step of its verification has passed.

    ``digest`` is the SHA-256 of its bytes, which every decision under it rests on.
    """

    digest: str
    manifest: Manifest

    def stands(self, wall_us: int) -> bool:
        """Whether it permits anything at this wall time."""
        return self.manifest.valid_at(wall_us)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The manifest that the record names last, as far as the book needs it.

    ``lapsed`` says why it permits nothing any more; ``none`` while it does.
    """

    digest: str
    epoch: int
    mode: Mode
    release_digest: str
    lapses_us: int
    cancels_at_lapse: bool
    lapsed: str = "none"


@dataclass(frozen=True, slots=True)
class RunningRelease:
    """A release as a mode must suit it: what it is for, its own digest, and that of its data."""

    label: str
    digest: str
    data_digest: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where the orders of one account go; fixed when its broker is opened, for good.

    ``mode`` is the one mode in which they may: SIMULATION inside the gateway, PAPER at a broker's
    paper venue, LIVE with real money. ``hosts`` are the only ``host:port`` that are spoken to,
    sorted; none for a broker inside the gateway. ``broker_account`` is the broker's own number of
    the account, or ``none``.
    """

    account: str
    broker: str
    broker_account: str
    mode: Mode
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Validated:
    """What a broker says of the credentials that it was shown.

    ``problem`` is why they are of no use here, a code; ``none`` where they are sound. The broker's
    number of the account is its own word. ``trade_only`` is ``None`` where the broker does not
    tell whether the credentials could also move money out. ``skew_ms`` is by how much its clock is
    ahead of ours, ``None`` where it shows none.
    """

    problem: str
    broker_account: str
    trade_only: bool | None
    skew_ms: int | None
