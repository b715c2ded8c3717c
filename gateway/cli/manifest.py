"""`writ manifest`: what officers permit one gateway to do, from the draft to the revocation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.manifest_plan import PLAN_BYTES_MAX, read_plan
from gateway.cli.named_files import read_file, usage
from gateway.cli.signers import PassphraseOption
from gateway.cli.trust_folder import (
    OpenedTrust,
    OutOption,
    RootOption,
    TrustOption,
    now_us,
    open_roots,
    open_trust,
    permission_of,
    refusals,
)
from gateway.cli.trust_publishing import (
    DAYS,
    DaysOption,
    complete_draft,
    publish_all,
    publisher,
    tell_next,
)
from gateway.cli.trust_shown import Reading, show_reading
from gateway.cli.trust_signing import (
    DraftArgument,
    DraftsArgument,
    SignKeyOption,
    YesOption,
    read_drafts,
    sign_at_home,
    write_draft,
)
from signing.canonical import decode_object, digest
from signing.manifest import NAME, encode_manifest
from signing.rendering.manifest import manifest_words
from signing.rendering.permission import (
    RELEASE_PREFIX,
    Permission,
    permission_changes,
    succession_fault,
)
from signing.rendering.release import FILES, UnreadableReleaseError, read_release
from signing.trust import Draft, propose_targets

app = typer.Typer(no_args_is_help=True, help="Draft, show, sign, publish and revoke manifests.")

_DRAFT: Final = "manifest draft"
_SHOW: Final = "manifest show"
_SIGN: Final = "manifest sign"
_PUBLISH: Final = "manifest publish"
_REVOKE: Final = "manifest revoke"
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


@app.command("draft")
def draft_plan(
    plan: Annotated[Path, typer.Argument(help="The plan, in TOML: see docs/signing.md.")],
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    release: Annotated[
        Path | None, typer.Option("--release", help="Release folder. [the one that stands]")
    ] = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft a manifest and its release, to be sent to the officers."""
    opened = _opened(trust, root, _DRAFT, without_active=without_active)
    standing = opened.permission()
    files = _standing_release(opened) if release is None else _release_files(release)
    try:
        words = read_release(files)
    except UnreadableReleaseError as error:
        raise usage(str(error), _DRAFT) from error
    epoch = _next_epoch(standing, without_active=without_active)
    manifest = read_plan(read_file(plan, PLAN_BYTES_MAX, _DRAFT), words, epoch)
    targets = {NAME: encode_manifest(manifest)}
    targets |= {f"{RELEASE_PREFIX}{name}": data for name, data in files.items()}
    _propose(opened, targets, manifest.valid_until_us, out, fmt)


