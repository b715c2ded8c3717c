"""What one risk officer may add, and how it goes again: by itself, or because all officers lift it.

An overlay that stands is taken back in two ways alone: it ends, or the targets, which enough
officers sign, name it and its digest as lifted. Targets about anything else take nothing back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from signing.overlay import OverlayError, parse_overlay
from signing.trust.errors import TrustError
from signing.trust.latest import latest_overlays, latest_targets, overlays_hold
from signing.trust.officers import Council
from signing.trust.repository import Repository
from signing.trust.targets import (
    TARGET_BYTES_MAX,
    check_targets,
    digest_of,
    digests_in,
    lifted_by,
    target_path,
    targets_in,
)


def taken_back(
    repository: Repository,
    before: Mapping[str, str],
    now: Mapping[str, str],
    lifted: Mapping[str, str],
    now_us: int,
) -> str | None:
    """The first overlay that is gone, or another one, and may not be; None where there is none.

    Args:
        repository: where the files of all of them lie, those that are gone too.
        before: the overlays that were in force, name -> SHA-256.
        now: those that are named now.
        lifted: those that the officers take back.
        now_us: the moment to judge, microseconds UTC.

    Raises:
        TrustError: as `Repository.read`.
    """
    for name, sha256 in sorted(before.items()):
        stays = sha256 in {now.get(name), lifted.get(name)}
        if not stays and not _has_ended(repository, name, sha256, now_us):
            return name
    return None


def standing_overlays(repository: Repository, council: Council, now_us: int) -> dict[str, bytes]:
    """The newest overlays that have neither ended nor been lifted, name -> bytes.

    They are what the next overlays have to keep. Those of an officer who was removed are among
    them, so that another one can sign them anew.

    Raises:
        TrustError: `target-missing`, `target-differs`; as `latest_overlays`.
    """
    targets = latest_targets(repository, council)
    overlays = latest_overlays(repository, targets, council)
    lifted: Mapping[str, str] = {} if targets is None else lifted_by(targets.signed)
    found = {} if overlays is None else targets_in(overlays.signed, repository)
    return {
        name: target.read()
        for name, target in found.items()
        if lifted.get(name) != target.sha256
        and not _has_ended(repository, name, target.sha256, now_us)
    }


def liftings(
    repository: Repository, council: Council, names: Collection[str], now_us: int
) -> dict[str, str]:
    """What the next targets have to lift: these overlays, and those lifted before.

    What was lifted stays so for whoever has not looked since, until it would have ended anyway.

    Raises:
        TrustError: `overlay-unknown`: there is no overlay of such a name.
    """
    targets = latest_targets(repository, council)
    overlays = latest_overlays(repository, targets, council)
    known = {} if overlays is None else digests_in(overlays.signed)
    for name in names:
        if name not in known:
            raise TrustError(
                "overlay-unknown", f"there is no {name}", "see which there are: `writ trust show`"
            )
    before: Mapping[str, str] = {} if targets is None else lifted_by(targets.signed)
    kept = {
        name: sha256
        for name, sha256 in before.items()
        if not _has_ended(repository, name, sha256, now_us)
    }
    return {**kept, **{name: known[name] for name in names}}


def check_overlays(before: Repository, staged: Repository, council: Council, now_us: int) -> None:
    """Refuse overlays that nobody may add, or that leave out what stands.

    Raises:
        TrustError: `delegation`, `overlay-lifted`, `overlay-removed`.
    """
    targets = latest_targets(staged, council)
    overlays = latest_overlays(staged, targets, council)
    if targets is None or overlays is None or not overlays_hold(overlays, targets, council):
        raise TrustError(
            "delegation",
            "the targets do not let this officer add overlays yet",
            "let the officers sign the targets anew",
        )
    lifted, found = lifted_by(targets.signed), digests_in(overlays.signed)
    for name, _ in sorted(found.items() & lifted.items()):
        raise TrustError(
            "overlay-lifted",
            f"{name} was lifted by the officers, and would count for nothing",
            "leave it out, or propose it again under another name",
        )
    earlier = latest_overlays(before, targets, council)
    known = {} if earlier is None else digests_in(earlier.signed)
    gone = taken_back(before, known, found, lifted, now_us)
    if gone is not None:
        raise TrustError(
            "overlay-removed",
            f"{gone} is in force, and the draft leaves it out or changes it",
            "keep it, or let the officers lift it: `writ manifest lift`",
        )


def check_kept(before: Repository, staged: Repository, council: Council, now_us: int) -> None:
    """Refuse targets under which nobody may add overlays, while some stand that they do not lift.

    Every verifier that has seen them would refuse such targets.

    Raises:
        TrustError: `overlay-removed`.
    """
    targets = latest_targets(staged, council)
    earlier = latest_overlays(before, latest_targets(before, council), council)
    if targets is None or earlier is None or check_targets(targets.signed, risk=False):
        return
    lifted = lifted_by(targets.signed)
    gone = taken_back(before, digests_in(earlier.signed), {}, lifted, now_us)
    if gone is not None:
        raise TrustError(
            "overlay-removed",
            f"{gone} is in force, and no risk officer is left to keep it",
            "let the officers lift it, or name a risk officer",
        )


def _has_ended(repository: Repository, name: str, sha256: str, now_us: int) -> bool:
    """Tell whether an overlay has ended by itself, so that nothing is loosened where it goes.

    Its file stays in the folder. Of one that is not there, or cannot be read, nobody can say so.
    """
    data = repository.read(target_path(name, sha256), TARGET_BYTES_MAX)
    if data is None or digest_of(data) != sha256:
        return False
    try:
        return parse_overlay(data).expires_us <= now_us
    except OverlayError:
        return False
