"""Files of trust that operators change while the gateway runs: read off the loop, swapped whole.

What a decision reads is in memory. A look at the files happens on a worker thread once a second,
and what it found takes the place of what was known before in one step. A look that fails, or that
does not come back in time, leaves nothing known: what cannot be read proves nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Generic, Protocol, TypeVar

from gateway.ports import BlockingRunner, Clock
from signing.trusted import FILE_BYTES_MAX, TrustedKeys, TrustedKeysError

T = TypeVar("T")


class Found(Protocol):
    """What a look at files found."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong with them, in words."""
        ...


F = TypeVar("F", bound=Found)

LOOK_INTERVAL_MS: Final = 1_000
LOOK_TIMEOUT_MS: Final = 60_000

_READS_TO_SETTLE: Final = 2
_OTHERS_WRITE: Final = 0o002
_Print = tuple[int, int, int, int, int]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broken:
    """What is wrong with a file: nothing of it counts."""

    reason: str


class FileReader(Generic[T]):
    """Reads files again when they changed, and remembers what each of them said.

    A file is told by device, inode, size and both of its times. Within one tick of the file
    system's clock a second change would not show, so a file is read at two looks before its
    print is believed.
    """

    def __init__(self, read: Callable[[BinaryIO], T]) -> None:
        """Use ``read`` on each open file; it returns a value whatever the file holds."""
        self._read = read
        self._known: dict[Path, tuple[_Print, int, T]] = {}

    def value(self, path: Path) -> T | Broken:
        """What the file says now; :class:`Broken` where it is no regular file or unreadable."""
        try:
            # Not blocking: what has the file's name may be a pipe that nobody writes to.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            return Broken(error.strerror or "cannot be opened")
        status = os.fstat(descriptor)
        refused = _refused(status)
        if refused is not None:
            os.close(descriptor)
            return refused
        with os.fdopen(descriptor, "rb") as file:
            return self._value(path, file, _print(status))

    def _value(self, path: Path, file: BinaryIO, before: _Print) -> T | Broken:
        known = self._known.get(path)
        reads = known[1] if known and known[0] == before else 0
        if known is not None and reads >= _READS_TO_SETTLE:
            return known[2]
        try:
            found = self._read(file)
        except OSError as error:
            return Broken(error.strerror or "cannot be read")
        if _print(os.fstat(file.fileno())) == before:
            self._known[path] = (before, reads + 1, found)
        return found

    def keep(self, paths: Collection[Path]) -> None:
        """Forget every other file."""
        for path in self._known.keys() - set(paths):
            del self._known[path]


def _refused(status: os.stat_result) -> Broken | None:
    if not stat.S_ISREG(status.st_mode):
        return Broken("is not a regular file")
    if status.st_mode & _OTHERS_WRITE:
        return Broken("can be changed by anybody (chmod o-w)")
    return None


def _print(status: os.stat_result) -> _Print:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def read_keys(file: BinaryIO) -> TrustedKeys | Broken:
    """The keys of a file of trusted keys."""
    try:
        return TrustedKeys.parse(file.read(FILE_BYTES_MAX + 1))
    except TrustedKeysError as error:
        return Broken(str(error))


@dataclass(frozen=True, slots=True)
class Officers:
    """Whose overrides count, and what is wrong with the file that says so."""

    keys: TrustedKeys
    problems: tuple[str, ...] = ()


class OfficersFile:
    """The file of officers' keys; one :meth:`look` at a time."""

    def __init__(self, path: Path | None) -> None:
        """Read ``path``; without one nobody is an officer."""
        self._path = path
        self._reader = FileReader(read_keys)

    def look(self) -> Officers:
        """Read the file if it changed; blocks."""
        if self._path is None:
            return Officers(TrustedKeys())
        found = self._reader.value(self._path)
        if isinstance(found, Broken):
            return Officers(TrustedKeys(), (f"officers {self._path.name}: {found.reason}",))
        return Officers(found)


class Watch(Generic[F]):
    """What files say, as of a second ago; belongs to one event loop."""

    def __init__(
        self,
        look: Callable[[], F],
        nothing: Callable[[str], F],
        runner: BlockingRunner,
        clock: Clock,
    ) -> None:
        """Begin knowing nothing.

        Args:
            look: reads the files; runs on a worker thread, never twice at once.
            nothing: what is known when a look failed, for the reason that it is given.
            runner: has the threads.
            clock: waits between looks.
        """
        self._look = look
        self._nothing = nothing
        self._runner = runner
        self._clock = clock
        self._value = nothing("not read yet")
        self._under_way: asyncio.Future[F] | None = None

    @property
    def value(self) -> F:
        """What is known now; never blocks."""
        return self._value

    async def refresh(self) -> None:
        """Look once, for a bounded time; whatever came of it is known afterwards."""
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._runner.run(self._look))
        done, _ = await asyncio.wait({self._under_way}, timeout=LOOK_TIMEOUT_MS / 1_000)
        if not done:  # the thread is still at it; the next look waits for the same one
            self._take(self._nothing("the files did not answer in time"))
            return
        looked, self._under_way = self._under_way, None
        try:
            found = looked.result()
        except Exception as error:  # noqa: BLE001  nothing may be believed of what was not read
            _log.exception("trusted files could not be read")
            found = self._nothing(f"{type(error).__name__} while reading")
        self._take(found)

    def _take(self, found: F) -> None:
        for problem in found.problems:
            if problem not in self._value.problems:
                _log.warning("nothing of it counts: %s", problem)
        self._value = found

    async def run(self) -> None:
        """Look again and again, for as long as the gateway runs."""
        while True:
            await self._clock.sleep_ms(LOOK_INTERVAL_MS)
            await self.refresh()
