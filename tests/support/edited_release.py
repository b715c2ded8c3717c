"""A release of the test's own whose limits, lists or instruments are changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.policy.build import DATA, DESCRIPTOR
from signing import canonical
from support.release_folder import write_release


def write_edited(folder: Path, change: Callable[[dict[str, Any]], object], **limits: int) -> Path:
    """Write the test's release, changed in place by ``change``, which is given its data."""
    write_release(folder, **limits)
    data: dict[str, Any] = canonical.decode_object((folder / DATA).read_bytes())
    change(data)
    (folder / DATA).write_bytes(canonical.encode(data))
    fields = canonical.decode_object((folder / DESCRIPTOR).read_bytes())
    fields["data_sha256"] = canonical.digest((folder / DATA).read_bytes())
    (folder / DESCRIPTOR).write_bytes(canonical.encode(fields))
    return folder
