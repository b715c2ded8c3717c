"""Files that hold a secret: read only where nobody but their owner can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class OpenToOthersError(Exception):
    """The file's mode lets others at it; what it holds may be known already."""


def read_private(path: Path, limit_bytes: int) -> bytes:
    """Read a secret's file, one byte more than `limit_bytes` at most.

    The mode is that of the file which was opened, not of whatever has its name by then.

    Raises:
        OpenToOthersError: its group or others may use it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise OpenToOthersError(f"{path} can be read by others")
        return file.read(limit_bytes + 1)
