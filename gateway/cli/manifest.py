"""`writ manifest`: what officers permit one gateway to do, from the draft to the revocation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import output
from gateway.cli.manifest_drafts import (
    WithoutActiveOption,
    next_epoch,
    nothing_stands,
    opened_for,
    propose_manifest,
    propose_nothing,
    reading_of_targets,
    release_in,
    release_standing,
    release_words,
)
from gateway.cli.manifest_plan import PLAN_BYTES_MAX, read_plan
from gateway.cli.named_files import read_file
from gateway.cli.signers import PassphraseOption
from gateway.cli.trust_folder import now_us, open_trust
from gateway.cli.trust_options import OutOption, RootOption, TrustOption
from gateway.cli.trust_publishing import (
    DAYS,
    DaysOption,
    complete_draft,
    publish_all,
    publisher,
    tell_next,
)
from gateway.cli.trust_shown import show_reading
from gateway.cli.trust_signing import (
    DraftArgument,
    DraftsArgument,
    SignKeyOption,
    YesOption,
    read_drafts,
    sign_at_home,
)
from signing.canonical import decode_object, digest
from signing.manifest import encode_manifest
from signing.overlay import target_of
from signing.rendering.manifest import manifest_words

app = typer.Typer(no_args_is_help=True, help="Draft, show, sign, publish and revoke manifests.")

_DRAFT: Final = "manifest draft"
_LIFT: Final = "manifest lift"
_SHOW: Final = "manifest show"
_SIGN: Final = "manifest sign"
_PUBLISH: Final = "manifest publish"
_REVOKE: Final = "manifest revoke"


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
    opened = opened_for(trust, root, _DRAFT, without_active=without_active)
    standing = opened.permission()
    files = release_standing(opened, _DRAFT) if release is None else release_in(release, _DRAFT)
    words = release_words(files, _DRAFT)
    epoch = next_epoch(standing, without_active=without_active)
    manifest = read_plan(read_file(plan, PLAN_BYTES_MAX, _DRAFT), words, epoch)
    propose_manifest(opened, manifest, files, out, fmt)


@app.command()
def lift(
    names: Annotated[list[str], typer.Argument(help="The overlays that are to count no more.")],
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft that overlays are taken back before they end, under the manifest that stands.

    What one risk officer tightened is loosened by all: it is signed and published as a manifest is.
    """
    opened = open_trust(trust, root, _LIFT)
    standing = opened.permission()
    if standing is None:
        raise nothing_stands()
    lifted = [target_of(name) for name in names]
    propose_manifest(
        opened, standing.manifest, release_standing(opened, _LIFT), out, fmt, lift=lifted
    )


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
    opened = opened_for(trust, root, _SHOW, without_active=without_active)
    if draft is not None:
        reading = reading_of_targets(read_drafts([draft], _SHOW), opened)
        show_reading(reading, opened.roots, fmt)
        _unpack(reading.draft.files, unpack)
        return
    _unpack(opened.files(), unpack)
    standing = opened.permission()
    if standing is None:
        raise nothing_stands()
    data, valid = encode_manifest(standing.manifest), standing.manifest.valid_at(now_us())
    head = {"valid_now": valid, "digest": digest(data)}
    if fmt is output.Format.JSON:
        output.record({**head, "manifest": decode_object(data)}, fmt)
        return
    words = manifest_words(standing.manifest, standing.release.currency)
    output.record({**head, **dict(words)}, fmt)


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
    opened = opened_for(trust, root, _SIGN, without_active=without_active)
    reading = reading_of_targets(read_drafts([draft], _SIGN), opened)
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
    reading_of_targets(draft, opened_for(trust, root, _PUBLISH, without_active=without_active))
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
    opened = opened_for(trust, root, _REVOKE, without_active=without_active)
    propose_nothing(opened, out, fmt)


def _unpack(files: Mapping[str, bytes], folder: Path | None) -> None:
    """Write files as they are called, a manifest and a release; nothing else has such names."""
    if folder is None:
        return
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
