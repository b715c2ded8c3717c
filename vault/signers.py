"""Signing keys in files: PKCS#8 PEM, Ed25519, readable by their owner alone.

A key is made once. `create_key` never replaces a file, and a crash leaves either the whole key or
none. What signs with a key is the caller's matter: this module hands out private keys.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.errors import ProviderError
from vault.private_files import read_private

KEY_BYTES_MAX: Final = 16_384
_PRIVATE: Final = 0o600
_OF_A_KEY: Final = MappingProxyType(
    {
        "file-missing": "key-missing",
        "file-mode": "key-mode",
        "file-owner": "key-owner",
        "file-unreadable": "key-owner",
    }
)
"""What is said of a key for what is said of any file; everything else is damage."""


class KeyFileError(Exception):
    """A key file that cannot be made or must not be used. The message never holds key material.

    Attributes:
        code: a stable word: `key-missing`, `key-exists`, `key-mode`, `key-owner`, `key-damaged`,
            `key-passphrase` or `key-unwritable`.
        remedy: what to do about it.
    """

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.code = code
        self.remedy = remedy


def create_key(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Make a new key, and the file that holds it (mode 0600, durable before this returns).

    A missing folder is made too, for the owner alone.

    Args:
        path: the file to make.
        passphrase: encrypts the file, if given; at least one byte.

    Raises:
        KeyFileError: the file exists already, cannot be written, or the passphrase is empty.
    """
    if passphrase == b"":
        raise KeyFileError("key-passphrase", "the passphrase is empty", "give one, or none at all")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase),
    )
    try:
        _make_folder(path.parent)
        if not _write_once(path, pem):
            raise KeyFileError(
                "key-exists",
                f"{path} exists, and keys are never replaced",
                "name another file, or move the old key away",
            )
    except OSError as error:
        raise KeyFileError(
            "key-unwritable",
            f"{path} cannot be written: {error.strerror}",
            "choose a folder that this user can write to",
        ) from error
    return key


def load_key(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Read a key file that is read as every secret's is: see `vault.private_files`.

    Raises:
        KeyFileError: missing, readable by others, encrypted under another passphrase, or not an
            Ed25519 key in PKCS#8 PEM.
    """
    pem = _read_private(path)
    try:
        key = serialization.load_pem_private_key(pem, passphrase)
    except TypeError as error:
        wanted = "needs a passphrase" if passphrase is None else "has no passphrase"
        raise KeyFileError(
            "key-passphrase", f"{path} {wanted}", "give the passphrase exactly where it is needed"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is None:
            raise _damaged(path) from error
        raise KeyFileError(
            "key-passphrase",
            f"{path} cannot be opened: another passphrase, or a damaged file",
            "check the passphrase, or restore the file from its backup",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _damaged(path)
    return key


def open_key(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Read a key file, or make it where there is none: the first start of a new installation.

    Raises:
        KeyFileError: as `load_key` and `create_key`.
    """
    try:
        return load_key(path, passphrase)
    except KeyFileError as error:
        if error.code != "key-missing":
            raise
    return create_key(path, passphrase)


def _read_private(path: Path) -> bytes:
    """Read a key's file as any secret's (`vault.private_files`), and say of a key what is wrong."""
    try:
        return read_private(path, KEY_BYTES_MAX).data
    except ProviderError as error:
        code = _OF_A_KEY.get(error.code)
        if code is None:
            raise _damaged(path) from error
        remedy = "make it with `writ keys new`" if code == "key-missing" else error.remedy
        raise KeyFileError(code, error.detail, remedy) from error


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _write_once(path: Path, data: bytes) -> bool:
    """Write a new file whole, or not at all; tell whether the name was free.

    The bytes are on disk under a temporary name before the name is linked; linking fails where the
    name is taken. If we crash before the link, a temporary file is left over and no key.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _PRIVATE)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink()
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path) -> KeyFileError:
    return KeyFileError(
        "key-damaged",
        f"{path} is not an Ed25519 key in PKCS#8 PEM",
        "restore the file from its backup, or name the right one",
    )
