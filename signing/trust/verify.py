"""Verify a trust root: a folder, a pinned root, a moment, and nothing else.

Gateway, officers and auditors all read trust through this one verifier. It believes no clock, no
key id and no file name; `now_us` is the moment that is judged, and what was accepted last (`Floor`)
is the only memory. Its steps, the first of which to fail is the answer:

1) The pinned root is written as Writ writes it and signed by enough of its own officers.
2) Each later root has the next version, and is signed by enough officers of the root before it and
   by enough of its own. Where it ends is the newest root.
3) The newest root has not expired, and is the one seen last or newer. Those on the way to it
   may have expired: they only say who came next.
4) The timestamp is signed by the publisher's key, has not expired, does not claim to be valid for
   longer than a publisher may, and is not older than the one seen last.
5) The snapshot is the file whose version, length and digest the timestamp names, is signed by the
   publisher and valid. It forgets no role, and names no version older than seen last.
6) The targets are the file that the snapshot names, signed by enough officers, valid, and the ones
   seen last or newer. Officers are counted by us: one person is one, whatever keys they have.
7) Overlays, where officers let risk officers add them, are the file that the snapshot names, signed
   by one whom the newest root calls a risk officer. No overlay that was seen may be missing or
   changed before it has ended by itself, unless the targets lift it by name and digest: loosening
   takes as many officers as ever. What they lift counts no more, whoever still names it.
8) Every file that was signed is there, and is what was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from signing.trust.checks import (
    check_snapshot,
    check_timestamp,
    enough,
    fault,
    fetch,
    read_named,
)
from signing.trust.errors import at_step
from signing.trust.library import (
    AnyMetadata,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    T,
    Targets,
    Timestamp,
)
from signing.trust.metadata import DAY_US, in_words, read_metadata, signed_digest, to_us
from signing.trust.officers import RISK, Council
from signing.trust.repository import TIMESTAMP, Repository
from signing.trust.roles import (
    council_of,
    counted_officers,
    counted_publisher,
    counted_risk,
    signers_of,
)
from signing.trust.state import Floor, RootState, TrustState
from signing.trust.targets import (
    TARGET_BYTES_MAX,
    Target,
    check_targets,
    lifted_by,
    target_path,
    targets_in,
)
from signing.trust.tightening import taken_back

ROOTS_MAX: Final = 1_024
"""The most roots that are followed from the pinned one."""
PUBLISH_DAYS_MAX: Final = 14
"""The longest that a timestamp or a snapshot may claim to be valid for. A publisher's key is
online, and whoever steals it must not be able to freeze trust for a year."""

_TARGETS: Final = "targets.json"
_RISK: Final = f"{RISK}.json"
_PUBLISH: Final = "publish again; whoever publishes should do so every day"
_RENEWALS: Final = MappingProxyType(
    {
        "root": "let the officers sign a new root",
        "timestamp": _PUBLISH,
        "snapshot": _PUBLISH,
        "targets": "let the officers sign the targets anew",
        RISK: "let a risk officer sign the overlays anew",
    }
)


def verify_trust(
    repository: Repository, pinned_root: bytes, now_us: int, floor: Floor | None = None
) -> TrustState:
    """Verify a trust root, steps 1 to 8.

    Args:
        repository: its files.
        pinned_root: a root file that the caller got from a source which is not this repository.
        now_us: the moment to judge, microseconds UTC.
        floor: what was accepted last.

    Raises:
        TrustError: the first step that fails.
    """
    verification = _Verification(repository, now_us, floor or Floor())
    roots = verification.roots(pinned_root)
    return verification.state(roots)


def read_roots(repository: Repository, pinned_root: bytes) -> RootState:
    """Verify who the officers are, steps 1 and 2 alone.

    It is for those who propose, sign and publish: they need no published state, and an expired root
    must still be followed by the next. Nothing may be decided by it.

    Raises:
        TrustError: the first step that fails.
    """
    return _Verification(repository, 0, Floor()).roots(pinned_root)


class _Verification:
    """One pass over one trust root."""

    def __init__(self, repository: Repository, now_us: int, floor: Floor) -> None:
        self._repository = repository
        self._now_us = now_us
        self._floor = floor
        self._same_publisher = False
        self._read: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._expires_us: dict[str, int] = {}
        self._signed_by: dict[str, frozenset[str]] = {}
        self._targets_digest = ""

    def roots(self, pinned: bytes) -> RootState:
        with at_step(1):
            metadata, council = self._pinned(pinned)
        signed_by = signers_of(metadata, counted_officers(council))
        development, data = council.development, pinned
        with at_step(2):
            while (later := self._later(metadata.signed.version)) is not None:
                data = later
                metadata, council, signed_by = self._next(later, metadata.signed.version, council)
                development = development or council.development
        return RootState(
            version=metadata.signed.version,
            digest=signed_digest(metadata.signed),
            expires_us=to_us(metadata.signed.expires),
            council=council,
            development=development,
            root=data,
            signed_by=signed_by,
            chain=MappingProxyType(dict(self._read)),
        )

    def state(self, roots: RootState) -> TrustState:
        council = roots.council
        with at_step(3):
            self._take("root", roots.version, roots.expires_us, roots.signed_by)
            self._same_as_seen("root", roots.digest, self._floor.root_digest)
        # What one publisher had signed binds nobody once the officers have named another.
        self._same_publisher = council.publisher.hex == self._floor.publisher
        with at_step(4):
            meta = self._timestamp(council)
        with at_step(5):
            snapshot = self._snapshot(meta, council)
        with at_step(6):
            signed, targets = self._targets(snapshot.meta[_TARGETS], council)
        with at_step(7):
            targets |= self._overlays(snapshot.meta.get(_RISK), council, signed)
            self._keep_overlays(targets, lifted_by(signed))
        with at_step(8):
            for target in targets.values():
                target.read()
        return TrustState(
            roots=roots,
            versions=MappingProxyType(self._versions),
            expires_us=MappingProxyType(self._expires_us),
            targets=MappingProxyType(targets),
            targets_digest=self._targets_digest,
            signed_by=MappingProxyType(self._signed_by),
            metadata=MappingProxyType(self._read),
        )

    def _pinned(self, pinned: bytes) -> tuple[Metadata[Root], Council]:
        metadata = read_metadata(Root, pinned)
        council = council_of(metadata.signed)
        enough("root", metadata, counted_officers(council), council.threshold)
        name = f"{metadata.signed.version}.root.json"
        self._read[f"metadata/{name}"] = pinned
        theirs = self._repository.metadata(name)
        if theirs is not None and (
            signed_digest(read_metadata(Root, theirs).signed) != signed_digest(metadata.signed)
        ):
            raise fault(
                "root-other",
                f"the folder has another root {metadata.signed.version} than the pinned one",
                "one of them is of another trust root: find out which",
            )
        return metadata, council

    def _later(self, version: int) -> bytes | None:
        name = f"{version + 1}.root.json"
        data = self._repository.metadata(name)
        if data is None:
            return None
        if len(self._read) > ROOTS_MAX:
            detail = f"more than {ROOTS_MAX} roots follow the pinned one"
            raise fault("roots-many", detail, "pin a newer root")
        self._read[f"metadata/{name}"] = data
        return data

    def _next(
        self, data: bytes, version: int, before: Council
    ) -> tuple[Metadata[Root], Council, frozenset[str]]:
        metadata = read_metadata(Root, data)
        found = metadata.signed.version
        if found != version + 1:
            raise fault("root-version", f"{version + 1}.root.json says it is version {found}")
        council = council_of(metadata.signed)
        old = enough("root", metadata, counted_officers(before), before.threshold)
        new = enough("root", metadata, counted_officers(council), council.threshold)
        return metadata, council, old | new

    def _timestamp(self, council: Council) -> MetaFile:
        name = TIMESTAMP.removeprefix("metadata/")
        metadata = read_metadata(Timestamp, self._file(name))
        check_timestamp(metadata.signed)
        self._published(metadata, council)
        return metadata.signed.snapshot_meta

    def _snapshot(self, meta: MetaFile, council: Council) -> Snapshot:
        metadata = self._named(Snapshot, "snapshot", meta)
        found = metadata.signed
        if not {_TARGETS} <= found.meta.keys() <= {_TARGETS, _RISK}:
            raise fault("snapshot-roles", "the snapshot names other roles than targets and risk")
        check_snapshot(found)
        self._published(metadata, council)
        if _RISK not in found.meta and self._seen(RISK):
            raise fault("role-removed", "the snapshot forgets the overlays that were seen before")
        return found

    def _published(self, metadata: AnyMetadata, council: Council) -> None:
        role, ends_us = metadata.signed.type, to_us(metadata.signed.expires)
        signed_by = enough(role, metadata, counted_publisher(council), 1)
        if ends_us > self._now_us + PUBLISH_DAYS_MAX * DAY_US:
            raise fault(
                f"{role}-long",
                f"the {role} claims to hold until {in_words(ends_us)}, more than "
                f"{PUBLISH_DAYS_MAX} days from now",
                "publish again for fewer days, and check the clock",
            )
        self._take(role, metadata.signed.version, ends_us, signed_by)

    def _targets(self, meta: MetaFile, council: Council) -> tuple[Targets, dict[str, Target]]:
        metadata = self._named(Targets, "targets", meta)
        check_targets(metadata.signed, risk=False)
        signed_by = enough("targets", metadata, counted_officers(council), council.threshold)
        self._take_file("targets", metadata, signed_by)
        self._targets_digest = signed_digest(metadata.signed)
        self._same_as_seen("targets", self._targets_digest, self._floor.targets_digest)
        return metadata.signed, targets_in(metadata.signed, self._repository)

    def _overlays(
        self, meta: MetaFile | None, council: Council, officers: Targets
    ) -> dict[str, Target]:
        delegated = check_targets(officers, risk=False)
        if meta is None or not delegated:
            return {}
        metadata = self._named(Targets, RISK, meta)
        check_targets(metadata.signed, risk=True)
        signed_by = enough(RISK, metadata, counted_risk(council, delegated), 1)
        self._take_file(RISK, metadata, signed_by)
        named, lifted = targets_in(metadata.signed, self._repository), lifted_by(officers)
        return {name: one for name, one in named.items() if lifted.get(name) != one.sha256}

    def _keep_overlays(self, found: dict[str, Target], lifted: Mapping[str, str]) -> None:
        now = {name: target.sha256 for name, target in found.items()}
        for name, sha256 in self._floor.overlays.items():
            if sha256 not in {now.get(name), lifted.get(name)}:
                self._read_gone(target_path(name, sha256))
        gone = taken_back(self._repository, self._floor.overlays, now, lifted, self._now_us)
        if gone is not None:
            raise fault(
                "overlay-removed",
                f"{gone} was in force, and is gone or another one",
                "put it back, or let the officers lift it",
            )

    def _read_gone(self, path: str) -> None:
        """Keep what tells that an overlay had ended: it belongs to the evidence."""
        data = self._repository.read(path, TARGET_BYTES_MAX)
        if data is not None:
            self._read[path] = data

    def _file(self, name: str) -> bytes:
        data = fetch(self._repository, name)
        self._read[f"metadata/{name}"] = data
        return data

    def _named(self, kind: type[T], role: str, meta: MetaFile) -> Metadata[T]:
        return read_named(kind, role, meta, self._file(f"{meta.version}.{role}.json"))

    def _take_file(self, role: str, metadata: AnyMetadata, signed_by: frozenset[str]) -> None:
        self._take(role, metadata.signed.version, to_us(metadata.signed.expires), signed_by)

    def _take(self, role: str, version: int, ends_us: int, signed_by: frozenset[str]) -> None:
        """Note a file whose signatures count, unless it has expired or is older than seen last."""
        if ends_us <= self._now_us:
            detail = f"the {role} expired at {in_words(ends_us)}"
            raise fault(f"{role}-expired", detail, _RENEWALS[role])
        if version < self._seen(role):
            detail = f"the {role} has version {version}, and {self._seen(role)} was seen before"
            raise fault(f"{role}-older", detail)
        self._versions[role] = version
        self._expires_us[role] = ends_us
        self._signed_by[role] = signed_by

    def _same_as_seen(self, role: str, digest: str, seen: str) -> None:
        if self._versions[role] == self._seen(role) and seen not in {"", digest}:
            raise fault(
                f"{role}-changed",
                f"the {role} has the version that was seen before, and is another one",
                "let the officers sign the right one with the next version",
            )

    def _seen(self, role: str) -> int:
        lasting = {"root": self._floor.root, "targets": self._floor.targets}
        if role in lasting:
            return lasting[role]
        passing = {
            "timestamp": self._floor.timestamp,
            "snapshot": self._floor.snapshot,
            RISK: self._floor.risk,
        }
        return passing[role] if self._same_publisher else 0
