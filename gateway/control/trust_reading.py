"""What a look at the officers' trust root finds: made on a worker thread, judged on the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from signing import canonical
from signing.overlay import Overlay
from signing.permission import Seen, Verified
from signing.trusted import TrustedKeys

TRUST: Final = "trust"
MANIFEST: Final = "manifest"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was not accepted.

    ``of`` is TRUST or MANIFEST: whose steps ``step`` counts (``signing.trust.STEP_NAMES``,
    ``signing.permission.STEP_NAMES``; 0 is outside of them).
    """

    of: str
    step: int
    code: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust root that passed every step of its verification.

    ``floor`` is what nothing older is accepted than, from now on; ``evidence`` the document that
    proves it; ``officers`` the keys of those with the role ``compliance``. It holds until
    ``holds_until_us`` (wall time), when the first of its files expires. ``development``: one
    officer alone was enough.
    """

    floor: Mapping[str, Any]
    targets_digest: str
    holds_until_us: int
    versions: Mapping[str, int]
    development: bool
    officers: TrustedKeys = field(repr=False)
    overlays: tuple[Overlay, ...] = field(repr=False)
    evidence: bytes = field(repr=False)

    @property
    def evidence_digest(self) -> str:
        """What names the evidence."""
        return canonical.digest(self.evidence)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look: the trust root, and what it permits this gateway."""

    trust: Trust | Refused
    manifest: Verified | Refused


class TrustReader(Protocol):
    """Looks at a trust root; every call blocks, and one is made at a time."""

    def changed(self) -> bool:
        """Whether something may have changed since the last reading; cheap."""
        ...

    def read(self, now_us: int, floor: Mapping[str, Any] | None, seen: Seen) -> Reading:
        """Verify all of it for this moment, above what was accepted before; never raises."""
        ...
