"""Files that hold a secret: read only where nobody but their owner can read them.

A name may lead through symbolic links, as it does where Kubernetes mounts secrets. What counts is
the file that was opened: its kind, owner and mode, whatever has its name by then.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from vault.errors import ProviderError

_MOUNTS: Final = Path("/proc/self/mountinfo")
_MOUNTS_MAX_BYTES: Final = 4_194_304
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """What a secret's file held when it was read."""

    data: bytes = field(repr=False)
    version: str
    """Another one after each change of the file, or exchange for another file."""
    in_memory: bool
    """It lies in a file system that is never written to a disk."""


def read_private(path: Path, limit_bytes: int) -> PrivateFile:
    """Read a secret's file of at most `limit_bytes`.

    Raises:
        ProviderError: `file-missing`, `file-unreadable`, `file-irregular`, `file-owner`,
            `file-mode`, `file-too-large`, or `file-changing`: somebody writes to it just now.
    """
    try:
        # Opening a pipe must not wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        _refuse_unread(path, error)
    try:
        found = os.fstat(descriptor)
        _check(path, found)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit_bytes + 1)
        after = os.fstat(descriptor)
    except OSError as error:
        _refuse_unread(path, error)
    finally:
        os.close(descriptor)
    if len(data) > limit_bytes:
        raise ProviderError(
            "file-too-large",
            f"{path} holds more than {limit_bytes} bytes",
            "name the file with the secret alone",
        )
    if _version(found) != _version(after) or not len(data) == found.st_size == after.st_size:
        raise ProviderError(
            "file-changing",
            f"{path} was written to while it was read",
            "exchange the file by renaming a whole one over it",
        )
    return PrivateFile(data, _version(after), _in_memory(after.st_dev))


def _refuse_unread(path: Path, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        raise ProviderError(
            "file-missing", f"{path} does not exist", "make it, readable by its owner alone"
        ) from error
    raise ProviderError(
        "file-unreadable",
        f"{path} cannot be read: {error.strerror}",
        "let the user that Writ runs as read it, and nobody else",
    ) from error


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ProviderError(
            "file-irregular", f"{path} is not a regular file", "name the file with the secret"
        )
    if found.st_uid not in {0, os.geteuid()}:
        raise ProviderError(
            "file-owner",
            f"{path} belongs to another user",
            "give it to the user that Writ runs as, or run as that user",
        )
    if found.st_mode & ~_allowed(found) & 0o777:
        raise ProviderError(
            "file-mode",
            f"{path} can be read or changed by others (mode {found.st_mode & 0o777:04o})",
            f"chmod 600 {path}, and consider whether the secret is still one",
        )


def _allowed(found: os.stat_result) -> int:
    """The owner's bits; root may also have it read by the one group that Writ belongs to.

    That is how Kubernetes (`fsGroup`) gives a secret to a process that is not root.
    """
    groups = {os.getegid(), *os.getgroups()}
    shared = found.st_uid == 0 and os.geteuid() != 0 and found.st_gid in groups
    return 0o740 if shared else 0o700


def _version(found: os.stat_result) -> str:
    """Shown to people, so it does not tell the secret's length."""
    return f"{found.st_ino}-{found.st_mtime_ns}"


def _in_memory(device: int) -> bool:
    """Whether a device is a file system in memory; what cannot be told is not."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with _MOUNTS.open("rb") as file:
            lines = file.read(_MOUNTS_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return False
    kinds = {
        after.split(" ", 1)[0]
        for before, _, after in (line.partition(" - ") for line in lines)
        if before.split(" ")[2:3] == [wanted]
    }
    return bool(kinds) and kinds <= _MEMORY
