"""How a person signs a draft: read it, confirm its digest, and open the key only then."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli import exits, output
from gateway.cli.named_files import read_file
from gateway.cli.trust_folder import refusals
from gateway.cli.trust_shown import Reading, show_progress, show_reading
from gateway.cli.written_files import write_whole
from signing.keys import Ed25519Signer, Signer
from signing.trust import (
    DRAFT_BYTES_MAX,
    Draft,
    RootState,
    merge_drafts,
    sign_draft,
)
from vault.signers import KeyFileError, load_key

SignKeyOption = Annotated[
    Path,
    typer.Option("--key", help="Your private key: a file, or vault:transit/NAME/VERSION."),
]
DraftArgument = Annotated[Path, typer.Argument(help="The draft.")]
DraftsArgument = Annotated[
    list[Path], typer.Argument(help="The draft; each officer's copy if there are several.")
]
YesOption = Annotated[
    str | None,
    typer.Option("--yes", metavar="DIGEST", help="Confirm with the draft's whole digest."),
]
VAULT: Final = "vault:"
"""What the name of a key in a vault begins with."""
TYPED: Final = 8
"""How many digits of a draft's digest are typed to confirm it."""
_PASSPHRASE_BYTES_MAX: Final = 4_096


def read_drafts(paths: list[Path], command: str) -> Draft:
    """Read one draft out of all its copies, with the signatures of each.

    Raises:
        exits.CommandError: a file is no draft, or they are not the same draft.
    """
    with refusals():
        drafts = [Draft.parse(read_file(path, DRAFT_BYTES_MAX, command)) for path in paths]
        return drafts[0] if len(drafts) == 1 else merge_drafts(drafts)


def write_draft(draft: Draft, path: Path) -> None:
    """Write a draft whole, or not at all."""
    write_whole(path, draft.encode().decode("utf-8"))


def sign_at_home(
    reading: Reading,
    roots: RootState | None,
    path: Path,
    key: Path,
    *,
    yes: str | None,
    passphrase: Path | None,
    fmt: output.Format,
) -> None:
    """Show a draft, have it confirmed, and add a signature to the file that it came from.

    Args:
        reading: what the person reads.
        roots: the newest root; None where the draft is the first one.
        path: the draft's file.
        key: the person's private key.
        yes: the whole digest, where nobody types.
        passphrase: the file whose first line opens the key.
        fmt: a program reads once, when it is signed, and so has to say `yes` beforehand.

    Raises:
        exits.CommandError: not confirmed, or the key cannot be opened or counts for nothing.
    """
    as_json = fmt is output.Format.JSON
    if as_json and yes is None:
        raise exits.CommandError(
            "usage", "-o json needs --yes DIGEST", "read the draft first, and repeat its digest",
            exits.USAGE,
        )  # fmt: skip
    if not as_json:
        show_reading(reading, roots, fmt)
    _confirm(reading.draft.digest, yes)
    signer = open_signer(key, passphrase)
    with refusals():
        done = replace(reading, draft=sign_draft(reading.draft, signer, roots))
    write_draft(done.draft, path)
    if as_json:
        show_reading(done, roots, fmt)
    show_progress(done, roots)


def _confirm(digest: str, yes: str | None) -> None:
    """Have the person say which draft they have read."""
    if yes is None:
        said = str(typer.prompt(f"To sign, type the first {TYPED} digits of the digest", err=True))
        right = said.strip() == digest[:TYPED]
    else:
        right = yes == digest
    if not right:
        raise exits.CommandError(
            "not-confirmed",
            "that is not this draft's digest; nothing was signed",
            "read what the draft changes, and confirm the digest that is shown with it",
            exits.DENIED,
        )


def open_signer(key: Path, passphrase: Path | None) -> Signer:
    """Open a private key, in a file or in a vault; a passphrase is in a file, or is typed.

    Raises:
        exits.CommandError: it cannot be opened.
    """
    if str(key).startswith(VAULT):
        from gateway.cli.trust_vault import vault_signer

        with refusals():
            return vault_signer(str(key).removeprefix(VAULT))
    try:
        return Ed25519Signer(_loaded(key, passphrase))
    except KeyFileError as error:
        raise exits.CommandError(error.code, str(error), error.remedy, exits.USAGE) from error


def _loaded(key: Path, passphrase: Path | None) -> Ed25519PrivateKey:
    if passphrase is not None:
        with passphrase.open("rb") as file:
            return load_key(key, file.readline(_PASSPHRASE_BYTES_MAX).rstrip(b"\r\n"))
    try:
        return load_key(key)
    except KeyFileError as error:
        if error.code != "key-passphrase" or not sys.stdin.isatty():
            raise
    typed = str(typer.prompt(f"Passphrase of {key}", hide_input=True, err=True))
    return load_key(key, typed.encode("utf-8"))
