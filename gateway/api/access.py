"""API keys: a file of hashes that the command line edits and the gateway watches.

A key is 256 random bits and is shown once; the file holds its SHA-256, which is as good as the
key is random, so no slow hash is needed. The first key needs no running gateway, and a key that
is revoked stops working with the next request. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.api.owner_file import UnsafeFileError, one_at_a_time, read_owned, write_owned
from gateway.api.roles import SCOPES_OF, KeyScope, Role
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from gateway.ports import BlockingRunner

FILE_NAME: Final = "access.json"
KEYS_MAX: Final = 10_000
_FILE_MAX_BYTES: Final = 8 * 1024 * 1024
_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 32
ENTROPY_BYTES: Final = _ID_BYTES + _SECRET_BYTES
"""Random bytes that a new key is made of."""

_ID: Final = "[a-z2-7]{8}"
_KEY: Final = re.compile(rf"writ_({_ID})_[A-Za-z0-9_-]{{43}}")
NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""What somebody may be called."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NO_HASH: Final = "0" * 64
TIME_MAX_US: Final = 2**53
"""Times in the files stay below it."""
_SEE_HOSTS: Final = frozenset({KeyScope.OPERATE, KeyScope.RISK, KeyScope.ADMIN})
NAMES_OF_PARTS: Final = frozenset(
    {"acceptance", "configuration", "gate", "live", "none", "policy", "settlement", "tracking"}
    | {"probe", "triggers", "unidentified", "reconciliation", "end-of-day"}
)
"""How the gateway's own parts stand in the record; nobody else may go by such a name."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One line of the file. ``revoked_us`` is 0 while the key works; times are wall clock.

    With a role, ``scopes`` are those that the role had when the key was made.
    """

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    added_us: int
    revoked_us: int = 0
    role: str = ""

    @property
    def rights(self) -> frozenset[str]:
        """The scopes that the key has now.

        A role that is tightened tightens the keys that were made for it; one that is widened
        leaves them as they are, for nobody has decided that their holders may do more.
        """
        scopes = frozenset(self.scopes)
        return scopes & SCOPES_OF[Role(self.role)] if self.role else scopes


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: the name under which decisions are recorded, and its scopes."""

    name: str
    key_id: str
    scopes: frozenset[str]

    @property
    def sees_hosts(self) -> bool:
        """Whether it may be told where orders go."""
        return not self.scopes.isdisjoint(_SEE_HOSTS)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The file as read; ``seen`` is what told it apart from the file before."""

    seen: tuple[int, ...]
    by_id: dict[str, KeyRecord]


class AccessFile:
    """The file at ``path``; a missing one holds no keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._snapshot = _Snapshot((), {})

    def add(
        self,
        name: str,
        scopes: Iterable[str] = (),
        *,
        role: str = "",
        entropy: bytes,
        now_us: int,
    ) -> str:
        """Add a key and return its text, which is kept nowhere.

        Args:
            name: the principal; may have several keys.
            scopes: what the key is for, at least one; none with a role.
            role: what the principal is, instead of scopes.
            entropy: :data:`ENTROPY_BYTES` random bytes.
            now_us: wall time.

        Raises:
            InvalidInputError: ``access-name-malformed``, ``access-scope-unknown``,
                ``access-role-unknown`` or ``access-full``.
        """
        wanted = _checked_scopes(_scopes_of(role, tuple(scopes)) if role else scopes)
        if NAME.fullmatch(name) is None or name in NAMES_OF_PARTS:
            raise InvalidInputError(
                "access-name-malformed",
                "the name is not 1 to 64 characters of A-Z a-z 0-9 _ . : -, "
                "or is one of the gateway's own",
                "choose a name such as strategy-1",
            )
        key_id = base64.b32encode(entropy[:_ID_BYTES]).decode().lower()
        secret = base64.urlsafe_b64encode(entropy[_ID_BYTES:ENTROPY_BYTES]).decode().rstrip("=")
        text = f"writ_{key_id}_{secret}"
        if _KEY.fullmatch(text) is None:
            raise ValueError(f"a key needs {ENTROPY_BYTES} random bytes")
        record = KeyRecord(key_id, name, _hash(text), wanted, now_us, role=role)
        with self._edited() as records:
            if key_id in records or len(records) >= KEYS_MAX:
                raise InvalidInputError(
                    "access-full", "no room for another key", "remove revoked keys, or try again"
                )
            records[key_id] = record
        return text

    def revoke(self, key_id_or_name: str, *, now_us: int) -> list[KeyRecord]:
        """Revoke one key by its id, or every working key of a name; return those revoked.

        Raises:
            NotFoundError: ``access-key-unknown``: no working key goes by that.
        """
        _working(self._current(), key_id_or_name)  # before a folder is made for a file to edit
        with self._edited() as records:
            found = _working(records, key_id_or_name)
            revoked = [replace(record, revoked_us=now_us) for record in found]
            records |= {record.id: record for record in revoked}
        return revoked

    def records(self) -> list[KeyRecord]:
        """Every key of the file, oldest first, revoked ones too."""
        return sorted(self._current().values(), key=lambda r: (r.added_us, r.id))

    def find(self, text: str) -> Principal | None:
        """The principal of a working key, or ``None``; the file is read anew when it changed.

        Raises:
            UnavailableError: ``access-file-unsafe`` or ``access-file-unreadable``.
        """
        match = _KEY.fullmatch(text)
        record = self._current().get(match[1]) if match else None
        # An unknown id is compared as well, so that an answer takes as long either way.
        same = hmac.compare_digest(_hash(text), record.sha256 if record else _NO_HASH)
        if record is None or not same or record.revoked_us:
            return None
        return Principal(record.name, record.id, record.rights)

    def _current(self) -> dict[str, KeyRecord]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._snapshot = _Snapshot((), {})
            return {}
        # A rename brings a new inode, so that two changes within one tick are told apart.
        seen = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
        if seen != self._snapshot.seen:
            self._snapshot = _Snapshot(seen, self._read())
        return self._snapshot.by_id

    def _read(self) -> dict[str, KeyRecord]:
        try:
            return _decode(read_owned(self._path, _FILE_MAX_BYTES))
        except UnsafeFileError as error:
            raise UnavailableError(
                "access-file-unsafe",
                f"{self._path.name} can be read by others",
                f"chmod 600 {self._path}",
            ) from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnavailableError(
                "access-file-unreadable",
                f"{self._path.name} cannot be used: {type(error).__name__}",
                "restore the file, or remove it and add keys again",
            ) from error

    @contextmanager
    def _edited(self) -> Generator[dict[str, KeyRecord]]:
        """The records, to be changed; written back whole if the block ends well."""
        with one_at_a_time(self._path):
            records = dict(self._current())
            yield records
            keys = [asdict(record) for record in records.values()]
            write_owned(self._path, {"v": 2, "keys": keys})