@app.command()
def show(
    trust: TrustOption,
    root: RootOption,
    draft: Annotated[Path | None, typer.Argument(help="A draft. [what stands]")] = None,
    unpack: Annotated[
        Path | None, typer.Option("--unpack", help="Folder to write the draft's files to.")
    ] = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show what a draft changes and permits; without one, what stands."""
    opened = _opened(trust, root, _SHOW, without_active=without_active)
    if draft is not None:
        reading = _reading(read_drafts([draft], _SHOW), opened)
        show_reading(reading, opened.roots, fmt)
        _unpack(reading.draft.files, unpack)
        return
    _unpack(opened.files(), unpack)
    standing = opened.permission()
    if standing is None:
        raise exits.CommandError(
            "no-manifest",
            "no manifest stands: nothing is permitted",
            "draft one: `writ manifest draft`",
            exits.DENIED,
        )
    data, valid = encode_manifest(standing.manifest), standing.manifest.valid_at(now_us())
    head = {"valid_now": valid, "digest": digest(data)}
    as_json = fmt is output.Format.JSON
    full = {"manifest": decode_object(data)} if as_json else dict(_words(standing))
    output.record({**head, **full}, fmt)


@app.command()
def sign(
    draft: DraftArgument,
    key: SignKeyOption,
    trust: TrustOption,
    root: RootOption,
    yes: YesOption = None,
    passphrase: PassphraseOption = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Read what a draft changes against what stands, and sign it; the signature is added to it.

    The trust folder is your own copy, and is verified from your own root file first.
    """
    opened = _opened(trust, root, _SIGN, without_active=without_active)
    reading = _reading(read_drafts([draft], _SIGN), opened)
    sign_at_home(reading, opened.roots, draft, key, yes=yes, passphrase=passphrase, fmt=fmt)


@app.command()
def publish(
    drafts: DraftsArgument,
    trust: TrustOption,
    root: RootOption,
    key: Annotated[Path, typer.Option("--publisher-key", help="The publisher's private key.")],
    days: DaysOption = DAYS,
    passphrase: PassphraseOption = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Put a draft into force that enough officers have signed."""
    draft = read_drafts(drafts, _PUBLISH)
    _reading(draft, _opened(trust, root, _PUBLISH, without_active=without_active))
    signer = publisher(trust, root, key, passphrase)  # before anything is written
    follows = complete_draft(draft, trust, root, _PUBLISH)
    if follows != ("publish",):
        tell_next(follows)
    output.record(publish_all(trust, root, signer, days), fmt)


@app.command()
def revoke(
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft that nothing is permitted any more; it is signed and published as a manifest is."""
    opened = _opened(trust, root, _REVOKE, without_active=without_active)
    _propose(opened, {}, now_us() + _REVOCATION_US, out, fmt)


def _next_epoch(standing: Permission | None, *, without_active: bool) -> int | None:
    """The epoch after the one that stands; None where nobody looked."""
    if standing is not None:
        return standing.manifest.epoch + 1
    return None if without_active else 1


def _opened(trust: Path, root: Path, command: str, *, without_active: bool) -> OpenedTrust:
    if not without_active:
        return open_trust(trust, root, command)
    output.note("what stands is left out: everything in the draft is shown as new")
    return open_roots(trust, root, command)


def _propose(
    opened: OpenedTrust, targets: dict[str, bytes], until_us: int, out: Path, fmt: output.Format
) -> None:
    with refusals():
        # The metadata's own expiry counts whole seconds, and must not outlive the manifest.
        until_us -= until_us % _SECOND_US
        draft = propose_targets(opened.repository, opened.roots, targets, until_us)
    reading = _reading(draft, opened)
    write_draft(draft, out)
    show_reading(reading, opened.roots, fmt)
    output.note(f"the draft is in {out}: send it to the officers, who sign it at home")


def _reading(draft: Draft, opened: OpenedTrust) -> Reading:
    """What a draft changes and permits.

    Raises:
        exits.CommandError: it is no manifest's, permits no one thing, or cannot follow what stands.
    """
    if draft.role != _TARGETS:
        raise usage("this is no manifest; see writ trust", _SIGN)
    standing, wanted = opened.permission(), permission_of(dict(draft.files))
    fault = succession_fault(standing, wanted)
    if opened.state is not None and draft.version <= opened.state.versions[_TARGETS]:
        fault = f"it is targets {draft.version}, and {opened.state.versions[_TARGETS]} stands"
    if fault is not None:
        raise exits.CommandError(
            "draft-stale", fault, "draft it anew: `writ manifest draft`", exits.DENIED
        )
    words = [("manifest", "none: nothing is permitted")] if wanted is None else _words(wanted)
    return Reading(draft, permission_changes(standing, wanted), words)


def _unpack(files: Mapping[str, bytes], folder: Path | None) -> None:
    """Write files as they are called, a manifest and a release; nothing else has such names."""
    if folder is None:
        return
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _words(permission: Permission) -> list[tuple[str, str]]:
    return manifest_words(permission.manifest, permission.release.currency)


def _standing_release(opened: OpenedTrust) -> dict[str, bytes]:
    targets = opened.files().items()
    files = {n.removeprefix(RELEASE_PREFIX): d for n, d in targets if n.startswith(RELEASE_PREFIX)}
    if not files:
        raise usage("no release stands: name a folder with --release", _DRAFT)
    return files


def _release_files(folder: Path) -> dict[str, bytes]:
    return {name: read_file(folder / name, _RELEASE_BYTES_MAX, _DRAFT) for name in FILES}
