"""`writ policy publish`: a built release becomes what the officers sign next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.trust_options import OutOption, RootOption, TrustOption

_COMMAND: Final = "policy publish"


def publish(
    release: Annotated[
        Path, typer.Argument(help="The release folder: `writ policy build`.", file_okay=False)
    ],
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft the manifest that stands for another release, and show what the release changes.

    The officers sign it with `writ manifest sign`; published, the release lies in the trust root,
    where gateways and auditors find it by its digest. It is `writ manifest draft --release` without
    a plan: nothing but the release and the epoch changes. The first manifest needs a plan.
    """
    # Reading a trust root takes a third of a second, and no other policy command does.
    from gateway.cli.manifest_drafts import (
        nothing_stands,
        propose_manifest,
        release_in,
        release_words,
    )
    from gateway.cli.trust_folder import open_trust

    opened = open_trust(trust, root, _COMMAND)
    standing = opened.permission()
    if standing is None:
        raise nothing_stands()
    files = release_in(release, _COMMAND)
    words = release_words(files, _COMMAND)
    if words.digest == standing.release.digest:
        raise _refused(
            "release-stands", "the manifest that stands names this release", "nothing is to be done"
        )
    if words.currency != standing.release.currency:
        raise _refused(
            "release-currency",
            f"the release counts in {words.currency}, and the ceilings are amounts in "
            f"{standing.release.currency}",
            "write a plan with other ceilings: `writ manifest draft PLAN --release FOLDER`",
        )
    manifest = replace(
        standing.manifest,
        epoch=standing.manifest.epoch + 1,
        release_digest=words.digest,
        limits_digest=words.limits_digest,
    )
    propose_manifest(opened, manifest, files, out, fmt)


def _refused(code: str, detail: str, remedy: str) -> exits.CommandError:
    return exits.CommandError(code, detail, remedy, exits.DENIED)
