"""Keys named on the command line of what people sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from signing.keys import Ed25519Signer
from vault.signers import KeyFileError, load_key

_PASSPHRASE_BYTES_MAX: Final = 4_096

KeyOption = Annotated[Path, typer.Option("--key", help="Your private key (`writ keys new`).")]
PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File whose first line opens the private key."),
]
ByOption = Annotated[str | None, typer.Option("--by", help="Your name, as a label. [the key's id]")]


def load_signer(key: Path, passphrase: Path | None) -> Ed25519Signer:
    """Open a private key that was named on the command line."""
    try:
        return Ed25519Signer(load_key(key, _first_line(passphrase)))
    except KeyFileError as error:
        output.complaint(str(error), error.code, error.remedy)
        raise typer.Exit(exits.USAGE) from error


def _first_line(file: Path | None) -> bytes | None:
    if file is None:
        return None
    with file.open("rb") as opened:
        return opened.readline(_PASSPHRASE_BYTES_MAX).rstrip(b"\r\n")
