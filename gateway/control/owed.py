"""Halts that the ledger does not hold yet: a small durable marker for each, beside the ledger.

A halt stands from the moment it is engaged, whether or not the ledger takes its entry. Without a
marker it would stand in memory only, and be forgotten by a process that dies while the ledger is
latched or full. A marker is written beside the attempt to record, and removed when the entry is
durable; whatever is found at a start is entered before the first order is taken.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from gateway.domain.errors import RefusedError, UnavailableError
from gateway.ports import BlockingRunner
from signing import canonical

FOLDER: Final = "halts-owed"
OWED_MAX: Final = 256
"""Markers that may lie there; there is one for each cause and scope, so few are ever needed."""
MARKER_BYTES_MAX: Final = 8_192
SUFFIX: Final = ".json"

_HALT_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
T = TypeVar("T")


class OwedHalts(Protocol):
    """Where the payloads of halts survive until the ledger holds them."""

    async def keep(self, payload: Mapping[str, Any]) -> None:
        """Make the payload of a halt entry durable; again is as good as once.

        Raises:
            UnavailableError: ``halt-unkept``.
        """
        ...

    async def drop(self, halt_id: str) -> None:
        """Forget a halt that the ledger holds; unknown ids are not an error.

        Raises:
            UnavailableError: ``halt-unkept``: it is still there.
        """
        ...

    async def waiting(self) -> list[Mapping[str, Any]]:
        """Every payload that was kept and not dropped, the oldest first.

        Raises:
            RefusedError: ``halt-owed-unreadable``: a halt may be lost; a person must look.
        """
        ...


class FolderOwedHalts:
    """Implements :class:`OwedHalts`: one file of canonical JSON for each halt."""

    def __init__(self, folder: Path, runner: BlockingRunner) -> None:
        """``folder`` is made when the first marker is written."""
        self._folder = folder
        self._runner = runner

    async def keep(self, payload: Mapping[str, Any]) -> None:
        """See :class:`OwedHalts`."""
        await self._run(lambda: self._write(payload))

    async def drop(self, halt_id: str) -> None:
        """See :class:`OwedHalts`."""
        await self._run(lambda: self._remove(halt_id))

    async def waiting(self) -> list[Mapping[str, Any]]:
        """See :class:`OwedHalts`."""
        return await self._runner.run(self._read)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._runner.run(work)
        except OSError as error:
            raise UnavailableError(
                "halt-unkept",
                f"{self._folder} cannot be written ({error})",
                "the halt stands in memory only: keep the process alive until it is recorded",
            ) from error

    def _write(self, payload: Mapping[str, Any]) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            _sync(self._folder.parent)
        if len(list(self._folder.iterdir())) >= OWED_MAX:
            raise OSError(f"it holds {OWED_MAX} markers already")
        path = self._path(str(payload["halt_id"]))
        new = path.with_name(path.name + ".new")
        new.write_bytes(canonical.encode(dict(payload)))
        _sync(new)
        # Crash before this: the file with the other name is no marker. The halt had no answer.
        new.replace(path)
        _sync(self._folder)

    def _remove(self, halt_id: str) -> None:
        path = self._path(halt_id)
        with contextlib.suppress(FileNotFoundError):  # gone already, or another was quicker
            path.unlink()
            _sync(self._folder)

    def _read(self) -> list[Mapping[str, Any]]:
        try:
            if not self._folder.exists():
                return []
            # Ids begin with the time, so that their order is that of the halts.
            paths = sorted(self._folder.glob(f"*{SUFFIX}"))
            return [self._payload(path) for path in paths]
        except OSError as error:
            raise _unreadable(self._folder, str(error)) from error

    def _payload(self, path: Path) -> Mapping[str, Any]:
        if path.stat().st_size > MARKER_BYTES_MAX:
            raise _unreadable(path, f"it is longer than {MARKER_BYTES_MAX} bytes")
        try:
            payload = canonical.decode(path.read_bytes())
        except ValueError as error:
            raise _unreadable(path, str(error)) from error
        if not isinstance(payload, dict) or payload.get("halt_id") != path.name[: -len(SUFFIX)]:
            raise _unreadable(path, "it does not hold the halt that its name says")
        return payload

    def _path(self, halt_id: str) -> Path:
        assert _HALT_ID.fullmatch(halt_id), halt_id
        return self._folder / (halt_id + SUFFIX)


def _unreadable(path: Path, why: str) -> RefusedError:
    return RefusedError(
        "halt-owed-unreadable",
        f"{path} cannot be read: {why}",
        "a halt may be lost: find out which, move the file away, and engage it again",
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
