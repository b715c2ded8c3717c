"""Target files: their names, where they lie, and the metadata that names them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from signing.keys import PublicKey
from signing.overlay import FOLDER
from signing.shapes import RecordError, mapping, text
from signing.trust.errors import TrustError
from signing.trust.library import TargetFile, Targets
from signing.trust.metadata import signed_bytes
from signing.trust.repository import Repository
from signing.trust.roles import delegation_of, public_of

MANIFEST: Final = "manifest.json"
RELEASE: Final = "release/"
OVERLAYS: Final = FOLDER
TARGET_BYTES_MAX: Final = 16_777_216
"""The longest target: a policy as WebAssembly has a quarter of a megabyte."""
TARGETS_MAX: Final = 64
"""The most targets of one role."""
LIFTED_FIELD: Final = "x-writ-lifted"
"""Where targets name the overlays that the officers take back, with their digests."""

_FILE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_OF_TARGETS: Final = re.compile(rf"{re.escape(MANIFEST)}|{RELEASE}{_FILE}")
_OF_RISK: Final = re.compile(rf"{OVERLAYS}{_FILE}\.json")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LIFTED: Final = mapping(
    text(_OF_RISK.pattern, "an overlay's name"),
    text(_DIGEST.pattern, "a SHA-256 in hexadecimal"),
    TARGETS_MAX,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A file that officers signed.

    Attributes:
        name: as `release/data.json`.
        length: its bytes.
        sha256: their digest in hexadecimal.
    """

    name: str
    length: int
    sha256: str
    _repository: Repository = field(repr=False, compare=False)

    def read(self) -> bytes:
        """Read the file, and compare it with what was signed, each time anew.

        Raises:
            TrustError: `target-missing`; `target-differs`: another length or digest.
        """
        data = self._repository.read(target_path(self.name, self.sha256), TARGET_BYTES_MAX)
        if data is None:
            raise _not_there("target-missing", f"{self.name} is missing")
        if len(data) != self.length or digest_of(data) != self.sha256:
            raise _not_there("target-differs", f"{self.name} is not what the officers signed")
        return data


def target_path(name: str, sha256: str) -> str:
    """Where a target lies: its digest stands before the last part of its name."""
    folder, slash, file = name.rpartition("/")
    return f"targets/{folder}{slash}{sha256}.{file}"


def target_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Target files by their paths in the repository."""
    return {target_path(name, digest_of(data)): data for name, data in files.items()}


def targets_of(
    files: Mapping[str, bytes],
    version: int,
    expires: datetime,
    delegated: Iterable[PublicKey] | None,
    lifted: Mapping[str, str] | None = None,
) -> Targets:
    """Write the metadata of target files.

    Args:
        files: name -> bytes.
        version: from 1.
        expires: until when it is valid.
        delegated: the risk officers' keys, which may add overlays; None: this is their own role.
        lifted: overlays that count no more, name -> SHA-256; their own role lifts none.

    Raises:
        TrustError: `target-name`, `target-long`, `targets-many`.
    """
    named = {
        name: TargetFile(len(data), {"sha256": digest_of(data)}, name)
        for name, data in files.items()
    }
    further = _further(lifted or {})
    targets = Targets(version, None, expires, named, delegation_of(delegated or ()), further)
    check_targets(targets, risk=delegated is None)
    return targets


def check_targets(targets: Targets, *, risk: bool) -> tuple[PublicKey, ...]:
    """Refuse targets that Writ would not have written; return the keys that may add overlays.

    Args:
        targets: what was read.
        risk: it is the role that adds overlays, and delegates nothing.

    Raises:
        TrustError: `target-name`, `target-long`, `targets-many`, `key-scheme`, `key-refused`, or
            `targets-form`: another writing.
    """
    if len(targets.targets) > TARGETS_MAX:
        raise _refused("targets-many", f"it names more than {TARGETS_MAX} files")
    for name, target in targets.targets.items():
        if not (_OF_RISK if risk else _OF_TARGETS).fullmatch(name) or ".." in name:
            raise _refused("target-name", f"{name[:120]!r} is no file that this role may name")
        if target.length > TARGET_BYTES_MAX:
            raise _refused("target-long", f"{name} has more than {TARGET_BYTES_MAX} bytes")
    delegations = targets.delegations
    keys = () if delegations is None else tuple(map(public_of, delegations.keys.values()))
    named = {
        name: TargetFile(int(target.length), {"sha256": _digest_in(target)}, name)
        for name, target in targets.targets.items()
    }
    delegated = None if risk else delegation_of(keys)
    further = {} if risk else _further(lifted_by(targets))
    written = Targets(
        targets.version, targets.spec_version, targets.expires, named, delegated, further
    )
    if signed_bytes(written) != signed_bytes(targets):
        raise _refused("targets-form", "the targets are not written as Writ writes them")
    return keys


def lifted_by(targets: Targets) -> Mapping[str, str]:
    """The overlays that targets take back, name -> SHA-256: they count no more, and may go.

    Raises:
        TrustError: `targets-form`: they are not named as Writ names them.
    """
    found: object = targets.unrecognized_fields.get(LIFTED_FIELD, {})
    try:
        _LIFTED(LIFTED_FIELD, found)
    except RecordError as error:
        raise _refused("targets-form", str(error)) from error
    return cast("dict[str, str]", found)


def digests_in(targets: Targets) -> dict[str, str]:
    """The SHA-256 of each file that checked targets name, by its name."""
    return {name: _digest_in(target) for name, target in targets.targets.items()}


def _further(lifted: Mapping[str, str]) -> dict[str, Any]:
    return {LIFTED_FIELD: dict(lifted)} if lifted else {}


def targets_in(targets: Targets, repository: Repository) -> dict[str, Target]:
    """The files that checked targets name, to be read from a repository."""
    return {
        name: Target(name, target.length, _digest_in(target), repository)
        for name, target in targets.targets.items()
    }


def _digest_in(target: TargetFile) -> str:
    digest = target.hashes.get("sha256", "")
    if not _DIGEST.fullmatch(digest):
        raise _refused("targets-form", f"{target.path[:120]!r} has no SHA-256")
    return digest


def digest_of(data: bytes) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _not_there(code: str, detail: str) -> TrustError:
    return TrustError(code, detail, "get the folder again from whoever publishes it")


def _refused(code: str, detail: str) -> TrustError:
    return TrustError(code, detail, "do not use this file; ask the officers for the right one")
