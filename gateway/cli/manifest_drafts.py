"""Drafts of what the officers sign together: a manifest with its release, and overlays lifted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.named_files import read_file, usage
from gateway.cli.trust_folder import (
    OpenedTrust,
    now_us,
    open_roots,
    open_trust,
    permission_of,
    refusals,
)
from gateway.cli.trust_shown import Reading, show_reading
from gateway.cli.trust_signing import write_draft
from signing.canonical import digest
from signing.manifest import NAME, Manifest, encode_manifest
from signing.rendering.change import Change
from signing.rendering.manifest import manifest_words
from signing.rendering.overlay import UNKNOWN_CURRENCY, lifting
from signing.rendering.permission import (
    RELEASE_PREFIX,
    Permission,
    permission_changes,
    succession_fault,
)
from signing.rendering.release import (
    FILES,
    ReleaseWords,
    UnreadableReleaseError,
    read_release,
)
from signing.trust import Draft, propose_targets, standing_overlays

_TARGETS: Final = "targets"
_RELEASE_BYTES_MAX: Final = 32 * 1024 * 1024
_SECOND_US: Final = 1_000_000
_REVOCATION_US: Final = 366 * 24 * 3_600 * _SECOND_US

WithoutActiveOption = Annotated[
    bool,
    typer.Option(
        "--without-active",
        help="Read the draft alone: what stands has expired or cannot be verified any more.",
    ),
]


def opened_for(trust: Path, root: Path, command: str, *, without_active: bool) -> OpenedTrust:
    """The trust root that a draft is read against, or its officers alone.

    Raises:
        exits.CommandError: it cannot be verified.
    """
    if not without_active:
        return open_trust(trust, root, command)
    output.note("what stands is left out: everything in the draft is shown as new")
    return open_roots(trust, root, command)


def nothing_stands() -> exits.CommandError:
    """Say that there is nothing to show or to change; what is returned is to be raised."""
    return exits.CommandError(
        "no-manifest",
        "no manifest stands: nothing is permitted",
        "draft one: `writ manifest draft`",
        exits.DENIED,
    )


def next_epoch(standing: Permission | None, *, without_active: bool) -> int | None:
    """The epoch after the one that stands; None where nobody looked."""
    if standing is not None:
        return standing.manifest.epoch + 1
    return None if without_active else 1


def release_in(folder: Path, command: str) -> dict[str, bytes]:
    """The files of a release folder."""
    return {name: read_file(folder / name, _RELEASE_BYTES_MAX, command) for name in FILES}


def release_standing(opened: OpenedTrust, command: str) -> dict[str, bytes]:
    """The files of the release that stands."""
    targets = opened.files().items()
    files = {n.removeprefix(RELEASE_PREFIX): d for n, d in targets if n.startswith(RELEASE_PREFIX)}
    if not files:
        raise usage("no release stands: name a folder with --release", command)
    return files


def release_words(files: dict[str, bytes], command: str) -> ReleaseWords:
    """A release's files, held against its descriptor."""
    try:
        return read_release(files)
    except UnreadableReleaseError as error:
        raise usage(str(error), command) from error


def propose_manifest(
    opened: OpenedTrust,
    manifest: Manifest,
    release: dict[str, bytes],
    out: Path,
    fmt: output.Format,
    lift: Collection[str] = (),
) -> None:
    """Draft a manifest and its release, and show what they change."""
    targets = {NAME: encode_manifest(manifest)}
    targets |= {f"{RELEASE_PREFIX}{name}": data for name, data in release.items()}
    _propose(opened, targets, manifest.valid_until_us, out, fmt, lift)


def propose_nothing(opened: OpenedTrust, out: Path, fmt: output.Format) -> None:
    """Draft that nothing is permitted."""
    _propose(opened, {}, now_us() + _REVOCATION_US, out, fmt, ())


def reading_of_targets(draft: Draft, opened: OpenedTrust) -> Reading:
    """What a draft changes and permits.

    Raises:
        exits.CommandError: it is no manifest's, permits no one thing, or cannot follow what stands.
    """
    if draft.role != _TARGETS:
        raise usage("this is no manifest; see writ trust", "manifest sign")
    standing, wanted = opened.permission(), permission_of(dict(draft.files))
    fault = succession_fault(standing, wanted)
    if opened.state is not None and draft.version <= opened.state.versions[_TARGETS]:
        fault = f"it is targets {draft.version}, and {opened.state.versions[_TARGETS]} stands"
    if fault is not None:
        raise exits.CommandError(
            "draft-stale", fault, "draft it anew: `writ manifest draft`", exits.DENIED
        )
    words = [("manifest", "none: nothing is permitted")]
    if wanted is not None:
        words = manifest_words(wanted.manifest, wanted.release.currency)
    lifted = _lifted(draft, opened, standing)
    return Reading(draft, [*permission_changes(standing, wanted), *lifted], words)


def _lifted(draft: Draft, opened: OpenedTrust, standing: Permission | None) -> Iterator[Change]:
    """The overlays that a draft takes back; all that it names, where nobody looked what stands."""
    with refusals():
        stand = standing_overlays(opened.repository, opened.roots.council, now_us())
    currency = UNKNOWN_CURRENCY if standing is None else standing.release.currency
    for name, sha256 in sorted(draft.lifted.items()):
        data = stand.get(name, b"")
        if digest(data) == sha256:
            yield lifting(name, data, currency)
        elif opened.state is None:
            yield lifting(name, None, currency)


def _propose(
    opened: OpenedTrust,
    targets: dict[str, bytes],
    until_us: int,
    out: Path,
    fmt: output.Format,
    lift: Collection[str],
) -> None:
    with refusals():
        # The metadata's own expiry counts whole seconds, and must not outlive the manifest.
        until_us -= until_us % _SECOND_US
        draft = propose_targets(
            opened.repository, opened.roots, targets, until_us, lift=lift, now_us=now_us()
        )
    reading = reading_of_targets(draft, opened)
    write_draft(draft, out)
    show_reading(reading, opened.roots, fmt)
    output.note(f"the draft is in {out}: send it to the officers, who sign it at home")
