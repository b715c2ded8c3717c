"""Publishing: the publisher's key says which files are the newest, and that this is still so.

It is done after every change of targets and overlays, and every day besides: what is not renewed
expires within days, and trust ends with it. The publisher can hide a change for so long, and can
change nothing that officers sign.
"""

from __future__ import annotations

from typing import Final

from signing.keys import Signer
from signing.trust.checks import fetch
from signing.trust.errors import TrustError
from signing.trust.latest import latest_overlays, latest_targets
from signing.trust.library import AnyMetadata, Metadata, MetaFile, Snapshot, Targets, Timestamp
from signing.trust.metadata import DAY_US, meta_file, to_moment, write_metadata
from signing.trust.officers import RISK, Council
from signing.trust.repository import TIMESTAMP, Repository
from signing.trust.roles import add_signature
from signing.trust.state import TrustState
from signing.trust.verify import PUBLISH_DAYS_MAX, read_roots, verify_trust

PUBLISH_DAYS: Final = 3


def publish(
    repository: Repository,
    pinned_root: bytes,
    publisher: Signer,
    now_us: int,
    days: int = PUBLISH_DAYS,
) -> TrustState:
    """Publish the newest targets and overlays, or renew what is published.

    Files that not enough officers have signed are left out, whatever their number.

    Snapshot and timestamp always have one number, so that the files of the folder say which is
    next. If we crash in between, the number is used up and the old timestamp stands.

    Args:
        repository: the trust root.
        pinned_root: the root that is trusted.
        publisher: the key that the newest root names for it.
        now_us: the present, microseconds UTC.
        days: how long it is valid, 1 to PUBLISH_DAYS_MAX.

    Raises:
        TrustError: `publish-days`; `publisher-other`: another key; and whatever the verifier
            refuses of what would be published. Then nothing is written.
    """
    if not 1 <= days <= PUBLISH_DAYS_MAX:
        detail = f"{days} days are not between 1 and {PUBLISH_DAYS_MAX}"
        raise TrustError("publish-days", detail, "publish for a few days, and every day")
    roots = read_roots(repository, pinned_root)
    if publisher.public != roots.council.publisher:
        raise TrustError(
            "publisher-other",
            "this is not the publisher's key that the newest root names",
            "use that key, or let the officers name this one",
        )
    version, expires = repository.following("snapshot"), to_moment(now_us + days * DAY_US)
    named = _newest(repository, roots.council)
    snapshot = _signed(Metadata(Snapshot(version, None, expires, named)), publisher)
    timestamp = Timestamp(version, None, expires, meta_file(version, snapshot))
    staged = repository.staging(
        {
            f"metadata/{version}.snapshot.json": snapshot,
            TIMESTAMP: _signed(Metadata(timestamp), publisher),
        }
    )
    state = verify_trust(staged, pinned_root, now_us)
    staged.commit()
    return state


def _newest(repository: Repository, council: Council) -> dict[str, MetaFile]:
    targets = latest_targets(repository, council)
    if targets is None:
        raise TrustError(
            "metadata-missing",
            "no targets are there that enough officers have signed",
            "let the officers sign what is permitted, and publish then",
        )
    overlays = latest_overlays(repository, targets, council)
    named = {"targets.json": _file(repository, "targets", targets)}
    return (
        named if overlays is None else {**named, f"{RISK}.json": _file(repository, RISK, overlays)}
    )


def _file(repository: Repository, role: str, metadata: Metadata[Targets]) -> MetaFile:
    version = metadata.signed.version
    return meta_file(version, fetch(repository, f"{version}.{role}.json"))


def _signed(metadata: AnyMetadata, publisher: Signer) -> bytes:
    add_signature(metadata, publisher)
    return write_metadata(metadata)
