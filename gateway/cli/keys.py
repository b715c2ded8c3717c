"""`writ keys`: make the key files of a log, and show what is public about a key.

Works with the base installation. One command needs more: `rotate` has to open a gateway's log, so
its module is found by name and loaded only when it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from gateway.cli import exits, output
from gateway.cli.named_files import usage
from gateway.cli.vault_exits import vault_refusals
from signing.keys import Ed25519Signer, InvalidKeyError, PublicKey, Vkey
from vault.signers import KeyFileError, create_key, load_key

_TEXT_BYTES_MAX: Final = 4_096
_VAULT: Final = "vault:"
_ROTATE: Final = "rotate"


class KeysGroup(TyperGroup):
    """The commands of this module, and `rotate` from its own."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  typer keeps the type private
        """Name every command."""
        return [*super().list_commands(ctx), _ROTATE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401  as list_commands
        """Find a command by its name."""
        if cmd_name != _ROTATE:
            return super().get_command(ctx, cmd_name)
        # By name: an import that can be seen would tie keys to the server.
        return typer.main.get_command(importlib.import_module("gateway.cli.keys_rotate").app)


app = typer.Typer(cls=KeysGroup, no_args_is_help=True, help="Make, show and rotate signing keys.")


class Kind(StrEnum):
    """What a key signs."""

    LOG = "log"
    """Checkpoints; its verifier key is what auditors are given."""
    IDENTITY = "identity"
    """Certificates of the short-lived keys that sign entries."""
    OFFICER = "officer"
    """Roots and manifests, and nothing else; its file always has a passphrase."""
    PUBLISHER = "publisher"
    """That what officers have signed is the newest; it is online, and renews it every day."""


PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File whose first line encrypts the private key."),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="The log's origin: a URL without scheme, for ever."),
]


@app.command()
def new(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; made if missing.")],
    name: NameOption = None,
    kind: Annotated[Kind, typer.Option("--kind", help="What the key signs.")] = Kind.LOG,
    passphrase: PassphraseOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Make a key: KIND.key (private, mode 0600), KIND.pub, and for a log KIND.vkey."""
    if (kind is Kind.LOG) != (name is not None):
        raise usage("--name ORIGIN belongs to a log key, and to no other", "keys")
    path = out / f"{kind}.key"
    secret = _passphrase(passphrase)
    if kind is Kind.OFFICER and secret is None:
        secret = _typed_passphrase()
    try:
        # The name is checked before there is a key: a bad one must not leave a file behind.
        if name is not None:
            Vkey(name, Ed25519Signer.generate().public)
        public = Ed25519Signer(create_key(path, secret)).public
        vkey = None if name is None else Vkey(name, public)
        path.with_suffix(".pub").write_text(f"{public.hex}\n", encoding="ascii")
        if vkey is not None:
            path.with_suffix(".vkey").write_text(f"{vkey}\n", encoding="ascii")
    except InvalidKeyError as error:
        raise usage(str(error), "keys") from error
    except KeyFileError as error:
        raise _refused(error) from error
    except OSError as error:
        raise _unwritable(error) from error
    output.record(_fields(public, vkey), fmt)
    output.note(f"the private key is in {path}; back it up, it cannot be made again")


@app.command()
def show(
    file: Annotated[
        Path, typer.Argument(help="A .key, .pub or .vkey file, or vault:transit/NAME/VERSION.")
    ],
    name: NameOption = None,
    pub: Annotated[
        Path | None, typer.Option("--pub", help="Write the public key to this file, too.")
    ] = None,
    passphrase: PassphraseOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show what is public about a key; with --name also the verifier key of that log."""
    try:
        public, vkey = _read(file, _passphrase(passphrase))
        if name is not None:
            vkey = Vkey(name, public)
        if pub is not None:
            pub.write_text(f"{public.hex}\n", encoding="ascii")
    except InvalidKeyError as error:
        raise usage(f"{file}: {error}", "keys") from error
    except KeyFileError as error:
        raise _refused(error) from error
    except OSError as error:
        raise _unwritable(error) from error
    output.record(_fields(public, vkey), fmt)


def _read(file: Path, passphrase: bytes | None) -> tuple[PublicKey, Vkey | None]:
    if str(file).startswith(_VAULT):
        return _in_vault(str(file).removeprefix(_VAULT)), None
    if file.suffix == ".key":
        return Ed25519Signer(load_key(file, passphrase)).public, None
    with file.open("rb") as opened:
        text = opened.read(_TEXT_BYTES_MAX).decode("ascii", errors="replace")
    if "+" in text:
        vkey = Vkey.parse(text)
        return vkey.public, vkey
    return PublicKey.from_hex(text.removesuffix("\n")), None


def _in_vault(reference: str) -> PublicKey:
    from gateway.cli.trust_vault import vault_signer

    with vault_refusals():
        return vault_signer(reference).public


def _fields(public: PublicKey, vkey: Vkey | None) -> dict[str, str]:
    found = {"public_key": public.hex, "keyid": public.keyid}
    return found if vkey is None else {**found, "origin": vkey.name, "vkey": str(vkey)}


def _passphrase(file: Path | None) -> bytes | None:
    if file is None:
        return None
    with file.open("rb") as opened:
        return opened.readline(_TEXT_BYTES_MAX).rstrip(b"\r\n")


def _typed_passphrase() -> bytes:
    """Have a passphrase typed twice; without a terminal it has to be in a file."""
    if not sys.stdin.isatty():
        raise usage("an officer's key needs a passphrase: --passphrase-file", "keys")
    typed = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(typed).encode("utf-8")


def _refused(error: KeyFileError) -> typer.Exit:
    output.complaint(str(error), error.code, error.remedy)
    return typer.Exit(exits.USAGE)


def _unwritable(error: OSError) -> typer.Exit:
    output.complaint(
        f"{error.filename}: {error.strerror}", "file", "check the path and its permissions"
    )
    return typer.Exit(exits.USAGE)
