"""Mode and Ω4: what may be forwarded at all, changed by named people, on the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.domain.book import NONE
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.domain.mode import Mode
from gateway.ports import Clock, Draft, Journal

DEMONSTRATION: Final = "demonstration"
_UNAVAILABLE: Final = {
    Mode.PAPER: "no paper venue is connected to this gateway",
    Mode.LIVE: "LIVE needs a signed compliance manifest, secrets from a vault, an armed risk "
    "engine and an Admin's passkey, none of which this gateway has",
}


def check_mode(mode: Mode, release_label: str) -> None:
    """Refuse a mode that cannot be run, or that the release may not run in.

    Raises:
        RefusedError: ``mode-unavailable`` or ``release-not-for-mode``.
    """
    if mode in _UNAVAILABLE:
        raise RefusedError(
            "mode-unavailable", f"{mode} is refused: {_UNAVAILABLE[mode]}", "use SIMULATION"
        )
    if release_label == DEMONSTRATION and mode is not Mode.SIMULATION:
        raise RefusedError(
            "release-not-for-mode",
            f"a release labelled demonstration does not run in {mode}",
            "run it in SIMULATION, or configure another release",
        )


class Modes:
    """Sets the mode and lifts or restores Ω4."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        release_labels: Callable[[], Sequence[str]],
        mode_max: Mode,
    ) -> None:
        """Wire the record.

        ``release_labels`` are those of the releases that the mode must suit; ``mode_max`` is the
        most that the operator's file allows, at the start and ever after.
        """
        self._journal = journal
        self._clock = clock
        self._release_labels = release_labels
        self._mode_max = mode_max

    async def set_mode(self, mode: Mode, by: str) -> None:
        """Change the mode; nothing that was sent changes its venue.

        Raises:
            RefusedError: the mode is not to be had here.
            UnavailableError: it could not be recorded; the mode is unchanged or will be restored.
        """
        for label in self._release_labels():
            check_mode(mode, label)
        if mode.exceeds(self._mode_max):
            raise RefusedError(
                "mode-unavailable",
                f"{mode} is refused: the operator's broker.yaml allows {self._mode_max} at most",
                f"stay in {self._mode_max}, or allow more in the file and restart",
            )
        await self._journal.record([Draft("mode", {"mode": mode.value, "by": by})])

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
