"""Why a manifest has lapsed, by what was refused; each a code of the `lapse` entry."""

from __future__ import annotations

from typing import Final

from gateway.control.permission import (
    ATTESTATION_ENDED,
    CLOCK_WENT_BACK,
    MANIFEST_EXPIRED,
    TRUST_EXPIRED,
)
from gateway.control.trust_reading import MANIFEST, TRUST, Refused

MANIFEST_REVOKED: Final = "MANIFEST_REVOKED"
MANIFEST_REPLACED: Final = "MANIFEST_REPLACED"
TRUST_REFUSED: Final = "TRUST_REFUSED"
TRUST_ROLLED_BACK: Final = "TRUST_ROLLED_BACK"
TRUST_UNREADABLE: Final = "TRUST_UNREADABLE"

PROVES_NOTHING: Final = frozenset(
    {
        *("metadata-missing", "metadata-form", "file-unreadable", "file-long"),
        *("target-missing", "target-differs", "pinned-unreadable", "trust-timeout"),
        *("snapshot-other", "targets-other", "risk-other"),
    }
)
"""Codes of what a folder says that is half-written or away."""

CLOCK_BACK: Final = Refused(
    TRUST, 0, "clock-back", "the wall clock was set back", "set it right; then restart the gateway"
)
"""What is told instead of a reading while the clock cannot be believed."""

_ROLLED_BACK: Final = frozenset({"overlay-removed", "role-removed", "root-other"})
_CAUSES: Final = {
    "manifest-revoked": MANIFEST_REVOKED,
    "manifest-expired": MANIFEST_EXPIRED,
    "attestation-ended": ATTESTATION_ENDED,
    "clock-back": CLOCK_WENT_BACK,
}


def cause_of(refused: Refused) -> str:
    """The cause of a lapse that follows from a refusal."""
    code = refused.code
    if code in _CAUSES or refused.of == MANIFEST:
        return _CAUSES.get(code, MANIFEST_REPLACED)
    if code in PROVES_NOTHING:
        return TRUST_UNREADABLE
    if code.endswith("-expired"):
        return TRUST_EXPIRED
    if code in _ROLLED_BACK or code.endswith(("-older", "-changed")):
        return TRUST_ROLLED_BACK
    return TRUST_REFUSED
