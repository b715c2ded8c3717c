"""`writ trust`: who the officers are, and the publisher's part of what they sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli import output, trust_officers
from gateway.cli.manifest_drafts import WithoutActiveOption, opened_for
from gateway.cli.named_files import read_file, usage
from gateway.cli.signers import PassphraseOption
from gateway.cli.trust_folder import OpenedTrust, open_roots, open_trust
from gateway.cli.trust_options import TrustOption
from gateway.cli.trust_overlay import overlay, reading_of_overlays, standing_fields, standing_words
from gateway.cli.trust_publishing import (
    DAYS,
    DaysOption,
    PublisherOption,
    complete_draft,
    needed,
    publish_all,
    publisher,
    tell_next,
)
from gateway.cli.trust_shown import Reading, reading_of_root, show_reading
from gateway.cli.trust_signing import (
    DraftArgument,
    DraftsArgument,
    SignKeyOption,
    YesOption,
    read_drafts,
    sign_at_home,
)
from signing.canonical import digest
from signing.rendering.council import council_words
from signing.rendering.units import instant
from signing.trust import METADATA_BYTES_MAX, Draft, RootState

app = typer.Typer(no_args_is_help=True, help="Name the officers, and publish what they sign.")
app.command()(trust_officers.init)
app.add_typer(trust_officers.officer_app, name="officer")
app.command()(trust_officers.rotate)
app.command()(overlay)

_ROOT: Final = "root"
_RISK: Final = "risk"
_SIGN: Final = "trust sign"
_PUBLISH: Final = "trust publish"
_SHOW: Final = "trust show"

MaybeTrustOption = Annotated[
    Path | None,
    typer.Option("--trust", envvar="WRIT_TRUST", help="Folder of the trust root, if there is one."),
]
MaybeRootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", envvar="WRIT_TRUST_ROOT", help="Root file that you hold, unless it is the first."
    ),
]


@app.command()
def sign(
    draft: DraftArgument,
    key: SignKeyOption,
    trust: MaybeTrustOption = None,
    root: MaybeRootOption = None,
    yes: YesOption = None,
    passphrase: PassphraseOption = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Read what the draft of a root or an overlay changes, and sign it: it is added to the file."""
    found = read_drafts([draft], _SIGN)
    reading, roots = _reading(found, trust, root, _SIGN, without_active=without_active)
    sign_at_home(reading, roots, draft, key, yes=yes, passphrase=passphrase, fmt=fmt)


@app.command()
def publish(
    trust: TrustOption,
    drafts: DraftsArgument = [],  # noqa: B006  typer copies it
    root: MaybeRootOption = None,
    key: PublisherOption = None,
    days: DaysOption = DAYS,
    passphrase: PassphraseOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Put a signed root or overlay into force, and renew what the publisher signs.

    Without a draft it renews alone, which has to be done every few days.
    """
    if drafts:
        draft = read_drafts(drafts, _PUBLISH)
        if draft.role not in {_ROOT, _RISK}:
            raise usage("this is a manifest; see writ manifest publish", _PUBLISH)
        follows = complete_draft(draft, trust, root, _PUBLISH)
        if follows != ("publish",) or key is None:
            output.record(_written(trust, draft), fmt)
            tell_next(follows)
            return
    root, key = needed(root, "--root"), needed(key, "--publisher-key")
    signer = publisher(trust, root, key, passphrase)
    output.record(publish_all(trust, root, signer, days), fmt)


@app.command()
def show(
    draft: Annotated[
        Path | None, typer.Argument(help="The draft of a root or of overlays. [what stands]")
    ] = None,
    trust: MaybeTrustOption = None,
    root: MaybeRootOption = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show the officers and what they have signed, or what a draft changes."""
    if draft is not None:
        found = read_drafts([draft], _SHOW)
        reading, roots = _reading(found, trust, root, _SHOW, without_active=without_active)
        show_reading(reading, roots, fmt)
        return
    if trust is None or root is None:
        raise usage("name the folder and your root file: --trust and --root", _SHOW)
    opened = open_trust(trust, root, _SHOW)
    as_json = fmt is output.Format.JSON
    output.record(_standing(opened) if as_json else _standing_words(opened), fmt)


def _written(trust: Path, draft: Draft) -> dict[str, Any]:
    """The file as it is now: of a root, everybody compares and keeps a copy."""
    path = trust / "metadata" / f"{draft.version}.{draft.role}.json"
    data = read_file(path, METADATA_BYTES_MAX, _PUBLISH)
    return {draft.role: draft.version, "file": str(path), "sha256": digest(data)}


def _standing(opened: OpenedTrust) -> dict[str, Any]:
    """What stands, for programs."""
    roots, state, council = opened.roots, opened.state, opened.roots.council
    officers = [
        {"name": one.name, "roles": sorted(one.roles), "keys": [key.hex for key in one.keys]}
        for one in council.officers
    ]
    return {
        "root": {"version": roots.version, "sha256": digest(roots.root)},
        "threshold": council.threshold,
        "officers": officers,
        "publisher": council.publisher.hex,
        "development": roots.development,
        "versions": {} if state is None else dict(state.versions),
        "expires_us": {} if state is None else dict(state.expires_us),
        "signed_by": {} if state is None else {r: sorted(w) for r, w in state.signed_by.items()},
        "targets": [] if state is None else sorted(state.targets),
        "overlays": list(standing_fields(opened)),
        "holds_until_us": roots.expires_us if state is None else state.holds_until_us,
    }


def _standing_words(opened: OpenedTrust) -> dict[str, str]:
    """What stands, for people."""
    roots, state = opened.roots, opened.state
    words = {
        "root": f"{roots.version}, until {instant(roots.expires_us)}",
        "root sha256": digest(roots.root),
        **dict(council_words(roots.council)),
    }
    if state is None:
        return {**words, "published": "nothing yet"}
    for role in sorted(state.versions.keys() - {_ROOT}):
        who = ", ".join(sorted(state.signed_by[role]))
        until = instant(state.expires_us[role])
        words[role] = f"{state.versions[role]}, signed by {who}, until {until}"
    targets = ", ".join(sorted(state.targets)) or "none: nothing is permitted"
    holds = {"files": targets, "holds until": instant(state.holds_until_us)}
    return {**words, **holds, **dict(standing_words(opened))}


def _reading(
    draft: Draft, trust: Path | None, root: Path | None, command: str, *, without_active: bool
) -> tuple[Reading, RootState | None]:
    """A draft, and the roots it is judged by: none for the first root, which begins everything."""
    if draft.role not in {_ROOT, _RISK}:
        raise usage("this is a manifest; see writ manifest", command)
    if draft.role == _ROOT and draft.version == 1 and root is None:
        return reading_of_root(draft, None), None
    if trust is None or root is None:
        raise usage("name the folder and your root file: --trust and --root", command)
    if draft.role == _ROOT:
        roots = open_roots(trust, root, command).roots
        return reading_of_root(draft, roots), roots
    opened = opened_for(trust, root, command, without_active=without_active)
    return reading_of_overlays(draft, opened), opened.roots
