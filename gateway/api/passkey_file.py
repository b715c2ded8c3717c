"""Admins' passkeys: a file of public keys and open invitations beside the API keys' file.

It holds no secret: a passkey's private half never leaves the authenticator, and an invitation is
kept as its SHA-256. Whoever can write the file can make themselves an Admin's second factor, so it
is as private as the keys of callers are. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.api.access import NAME, TIME_MAX_US
from gateway.api.owner_file import UnsafeFileError, one_at_a_time, read_owned, write_owned
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError

FILE_NAME: Final = "passkeys.json"
PASSKEYS_MAX: Final = 200
INVITATIONS_MAX: Final = 50
INVITATION_LIFE_US: Final = 10 * 60 * 1_000_000
INVITATION_BYTES: Final = 32
_FILE_MAX_BYTES: Final = 1024 * 1024
_ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{1,1400}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_COUNT_MAX: Final = 2**32


@dataclass(frozen=True, slots=True)
class Passkey:
    """A registered passkey; ids and keys in base64url without padding, times in wall time.

    ``sign_count`` is the authenticator's counter as last seen; ``revoked_us`` is 0 while it works.
    """

    credential_id: str
    name: str
    public_key: str
    sign_count: int
    added_us: int
    revoked_us: int = 0


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link by which one person may register one passkey, until ``ends_us``."""

    sha256: str
    name: str
    ends_us: int


@dataclass(slots=True)
class Held:
    """What the file holds; changed within :meth:`PasskeyFile.edited` alone."""

    passkeys: dict[str, Passkey]
    """By credential id."""
    invitations: dict[str, Invitation]
    """By hash."""

    def working(self, name: str) -> list[Passkey]:
        """A person's passkeys that work, oldest first."""
        found = (k for k in self.passkeys.values() if k.name == name and not k.revoked_us)
        return sorted(found, key=lambda passkey: passkey.added_us)

    def invited(self, token: str, now_us: int) -> Invitation:
        """The invitation that a link holds.

        Raises:
            NotFoundError: ``invitation-unknown``: used, past its end, or never made.
        """
        found = self.invitations.get(hash_of(token))
        if found is None or now_us >= found.ends_us:
            raise NotFoundError(
                "invitation-unknown",
                "this link has been used, or is past its ten minutes",
                "have another one made at the gateway's host: writ access passkey NAME",
            )
        return found

    def add(self, passkey: Passkey) -> None:
        """Take a new passkey.

        Raises:
            InvalidInputError: ``passkey-known`` or ``passkeys-full``.
        """
        if passkey.credential_id in self.passkeys:
            raise InvalidInputError("passkey-known", "this passkey is registered already")
        if len(self.passkeys) >= PASSKEYS_MAX:
            raise InvalidInputError(
                "passkeys-full", "no room for another passkey", "remove the file's revoked ones"
            )
        self.passkeys[passkey.credential_id] = passkey


class PasskeyFile:
    """The file at ``path``; a missing one holds nothing. Every call blocks, on any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def held(self) -> Held:
        """What the file holds now.

        Raises:
            UnavailableError: ``passkey-file-unsafe`` or ``passkey-file-unreadable``.
        """
        try:
            return _decode(read_owned(self._path, _FILE_MAX_BYTES))
        except FileNotFoundError:
            return Held({}, {})
        except UnsafeFileError as error:
            raise UnavailableError(
                "passkey-file-unsafe",
                f"{self._path.name} can be read by others",
                f"chmod 600 {self._path}",
            ) from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnavailableError(
                "passkey-file-unreadable",
                f"{self._path.name} cannot be used: {type(error).__name__}",
                "restore the file, or remove it and register the passkeys again",
            ) from error

    @contextmanager
    def edited(self) -> Generator[Held]:
        """What the file holds, to be changed; written back whole if the block ends well."""
        with one_at_a_time(self._path):
            held = self.held()
            yield held
            self._write(held)

    def invite(self, name: str, *, entropy: bytes, now_us: int) -> str:
        """Make an invitation for a person, and return its text, which is kept nowhere.

        Raises:
            InvalidInputError: ``access-name-malformed`` or ``invitations-full``.
        """
        if NAME.fullmatch(name) is None or name == "none":
            raise InvalidInputError(
                "access-name-malformed",
                "the name is not 1 to 64 characters of A-Z a-z 0-9 _ . : -",
                "use the name of the Admin's API key",
            )
        if len(entropy) != INVITATION_BYTES:
            raise ValueError(f"an invitation needs {INVITATION_BYTES} random bytes")
        token = urlsafe_b64encode(entropy).decode().rstrip("=")
        with self.edited() as held:
            standing = {k: i for k, i in held.invitations.items() if now_us < i.ends_us}
            if len(standing) >= INVITATIONS_MAX:
                raise InvalidInputError(
                    "invitations-full", "too many invitations are open", "wait ten minutes"
                )
            made = Invitation(hash_of(token), name, now_us + INVITATION_LIFE_US)
            held.invitations = {**standing, made.sha256: made}
        return token

    def revoke(self, name: str, *, now_us: int) -> int:
        """Revoke every working passkey of a person; returns how many.

        Raises:
            NotFoundError: ``passkey-none``.
        """
        if not self.held().working(name):  # before a folder is made for a file to edit
            raise NotFoundError(
                "passkey-none", "no working passkey of that name", "writ access passkeys"
            )
        with self.edited() as held:
            found = held.working(name)
            held.passkeys |= {k.credential_id: replace(k, revoked_us=now_us) for k in found}
        return len(found)

    def _write(self, held: Held) -> None:
        document = {
            "v": 1,
            "passkeys": [asdict(passkey) for passkey in held.passkeys.values()],
            "invitations": [asdict(invitation) for invitation in held.invitations.values()],
        }
        write_owned(self._path, document)


def hash_of(token: str) -> str:
    """What is kept of an invitation."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _decode(document: dict[str, Any]) -> Held:
    if set(document) != {"v", "passkeys", "invitations"} or document["v"] != 1:
        raise ValueError("another format")
    passkeys = [_passkey(fields) for fields in document["passkeys"]]
    invitations = [_invitation(fields) for fields in document["invitations"]]
    held = Held(
        {passkey.credential_id: passkey for passkey in passkeys},
        {invitation.sha256: invitation for invitation in invitations},
    )
    if (len(held.passkeys), len(held.invitations)) != (len(passkeys), len(invitations)):
        raise ValueError("one stands twice")
    if len(passkeys) > PASSKEYS_MAX or len(invitations) > INVITATIONS_MAX:
        raise ValueError("too many")
    return held


def _passkey(fields: dict[str, Any]) -> Passkey:
    found = Passkey(**fields)
    encoded = (found.credential_id, found.public_key)
    if (
        NAME.fullmatch(found.name) is None
        or not all(_ENCODED.fullmatch(text) for text in encoded)
        or not _whole(found.sign_count, _COUNT_MAX)
        or not all(_whole(us, TIME_MAX_US) for us in (found.added_us, found.revoked_us))
    ):
        raise ValueError("a passkey is malformed")
    return found


def _invitation(fields: dict[str, Any]) -> Invitation:
    found = Invitation(**fields)
    if (
        _HASH.fullmatch(found.sha256) is None
        or NAME.fullmatch(found.name) is None
        or not _whole(found.ends_us, TIME_MAX_US)
    ):
        raise ValueError("an invitation is malformed")
    return found


def _whole(value: object, below: int) -> bool:
    return type(value) is int and 0 <= value < below
