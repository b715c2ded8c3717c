"""The Rego sources of a policies folder: what belongs to a release, and its revision."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from gateway.domain.errors import InvalidInputError
from signing import canonical

ROOT: Final = "writ"
"""The one package root that a release's bundle owns; data belongs to no bundle."""

_TEST_SUFFIX: Final = "_test.rego"


def rego_sources(source: Path) -> list[Path]:
    """The Rego files of a release relative to ``source``, sorted by name, tests left out.

    Raises:
        InvalidInputError: ``policy-sources`` when there is none.
    """
    found = sorted(
        path.relative_to(source)
        for path in source.rglob("*.rego")
        if not path.name.endswith(_TEST_SUFFIX)
    )
    if not found:
        raise InvalidInputError(
            "policy-sources", f"{source} holds no Rego files", "name the policies folder"
        )
    return found


def revision(source: Path) -> str:
    """``r`` and 16 hex digits of the SHA-256 over the sources' names, lengths and bytes."""
    digest = hashlib.sha256()
    for path in rego_sources(source):
        data = (source / path).read_bytes()
        digest.update(f"{path.as_posix()}\x00{len(data)}\x00".encode())
        digest.update(data)
    return "r" + digest.hexdigest()[:16]


def stage(source: Path, target: Path) -> None:
    """Copy the sources, and a manifest that claims their root only, into an empty folder.

    A build runs inside the copy: tests, limits and whatever else lies in the policies folder
    cannot get into a release, and no path of this machine can either.
    """
    for path in rego_sources(source):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)
    manifest = canonical.encode({"roots": [ROOT], "rego_version": 1})
    (target / ".manifest").write_bytes(manifest)
