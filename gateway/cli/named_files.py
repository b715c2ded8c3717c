"""Files and folders named on the command line, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

from gateway.cli import exits, output
from signing.keys import InvalidKeyError, PublicKey, Vkey

FILE_BYTES_MAX: Final = 16_384
"""The largest key or checkpoint that is read."""


def read_vkey(path: Path, command: str = "audit") -> Vkey:
    """Read a verifier key that was named on the command line."""
    try:
        return Vkey.parse(read_file(path, FILE_BYTES_MAX, command).decode("ascii"))
    except (InvalidKeyError, UnicodeDecodeError) as error:
        raise usage(f"{path}: {error}", command) from error


def read_public_key(path: Path, command: str = "audit") -> PublicKey:
    """Read a public key that was named on the command line: 64 hexadecimal digits."""
    try:
        text = read_file(path, FILE_BYTES_MAX, command).decode("ascii")
        return PublicKey.from_hex(text.removesuffix("\n"))
    except (InvalidKeyError, UnicodeDecodeError) as error:
        raise usage(f"{path}: {error}", command) from error


def read_file(path: Path, limit: int, command: str = "audit") -> bytes:
    """Read a file that was named on the command line; one byte more than `limit` at most."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise usage(f"{path} is not a file", command) from error
    except OSError as error:
        raise unreadable(error) from error


def folder(path: Path) -> Path:
    """Take a folder that was named on the command line, if it is one."""
    if not path.is_dir():
        raise usage(f"{path} is not a folder")
    return path


def usage(detail: str, command: str = "audit") -> typer.Exit:
    """Say what is wrong with the command; what is returned is to be raised."""
    output.complaint(detail, "usage", f"see writ {command} --help")
    return typer.Exit(exits.USAGE)


def unreadable(error: OSError) -> typer.Exit:
    """Say which file cannot be read; what is returned is to be raised."""
    output.complaint(
        f"{error.filename}: {error.strerror}", "unreadable", "check the path and its permissions"
    )
    return typer.Exit(exits.UNAVAILABLE)
