"""What the verifier returns: who the officers are, what they signed, and until when it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, cast

from signing.canonical import INT_MAX
from signing.shapes import RecordError, integer, mapping, record, text
from signing.trust.errors import TrustError
from signing.trust.officers import Council
from signing.trust.targets import OVERLAYS, TARGETS_MAX, Target

_VERSION: Final = integer(0, INT_MAX)
_DIGEST: Final = text(r"[0-9a-f]{64}", "a SHA-256 in hexadecimal")
_DIGEST_OR_NONE: Final = text(r"([0-9a-f]{64})?", "a SHA-256 in hexadecimal")
_FLOOR: Final = record(
    {
        "root": _VERSION,
        "timestamp": _VERSION,
        "snapshot": _VERSION,
        "targets": _VERSION,
        "risk": _VERSION,
        "publisher": text(r"([0-9a-f]{64})?", "a raw key in hexadecimal"),
        "root_digest": _DIGEST_OR_NONE,
        "targets_digest": _DIGEST_OR_NONE,
        "overlays": mapping(text(r"overlays/.{1,120}", "an overlay's name"), _DIGEST, TARGETS_MAX),
    }
)


@dataclass(frozen=True, slots=True)
class Floor:
    """What was accepted last: nothing older is accepted again.

    Attributes:
        root: its version, and so on; 0 where nothing was seen.
        timestamp: counted for as long as the publisher's key stays the same, as the next two are:
            whoever had stolen it could have used up every number.
        snapshot: as timestamp.
        targets: counted always.
        risk: as timestamp.
        publisher: the raw key that had signed, in hexadecimal.
        root_digest: the SHA-256 of what was signed as the root of that version. Officers who signed
            two drafts with one number, and put one aside, have signed both: only one counts.
        targets_digest: the same of the targets.
        overlays: digests of the overlays by name: until they have ended they go only where the
            targets lift them, which it takes every officer's threshold to sign.
    """

    root: int = 0
    timestamp: int = 0
    snapshot: int = 0
    targets: int = 0
    risk: int = 0
    publisher: str = ""
    root_digest: str = ""
    targets_digest: str = ""
    overlays: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_dict(self) -> dict[str, Any]:
        """Write it as an object of integers and texts."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {
            "overlays": dict(self.overlays)
        }

    @classmethod
    def from_dict(cls, value: object) -> Floor:
        """Read what `to_dict` wrote.

        Raises:
            TrustError: `floor`: it is anything else.
        """
        try:
            _FLOOR("floor", value)
        except RecordError as error:
            remedy = "restore the record of what was accepted last"
            raise TrustError("floor", str(error), remedy) from error
        return cls(**cast("dict[str, Any]", value))


@dataclass(frozen=True, slots=True)
class RootState:
    """The newest root: who the officers are.

    Attributes:
        version: its version.
        digest: the SHA-256 of what was signed, in hexadecimal.
        expires_us: when it ends, microseconds UTC.
        council: its officers.
        development: this root, or one on the way to it from the pinned one, took one officer alone:
            whoever that was could have named all the others. A later root, pinned, ends it.
        root: its file: what others are given to pin.
        signed_by: the officers who signed it, those of the council before it included.
        chain: the root files that were read, by their paths.
    """

    version: int
    digest: str
    expires_us: int
    council: Council
    development: bool
    root: bytes = field(repr=False)
    signed_by: frozenset[str]
    chain: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrustState:
    """What the officers want to be the case, as of the moment it was judged for.

    Attributes:
        roots: the newest root.
        versions: of root, timestamp, snapshot, targets, and risk where there are overlays.
        expires_us: of the same, microseconds UTC.
        targets: every file by its name; overlays that the officers have lifted are none of them.
        targets_digest: the SHA-256 of what was signed as targets, in hexadecimal: a draft's digest.
        signed_by: role -> the officers whose signatures counted; for snapshot and timestamp the
            publisher, who is no officer.
        metadata: every metadata file that was read, by its path, and overlays that had ended and
            are gone: with the targets it is the evidence for judging the same moment again.
    """

    roots: RootState
    versions: Mapping[str, int]
    expires_us: Mapping[str, int]
    targets: Mapping[str, Target]
    targets_digest: str
    signed_by: Mapping[str, frozenset[str]]
    metadata: Mapping[str, bytes] = field(repr=False)

    @property
    def council(self) -> Council:
        """The officers."""
        return self.roots.council

    @property
    def development(self) -> bool:
        """Whether one officer alone was enough, now or on the way here."""
        return self.roots.development

    @property
    def holds_until_us(self) -> int:
        """The first moment at which some of it has expired."""
        return min(self.expires_us.values())

    @property
    def floor(self) -> Floor:
        """What to accept nothing older than, from now on."""
        overlays = {
            name: target.sha256
            for name, target in self.targets.items()
            if name.startswith(OVERLAYS)
        }
        publisher = self.council.publisher.hex
        return Floor(
            **{"risk": 0, **self.versions},
            publisher=publisher,
            root_digest=self.roots.digest,
            targets_digest=self.targets_digest,
            overlays=MappingProxyType(overlays),
        )