class AccessKeys:
    """The file as the gateway asks it, off the event loop."""

    def __init__(self, path: Path, runner: BlockingRunner) -> None:
        self._file = AccessFile(path)
        self._runner = runner

    async def find(self, text: str) -> Principal | None:
        """As :meth:`AccessFile.find`."""
        return await self._runner.run_quick("access", lambda: self._file.find(text))


def is_admin(access: AccessFile, name: str) -> bool:
    """Whether somebody has a working key of the scope admin."""
    return any(
        record.name == name and not record.revoked_us and KeyScope.ADMIN in record.rights
        for record in access.records()
    )


def _working(records: dict[str, KeyRecord], key_id_or_name: str) -> list[KeyRecord]:
    found = [
        record
        for record in records.values()
        if key_id_or_name in (record.id, record.name) and not record.revoked_us
    ]
    if not found:
        raise NotFoundError(
            "access-key-unknown", "no working key has that id or name", "writ access list"
        )
    return found


def _checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted = set(scopes)
    unknown = wanted - set(KeyScope)
    if unknown or not wanted:
        raise InvalidInputError(
            "access-scope-unknown",
            "the scopes are not all known" if unknown else "a key needs at least one scope",
            f"use some of: {', '.join(KeyScope)}",
        )
    return tuple(scope.value for scope in KeyScope if scope in wanted)


def _scopes_of(role: str, scopes: tuple[str, ...]) -> Iterable[str]:
    if role not in set(Role) or scopes:
        raise InvalidInputError(
            "access-role-unknown",
            "a key has a role or scopes of its own, not both" if scopes else "no such role",
            f"use one of: {', '.join(Role)}",
        )
    return SCOPES_OF[Role(role)]


def _decode(document: dict[str, Any]) -> dict[str, KeyRecord]:
    version: object = document["v"]
    known = type(version) is int and version in (1, 2)
    if set(document) != {"v", "keys"} or not known or len(document["keys"]) > KEYS_MAX:
        raise ValueError("another format")
    records = [
        _record(_with_role(fields) if version == 1 else fields) for fields in document["keys"]
    ]
    by_id = {record.id: record for record in records}
    if len(by_id) != len(records):
        raise ValueError("an id stands twice")
    return by_id


def _with_role(fields: dict[str, Any]) -> dict[str, Any]:
    """A key of the first version, which knew no roles."""
    if "role" in fields:
        raise ValueError("a field from later")
    return fields | {"role": ""}


def _record(fields: dict[str, Any]) -> KeyRecord:
    scopes: list[str] = fields["scopes"]
    record = KeyRecord(
        id=fields["id"],
        name=fields["name"],
        sha256=fields["sha256"],
        scopes=tuple(scopes),
        added_us=fields["added_us"],
        revoked_us=fields["revoked_us"],
        role=fields["role"],
    )
    times = (record.added_us, record.revoked_us)
    if (
        len(fields) != len(asdict(record))
        or NAME.fullmatch(record.name) is None
        or _HASH.fullmatch(record.sha256) is None
        or not scopes
        or not set(scopes) <= set(KeyScope)
        or record.role not in {"", *Role}
        or not all(type(value) is int and 0 <= value < TIME_MAX_US for value in times)
        or re.fullmatch(_ID, record.id) is None
    ):
        raise ValueError("a key is malformed")
    return record


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
