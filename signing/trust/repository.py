"""The folder of a trust root: static files, as every TUF client reads them.

    metadata/N.root.json  metadata/N.targets.json  metadata/N.risk.json  metadata/N.snapshot.json
    metadata/timestamp.json
    targets/<sha256>.manifest.json  targets/release/<sha256>.<file>
    targets/overlays/<sha256>.<name>.json

A file with a number or a digest in its name is written once and never changed; the timestamp is
replaced, and last of all. So a copy that is taken at any instant is whole, or is refused.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from signing.trust.errors import TrustError
from signing.trust.metadata import METADATA_BYTES_MAX

TIMESTAMP: Final = "metadata/timestamp.json"
FILES_MAX: Final = 100_000
"""The most files of the metadata folder that are looked at."""

_NUMBERED: Final = re.compile(r"([1-9][0-9]{0,11})\.([a-z]+)\.json")
_PUBLIC: Final = 0o644
_LAST: Final = 10**12 - 1
"""The last number that a file is looked for under."""


class Repository:
    """A trust root's files, and those that are staged to be written beside them.

    What is staged is read as if it were there, so that the verifier can judge a change before a
    byte of it is on disk.
    """

    def __init__(self, folder: Path | None, files: Mapping[str, bytes] | None = None) -> None:
        self._folder = folder
        self._files = dict(files or {})

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Repository:
        """A trust root in memory: path -> bytes, as a state's `metadata` has them."""
        return cls(None, files)

    def metadata(self, name: str) -> bytes | None:
        """The metadata file `name`, as `3.root.json`; None where there is none.

        Raises:
            TrustError: as `read`.
        """
        return self.read(f"metadata/{name}", METADATA_BYTES_MAX)

    def read(self, path: str, limit_bytes: int) -> bytes | None:
        """The file at `path`; None where there is none.

        Raises:
            TrustError: `file-long`: more than `limit_bytes`; `file-unreadable`: it cannot be read.
        """
        data = self._files.get(path)
        if data is None and self._folder is not None:
            data = _read_file(self._folder / path, limit_bytes)
        if data is not None and len(data) > limit_bytes:
            raise TrustError(
                "file-long",
                f"{path} has more than {limit_bytes} bytes",
                "get the folder again from whoever publishes it",
            )
        return data

    def latest(self, role: str) -> int:
        """The highest version of a role's files, 0 where there are none; what they say is not read.

        Raises:
            TrustError: as `versions`.
        """
        return next(iter(self.versions(role)), 0)

    def following(self, role: str) -> int:
        """The version that the next file of a role gets.

        Raises:
            TrustError: `versions-used-up`; as `versions`.
        """
        latest = self.latest(role)
        if latest >= _LAST:
            raise TrustError(
                "versions-used-up",
                f"metadata/{latest}.{role}.json leaves no number for the next one",
                "remove it, after finding out who put it there",
            )
        return latest + 1

    def versions(self, role: str) -> list[int]:
        """The versions of a role's files, the highest first; what they say is not read.

        Raises:
            TrustError: the folder cannot be read, or has more than FILES_MAX files.
        """
        names = [path.removeprefix("metadata/") for path in self._files]
        if self._folder is not None:
            names += _list(self._folder / "metadata")
        found = (_NUMBERED.fullmatch(name) for name in names)
        numbers = {int(one[1]) for one in found if one and one[2] == role}
        return sorted(numbers, reverse=True)

    def staging(self, files: Mapping[str, bytes]) -> Repository:
        """This repository with further files, none of which is on disk before `commit`."""
        return Repository(self._folder, {**self._files, **files})

    def commit(self) -> None:
        """Write the staged files: targets first, then metadata, the timestamp last.

        If we crash in between, every file is whole or absent, and those that are there are named by
        nothing yet: the same change can be committed again.

        Raises:
            TrustError: `version-taken`: another file has the number already; `folder-unwritable`.
        """
        assert self._folder is not None, "a trust root in memory has no folder to be written to"
        try:
            for path in sorted(self._files, key=_rank):
                self._write(self._folder / path, self._files[path], replace=not _is_numbered(path))
        except OSError as error:
            raise TrustError(
                "folder-unwritable",
                f"{self._folder} cannot be written: {error.strerror}",
                "choose a folder that this user can write to, on a disk with space",
            ) from error

    def _write(self, path: Path, data: bytes, *, replace: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, _PUBLIC)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            if replace:
                Path(temporary).replace(path)
            else:
                _link(temporary, path, data)
        finally:
            Path(temporary).unlink(missing_ok=True)
        _sync(path.parent)


def _link(temporary: str, path: Path, data: bytes) -> None:
    """Give a new file its name, which must be free, or be that of the same bytes."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if _read_file(path, len(data)) != data:
            raise TrustError(
                "version-taken",
                f"{path.name} exists already and is another one",
                "publish what is there, or propose the change again with the next version",
            ) from None


def _rank(path: str) -> tuple[int, str]:
    if path == TIMESTAMP:
        return 2, path
    return (0 if path.startswith("targets/") else 1), path


def _is_numbered(path: str) -> bool:
    return path.startswith("metadata/") and path != TIMESTAMP


def _read_file(path: Path, limit_bytes: int) -> bytes | None:
    try:
        # Not blocking: a named pipe in the place of a file must not stop us.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable(path, "it is no file")
            return file.read(limit_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or "unknown error") from error


def _list(folder: Path) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > FILES_MAX:
                    raise _unreadable(folder, f"it has more than {FILES_MAX} files")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error.strerror or "unknown error") from error
    return names


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, why: str) -> TrustError:
    return TrustError(
        "file-unreadable",
        f"{path} cannot be read: {why}",
        "restore the folder, or run as a user who can read it",
    )
