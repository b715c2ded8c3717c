"""Mode and Ω4: what may be forwarded at all, changed by named people, on the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.book import NONE
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.domain.mode import OUTSIDE, Mode
from gateway.domain.permission import Permission, RunningRelease
from gateway.ports import Clock, Draft, Journal
from signing.permission import holds_release

DEMONSTRATION: Final = "demonstration"


def check_label(mode: Mode, release_label: str) -> None:
    """Refuse a mode that a release is not made for.

    Raises:
        RefusedError: ``release-not-for-mode``.
    """
    if release_label == DEMONSTRATION and mode is not Mode.SIMULATION:
        raise RefusedError(
            "release-not-for-mode",
            f"a release labelled demonstration does not run in {mode}",
            "run it in SIMULATION, or configure another release",
        )


@dataclass(frozen=True, slots=True)
class ModeCheck:
    """Whether a mode can be run with a release.

    ``standing`` is the manifest that stands at this moment; ``live_enabled`` is the operator's
    own word, without which LIVE is not even prepared.
    """

    standing: Callable[[], Permission | None]
    live_enabled: bool

    def __call__(self, mode: Mode, release: RunningRelease) -> None:
        """Refuse a mode that cannot be run, or that the release may not run in.

        LIVE begins closed: that it can be set says nothing about orders.

        Raises:
            RefusedError: ``mode-unavailable``, ``release-not-for-mode`` or
                ``release-not-permitted``.
        """
        if mode in OUTSIDE:
            self._check_signed(mode, release)
        check_label(mode, release.label)

    def _check_signed(self, mode: Mode, release: RunningRelease) -> None:
        if mode is Mode.LIVE and not self.live_enabled:
            raise _unavailable(mode, "WRIT_LIVE_ENABLED is not true")
        standing = self.standing()
        if standing is None:
            raise _unavailable(mode, "no manifest that the officers signed stands here")
        manifest = standing.manifest
        if manifest.mode != mode:
            raise _unavailable(mode, f"the manifest that stands is for {manifest.mode}")
        if not holds_release(manifest, release.digest, release.data_digest):
            raise RefusedError(
                "release-not-permitted",
                f"in {mode} only the release {manifest.release_digest} may run, "
                f"and this is {release.digest}",
                "switch to the release that the manifest names, or let the officers sign this one",
            )


def _unavailable(mode: Mode, why: str) -> RefusedError:
    return RefusedError(
        "mode-unavailable",
        f"{mode} is refused: {why}",
        "GET /v1/manifests says what is missing; RESEARCH and SIMULATION need no manifest",
    )


class Modes:
    """Sets the mode and lifts or restores Ω4."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        releases: Callable[[], Sequence[RunningRelease]],
        check: ModeCheck,
        mode_max: Mode,
    ) -> None:
        """Wire the record.

        ``releases`` are those that the mode must suit, by ``check``; ``mode_max`` is the most that
        the operator's file allows, at the start and ever after.
        """
        self._journal = journal
        self._clock = clock
        self._releases = releases
        self._check = check
        self._mode_max = mode_max
        self.on_mode: Callable[[], object] = _nothing
        """Called at once when the mode has changed, before anything is awaited."""

    async def set_mode(self, mode: Mode, by: str) -> None:
        """Change the mode; nothing that was sent changes its venue.

        Raises:
            RefusedError: the mode is not to be had here.
            UnavailableError: it could not be recorded; the mode is unchanged or will be restored.
        """
        for release in self._releases():
            self._check(mode, release)
        if mode.exceeds(self._mode_max):
            raise RefusedError(
                "mode-unavailable",
                f"{mode} is refused: the operator's broker.yaml allows {self._mode_max} at most",
                f"stay in {self._mode_max}, or allow more in the file and restart",
            )
        recorded = self._journal.record([Draft("mode", {"mode": mode.value, "by": by})])
        self.on_mode()
        await recorded

    async def lift_omega4(self, by: str, reason: str, until_us: int | None) -> None:
        """Let orders be forwarded, until a wall time or until restored; survives restarts.

        Raises:
            InvalidInputError: ``time-past``.
        """
        if until_us is not None and until_us <= self._clock.wall_us():
            raise InvalidInputError("time-past", "the end of the lift is past", "give a later time")
        until = NONE if until_us is None else until_us
        await self._omega4(lifted=True, by=by, reason=reason, until=until)

    async def restore_omega4(self, by: str, reason: str) -> None:
        """Put Ω4 back in force: nothing is forwarded any more."""
        await self._omega4(lifted=False, by=by, reason=reason, until=NONE)

    async def _omega4(self, *, lifted: bool, by: str, reason: str, until: int | str) -> None:
        payload = {"lifted": lifted, "by": by, "reason": reason, "until_us": until}
        await self._journal.record([Draft("omega4", payload)])


def _nothing() -> None:
    """What follows a change of mode where nobody listens."""
