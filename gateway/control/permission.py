"""What officers permit at this moment: the answers that gate, facts and modes ask for.

Nothing here looks at a file, waits or writes. `gateway.control.acceptance` says what was accepted
and what has ended; this compares it with the clock at every question, so that an expiry needs
nobody to notice it. The clock only ever counts forwards here: a moment that is past stays past.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.control.trust_reading import Refused, Trust
from gateway.domain.book import Book
from gateway.domain.mode import OUTSIDE, Mode
from gateway.domain.permission import Permission, Route, RunningRelease
from gateway.ports import Clock
from signing.manifest import Account
from signing.overlay import Overlay
from signing.permission import Venue, holds_release, leads_there
from signing.trusted import TrustedKeys

CLOCK_BACK_MAX_US: Final = 5_000_000
"""How far the wall clock may be set back before it is believed no more."""

MANIFEST_MISSING: Final = "MANIFEST_MISSING"
MANIFEST_EXPIRED: Final = "MANIFEST_EXPIRED"
ATTESTATION_ENDED: Final = "ATTESTATION_ENDED"
TRUST_EXPIRED: Final = "TRUST_EXPIRED"
CLOCK_WENT_BACK: Final = "CLOCK_WENT_BACK"


@dataclass(frozen=True, slots=True)
class Report:
    """What is told about the manifest.

    ``permission`` is the one accepted last; ``lapsed`` says why it permits nothing, ``None``
    where it does. ``refused`` is what the last look did not accept, ``trust`` what it did.
    ``doubtful``: the folder cannot be read at the moment, and what stood goes on for seconds.
    """

    permission: Permission | None
    lapsed: str | None
    release_in_force: bool
    trust: Trust | None
    refused: Refused | None
    doubtful: bool


def _closed() -> bool:
    return False


def venue_of(route: Route) -> Venue:
    """A route in the words of a manifest."""
    account = Account(route.broker, route.broker_account, tuple(sorted(route.hosts)))
    return Venue(route.mode.value, account)


class Permissions:
    """Implements :class:`gateway.ports.Permits`; belongs to one event loop."""

    def __init__(
        self, book: Callable[[], Book], clock: Clock, in_force: Callable[[], RunningRelease]
    ) -> None:
        """Begin with nothing permitted.

        Args:
            book: the state as of now; its mode is asked for.
            clock: wall time.
            in_force: the release in force.
        """
        self._book = book
        self._clock = clock
        self._in_force = in_force
        self._accepted: Permission | None = None
        self._trust: Trust | None = None
        self._refused: Refused | None = None
        self._ended = ""
        self._newest_us = 0
        self._callbacks: list[Callable[[], None]] = []
        self.live: Callable[[], bool] = _closed
        """Whether LIVE was opened and not closed; closed as long as nobody is asked."""
        self.doubtful = False

    # --- what is asked ----------------------------------------------------------------------------

    def standing(self) -> Permission | None:
        """The manifest that stands now, whichever release it names."""
        return None if self.lapsed() is not None else self._accepted

    def permission(self) -> Permission | None:
        """The manifest that stands now and names the release in force and its data."""
        standing = self.standing()
        if standing is None:
            return None
        release = self._in_force()
        held = holds_release(standing.manifest, release.digest, release.data_digest)
        return standing if held else None

    def lapsed(self) -> str | None:
        """Why nothing is permitted at this moment; ``None``: a manifest stands."""
        if self._accepted is None or self._ended:
            return self._ended or MANIFEST_MISSING
        manifest = self._accepted.manifest
        if self.clock_back() or self._clock.wall_us() < manifest.valid_from_us:
            return CLOCK_WENT_BACK
        if self._newest_us >= manifest.valid_until_us:
            return MANIFEST_EXPIRED
        if self._newest_us >= manifest.lapses_us:
            return ATTESTATION_ENDED
        return None if self._trust_holds() else TRUST_EXPIRED

    def clock_back(self) -> bool:
        """Whether the wall clock was set back since it was looked at first."""
        now_us = self._clock.wall_us()
        self._newest_us = max(self._newest_us, now_us)
        return now_us < self._newest_us - CLOCK_BACK_MAX_US

    def names(self, route: Route) -> bool:
        """Whether the manifest accepted last names this account with exactly this venue.

        Also after it has lapsed: what reduces a position still leads nowhere else.
        """
        manifest = None if self._accepted is None else self._accepted.manifest
        return manifest is not None and leads_there(manifest, route.account, venue_of(route))

    def overlays(self) -> tuple[Overlay, ...]:
        """The overlays accepted last; they tighten for their whole time, whatever lapses."""
        return () if self._trust is None else self._trust.overlays

    def officers(self) -> TrustedKeys:
        """Whose overrides count: compliance officers, while trust holds."""
        trust = self._trust
        held = trust is not None and self._refused_trust() is None and self._trust_holds()
        return trust.officers if trust is not None and held else TrustedKeys()

    def live_open(self) -> bool:
        """Whether LIVE is open: permitted as of now, opened by an Admin, and not closed since."""
        permission = self.permission()
        return permission is not None and permission.manifest.mode == Mode.LIVE and self.live()

    def refusal(self, route: Route, *, release_digest: str, exits: bool) -> str | None:
        """Why the gate must not forward an order there in the mode as it is, or ``None``."""
        mode = self._book().mode
        if route.mode is not mode:
            return "GATE_VENUE"
        if mode not in OUTSIDE:
            return None
        if self._accepted is not None and not self.names(route):
            return "GATE_VENUE"
        permission = self.permission()
        permits = (
            permission is not None
            and permission.manifest.mode == mode
            and permission.manifest.release_digest == release_digest
        )
        if not permits and not (exits and self._accepted is not None):
            return "GATE_MANIFEST"
        if mode is Mode.LIVE and not exits and not self.live_open():
            return "GATE_LIVE"
        return None

    def report(self) -> Report:
        """All of it, to be shown."""
        return Report(
            permission=self._accepted,
            lapsed=self.lapsed(),
            release_in_force=self.permission() is not None,
            trust=self._trust,
            refused=self._refused,
            doubtful=self.doubtful,
        )

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call this on the loop whenever what stands may have changed by more than the clock."""
        self._callbacks.append(callback)

    # --- what acceptance says ---------------------------------------------------------------------

    def accept(self, trust: Trust, permission: Permission | None) -> None:
        """Take what is durable in the record; without a manifest the one before has ended."""
        self._trust = trust
        self._newest_us = max(self._newest_us, self._clock.wall_us())
        if permission is not None:
            self._accepted, self._ended, self._refused = permission, "", None
        self.doubtful = False
        self._changed()

    def refuse(self, refused: Refused) -> None:
        """Keep what was not accepted, to be shown."""
        self._refused = refused

    def end(self, cause: str) -> None:
        """Let the manifest permit nothing from now on; the first cause is the one that is told."""
        self._ended = self._ended or cause
        self._changed()

    def _refused_trust(self) -> Refused | None:
        refused = self._refused
        settled = refused is not None and refused.of == "trust" and not self.doubtful
        return refused if settled else None

    def _trust_holds(self) -> bool:
        self._newest_us = max(self._newest_us, self._clock.wall_us())
        return self._trust is not None and self._newest_us < self._trust.holds_until_us

    def _changed(self) -> None:
        for callback in self._callbacks:
            callback()
