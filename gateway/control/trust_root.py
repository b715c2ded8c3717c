"""The officers' trust root, as a gateway reads it: a folder, and the root that it was told to pin.

Loading this loads the library of the trust root, which a gateway without one does not need.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.control.trust_reading import MANIFEST, TRUST, Reading, Refused, Trust
from signing.addressee import is_for
from signing.overlay import Overlay, OverlayError, parse_overlay
from signing.permission import Here, NotPermittedError, Seen, Verified, verify_permission
from signing.trust import (
    METADATA_BYTES_MAX,
    OVERLAYS,
    Council,
    Floor,
    Repository,
    TrustError,
    TrustState,
    verify_trust,
)
from signing.trust.evidence import encode_evidence
from signing.trusted import TrustedKeys

COMPLIANCE: Final = "compliance"
"""The role of officers whose overrides count."""
READS_TO_SETTLE: Final = 2
"""How often one print is verified: within a tick of the file system's clock it tells too little."""

_WATCHED: Final = (
    "metadata",
    "metadata/timestamp.json",
    "targets",
    "targets/release",
    "targets/overlays",
)
_Print = tuple[tuple[int, int, int, int] | None, ...]


class TrustRoot:
    """Implements :class:`gateway.control.trust_reading.TrustReader` over a folder."""

    def __init__(self, folder: Path, pinned: Path, here: Here) -> None:
        """``pinned`` is the file of the root that is trusted; ``here`` is this gateway."""
        self._folder = folder
        self._pinned = pinned
        self._here = here
        self._believed: _Print = ()
        self._reads = 0

    def changed(self) -> bool:
        """Whether the folder or the pinned root looks otherwise than at the last readings."""
        return self._reads < READS_TO_SETTLE or self._print() != self._believed

    def read(self, now_us: int, floor: Mapping[str, Any] | None, seen: Seen) -> Reading:
        """Verify trust root, overlays and manifest."""
        before = self._print()  # before reading: what changes meanwhile is a change
        self._reads = self._reads + 1 if before == self._believed else 1
        self._believed = before
        try:
            pinned = self._pinned_root()
            known = None if floor is None else Floor.from_dict(dict(floor))
            state = verify_trust(Repository(self._folder), pinned, now_us, known)
            trust = self._trust(state, pinned, now_us)
        except TrustError as error:
            refused = Refused(TRUST, error.step, error.code, error.detail, error.remedy)
            return Reading(refused, refused)
        return Reading(trust, self._manifest(state, seen, now_us))

    def _pinned_root(self) -> bytes:
        try:
            # Not blocking: what has the file's name may be a pipe that nobody writes to.
            descriptor = os.open(self._pinned, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(METADATA_BYTES_MAX + 1)
        except OSError as error:
            raise TrustError(
                "pinned-unreadable",
                f"the pinned root cannot be read: {error.strerror}",
                "put the file that WRIT_TRUST_ROOT names back",
            ) from error

    def _trust(self, state: TrustState, pinned: bytes, now_us: int) -> Trust:
        return Trust(
            floor=state.floor.to_dict(),
            targets_digest=state.targets_digest,
            holds_until_us=state.holds_until_us,
            versions=dict(state.versions),
            development=state.development,
            officers=_keys(state.council),
            overlays=self._overlays(state),
            evidence=encode_evidence(state, pinned, now_us),
        )

    def _overlays(self, state: TrustState) -> tuple[Overlay, ...]:
        """Those for this gateway; one that cannot be read might be for it, so all is refused."""
        found: list[Overlay] = []
        for name, target in sorted(state.targets.items()):
            if not name.startswith(OVERLAYS):
                continue
            try:
                overlay = parse_overlay(target.read())
            except OverlayError as error:
                raise _overlay_refused(name, str(error)) from error
            if overlay.target != name:
                raise _overlay_refused(name, f"it calls itself {overlay.name}")
            if is_for(overlay.gateway, self._here.log):
                found.append(overlay)
        return tuple(found)

    def _manifest(self, state: TrustState, seen: Seen, now_us: int) -> Verified | Refused:
        try:
            return verify_permission(state, self._here, seen, now_us)
        except NotPermittedError as error:
            return Refused(MANIFEST, error.step, error.code, error.detail, error.remedy)
        except TrustError as error:
            return Refused(MANIFEST, 1, error.code, error.detail, error.remedy)

    def _print(self) -> _Print:
        return tuple(map(_printed, (self._pinned, *(self._folder / one for one in _WATCHED))))


def _printed(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _keys(council: Council) -> TrustedKeys:
    return TrustedKeys(
        {key.raw: officer.name for officer in council.with_role(COMPLIANCE) for key in officer.keys}
    )


def _overlay_refused(name: str, why: str) -> TrustError:
    return TrustError(
        "overlay-malformed", f"{name}: {why}", "let the officers lift it: `writ manifest lift`", 8
    )
