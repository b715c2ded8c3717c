"""The newest files of a folder, which may not have been published yet.

They are what the next change builds upon, and nothing is trusted because it is the newest.
"""

from __future__ import annotations

from signing.trust.checks import fetch
from signing.trust.library import Metadata, Snapshot, T, Targets
from signing.trust.metadata import read_metadata
from signing.trust.officers import RISK, Council
from signing.trust.repository import Repository
from signing.trust.roles import counted_officers, counted_risk, signers_of
from signing.trust.targets import check_targets


def latest_targets(repository: Repository) -> Metadata[Targets] | None:
    """The newest targets.

    Raises:
        TrustError: the file cannot be read, or Writ would not have written it.
    """
    metadata = _latest(Targets, "targets", repository)
    if metadata is not None:
        check_targets(metadata.signed, risk=False)
    return metadata


def latest_overlays(repository: Repository) -> Metadata[Targets] | None:
    """The newest overlays.

    Raises:
        TrustError: as `latest_targets`.
    """
    metadata = _latest(Targets, RISK, repository)
    if metadata is not None:
        check_targets(metadata.signed, risk=True)
    return metadata


def published_targets(repository: Repository) -> int:
    """The version of the targets that were published last, 0 before the first time.

    Raises:
        TrustError: the file cannot be read.
    """
    metadata = _latest(Snapshot, "snapshot", repository)
    named = None if metadata is None else metadata.signed.meta.get("targets.json")
    return 0 if named is None else named.version


def targets_hold(targets: Metadata[Targets], council: Council) -> bool:
    """Tell whether enough of these officers have signed the targets."""
    return len(signers_of(targets, counted_officers(council))) >= council.threshold


def overlays_hold(
    overlays: Metadata[Targets], targets: Metadata[Targets], council: Council
) -> bool:
    """Tell whether one signed the overlays who is a risk officer by root and by targets."""
    delegated = check_targets(targets.signed, risk=False)
    return bool(signers_of(overlays, counted_risk(council, delegated)))


def _latest(kind: type[T], role: str, repository: Repository) -> Metadata[T] | None:
    version = repository.latest(role)
    if version == 0:
        return None
    return read_metadata(kind, fetch(repository, f"{version}.{role}.json"))
