"""The newest files of a folder that count, which may not have been published yet.

They are what the next change builds upon, and what is published next. A file that not enough
officers have signed is nobody's: whoever can write to the folder may put one there, and it is left
out as if it were not there. What was published last is never passed over for something older.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from signing.trust.checks import fetch
from signing.trust.errors import TrustError
from signing.trust.library import Metadata, Snapshot, Targets, Timestamp
from signing.trust.metadata import read_metadata
from signing.trust.officers import RISK, Council
from signing.trust.repository import TIMESTAMP, Repository
from signing.trust.roles import counted_officers, counted_risk, signers_of
from signing.trust.targets import check_targets

STRANGERS_MAX: Final = 64
"""The most files that count for nothing which are passed over."""

_UNREADABLE: Final = "file-unreadable"


def latest_targets(repository: Repository, council: Council) -> Metadata[Targets] | None:
    """The newest targets that enough of these officers have signed, or those published last.

    Raises:
        TrustError: `files-many`; what was published cannot be read, or Writ would not have
            written it.
    """
    return _latest(repository, "targets", lambda found: targets_hold(found, council))


def latest_overlays(
    repository: Repository, targets: Metadata[Targets] | None, council: Council
) -> Metadata[Targets] | None:
    """The newest overlays that one signed who may, or those published last.

    Raises:
        TrustError: as `latest_targets`.
    """
    return _latest(
        repository,
        RISK,
        lambda found: targets is not None and overlays_hold(found, targets, council),
    )


def targets_hold(targets: Metadata[Targets], council: Council) -> bool:
    """Tell whether enough of these officers have signed the targets."""
    return len(signers_of(targets, counted_officers(council))) >= council.threshold


def overlays_hold(
    overlays: Metadata[Targets], targets: Metadata[Targets], council: Council
) -> bool:
    """Tell whether one signed the overlays who is a risk officer by root and by targets."""
    delegated = check_targets(targets.signed, risk=False)
    return bool(signers_of(overlays, counted_risk(council, delegated)))


def _latest(
    repository: Repository, role: str, holds: Callable[[Metadata[Targets]], bool]
) -> Metadata[Targets] | None:
    published = _published(repository).get(f"{role}.json", 0)
    newer = [version for version in repository.versions(role) if version > published]
    for version in newer[:STRANGERS_MAX]:
        found = _unpublished(repository, role, version)
        if found is not None and holds(found):
            return found
    if len(newer) > STRANGERS_MAX:
        raise TrustError(
            "files-many",
            f"more than {STRANGERS_MAX} files of {role} count for nothing",
            "remove the files that nobody has signed from the metadata folder",
        )
    return _read(repository, role, published) if published else None


def _published(repository: Repository) -> Mapping[str, int]:
    """The versions that the timestamp leads to; none before the first time."""
    name = TIMESTAMP.removeprefix("metadata/")
    timestamp = repository.metadata(name)
    if timestamp is None:
        return {}
    version = read_metadata(Timestamp, timestamp).signed.snapshot_meta.version
    snapshot = read_metadata(Snapshot, fetch(repository, f"{version}.snapshot.json"))
    return {name: file.version for name, file in snapshot.signed.meta.items()}


def _unpublished(repository: Repository, role: str, version: int) -> Metadata[Targets] | None:
    """A file that anybody may have put there; None where it is not what its name says."""
    try:
        found = _read(repository, role, version)
    except TrustError as error:
        if error.code == _UNREADABLE:  # the disk's fault may hide what officers have signed
            raise
        return None
    return found if found.signed.version == version else None


def _read(repository: Repository, role: str, version: int) -> Metadata[Targets]:
    metadata = read_metadata(Targets, fetch(repository, f"{version}.{role}.json"))
    check_targets(metadata.signed, risk=role == RISK)
    return metadata
