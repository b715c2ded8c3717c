"""The ceremony: propose a change, and complete it once enough officers have signed its draft.

Nothing is written that the verifier would refuse. A change of the root is in force as soon as its
file is there; targets and overlays are in force once they are published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from signing.trust.drafts import Draft, tally, with_counted_alone
from signing.trust.errors import TrustError
from signing.trust.latest import (
    latest_overlays,
    latest_targets,
    overlays_hold,
    targets_hold,
)
from signing.trust.library import Metadata
from signing.trust.metadata import in_words, to_moment
from signing.trust.officers import RISK, Council
from signing.trust.repository import Repository
from signing.trust.roles import root_of
from signing.trust.state import RootState
from signing.trust.targets import target_files, targets_of
from signing.trust.tightening import check_kept, check_overlays, liftings
from signing.trust.verify import read_roots

_WHO: Final = MappingProxyType(
    {
        "root": ": it takes enough of the officers before it, and enough of those after it",
        "targets": " who are officers by the newest root",
        RISK: " who is a risk officer by the newest root",
    }
)


@dataclass(frozen=True, slots=True)
class Completed:
    """A change that is written.

    Attributes:
        role: whose file it is: root, targets or risk.
        version: its version.
        follows: what must be done before trust holds again, in this order: `targets` and `risk` are
            to be signed anew, because the officers who had signed them no longer suffice;
            `publish`.
    """

    role: str
    version: int
    follows: tuple[str, ...]


def propose_root(council: Council, roots: RootState | None, expires_us: int) -> Draft:
    """Draft the root that makes `council` the officers.

    Args:
        council: the officers from then on.
        roots: the newest root; None for the first one.
        expires_us: until when it is valid, microseconds UTC.

    Raises:
        TrustError: `time`.
    """
    version = 1 if roots is None else roots.version + 1
    return Draft.of("root", Metadata(root_of(council, version, to_moment(expires_us))), {})


def propose_targets(
    repository: Repository,
    roots: RootState,
    files: Mapping[str, bytes],
    expires_us: int,
    *,
    lift: Collection[str] = (),
    now_us: int = 0,
) -> Draft:
    """Draft what the officers sign: manifest and release, and which overlays they take back.

    Args:
        repository: the trust root.
        roots: its newest root.
        files: all of them, name -> bytes; what is left out is revoked.
        expires_us: until when it is valid, microseconds UTC.
        lift: overlays that are to count no more; those that were lifted before stay so.
        now_us: overlays that have ended by then are named no longer, microseconds UTC.

    Raises:
        TrustError: `target-name`, `target-long`, `targets-many`, `time`; `overlay-unknown`: no
            overlay has a name in `lift`.
    """
    risk = (key for officer in roots.council.with_role(RISK) for key in officer.keys)
    version = repository.following("targets")
    lifted = liftings(repository, roots.council, lift, now_us)
    targets = targets_of(files, version, to_moment(expires_us), risk, lifted)
    return Draft.of("targets", Metadata(targets), files)


def propose_overlays(repository: Repository, files: Mapping[str, bytes], expires_us: int) -> Draft:
    """Draft what one risk officer signs: overlays that tighten.

    Args:
        repository: the trust root.
        files: all of them, name -> bytes: one that is in force can only go once it has ended, or
            where the targets lift it.
        expires_us: until when it is valid, microseconds UTC.

    Raises:
        TrustError: `target-name`, `target-long`, `targets-many`, `time`.
    """
    targets = targets_of(files, repository.following(RISK), to_moment(expires_us), None)
    return Draft.of(RISK, Metadata(targets), files)


def complete(
    draft: Draft, repository: Repository, pinned_root: bytes | None, now_us: int
) -> Completed:
    """Write a draft that enough officers have signed.

    Args:
        draft: with its signatures; those that count for nothing are left out.
        repository: where to write it.
        pinned_root: the root that is trusted; None for the first one, which is its own proof.
        now_us: the present, microseconds UTC.

    Raises:
        TrustError: `draft-short`: signatures are missing; `draft-stale`; `draft-expired`;
            `root-needed`; `overlay-removed`; `overlay-lifted`; `version-taken`; and whatever the
            verifier refuses.
    """
    roots = None if pinned_root is None else read_roots(repository, pinned_root)
    _check_ready(draft, repository, roots, now_us)
    metadata = with_counted_alone(draft, roots)
    path = f"metadata/{draft.version}.{draft.role}.json"
    staged = repository.staging({**target_files(draft.files), path: metadata})
    after = read_roots(staged, metadata if pinned_root is None else pinned_root)
    if draft.role == RISK:
        check_overlays(repository, staged, after.council, now_us)
    elif draft.role == "targets":
        check_kept(repository, staged, after.council, now_us)
    follows = tuple(_follows(draft, staged, roots, after.council))
    staged.commit()
    return Completed(draft.role, draft.version, follows)


def _check_ready(
    draft: Draft, repository: Repository, roots: RootState | None, now_us: int
) -> None:
    # Roots follow each other without a gap: what lies there beyond the newest counts for nothing.
    if draft.role == "root" and roots is not None:
        latest = roots.version
    else:
        latest = repository.latest(draft.role)
    if roots is None and (draft.role != "root" or latest > 1):
        raise _refused(
            "root-needed",
            "only the first root is written without a root to trust",
            "name the root file that you trust",
        )
    count = tally(draft, roots)
    if draft.version not in {latest, latest + 1}:
        raise _refused(
            "draft-stale",
            f"the draft is {draft.role} {draft.version}, and the next one is {latest + 1}",
            "propose the change again",
        )
    if not count.complete:
        who = ", ".join(sorted(count.signed)) or "nobody"
        raise _refused(
            "draft-short",
            f"{draft.role} {draft.version} has too few signatures: {who}",
            f"let {count.missing} more sign{_WHO[draft.role]}",
        )
    if draft.expires_us <= now_us:
        raise _refused(
            "draft-expired",
            f"the draft was valid until {in_words(draft.expires_us)}",
            "propose it again with a later date",
        )


def _follows(
    draft: Draft, staged: Repository, before: RootState | None, council: Council
) -> Iterator[str]:
    targets = latest_targets(staged, council)
    overlays = latest_overlays(staged, targets, council)
    targets_again = targets is None or not targets_hold(targets, council)
    if targets_again:
        yield "targets"
    overlays_again = (
        targets is not None
        and overlays is not None
        and targets.signed.delegations is not None
        and not overlays_hold(overlays, targets, council)
    )
    if overlays_again:
        yield RISK
    publisher_changes = before is None or before.council.publisher != council.publisher
    if draft.role != "root" or targets_again or overlays_again or publisher_changes:
        yield "publish"


def _refused(code: str, detail: str, remedy: str) -> TrustError:
    return TrustError(code, detail, remedy)
