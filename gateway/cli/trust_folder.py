"""A trust root that was named on the command line: verified before anything of it is shown.

Whoever reads it holds a root file of their own, which did not come with the folder, and beside it
a record of what was accepted last, `FILE.seen`. Nothing older than that is accepted again, so that
whoever hands out the folder cannot show officers a past one to compare their draft with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.cli import exits, output
from gateway.cli.named_files import read_file
from gateway.cli.vault_exits import vault_refusals
from gateway.cli.written_files import write_whole
from signing.rendering.permission import (
    Permission,
    UnreadablePermissionError,
    read_permission,
)
from signing.trust import (
    METADATA_BYTES_MAX,
    OVERLAYS,
    Floor,
    Repository,
    RootState,
    TrustError,
    TrustState,
    read_roots,
    verify_trust,
)

SEEN_SUFFIX: Final = ".seen"
"""How the name of the record of what was accepted last ends."""
_SNAPSHOT: Final = "snapshot"
_SEEN_BYTES_MAX: Final = 1_048_576
_DENIED: Final = frozenset(
    {
        "delegation",
        "draft-differs",
        "draft-expired",
        "draft-files",
        "draft-short",
        "draft-stale",
        "overlay-lifted",
        "overlay-removed",
        "publisher-other",
        "signer-unknown",
        "version-taken",
    }
)
"""Codes of drafts and signatures that are well formed and may not be."""


@dataclass(frozen=True, slots=True)
class OpenedTrust:
    """A verified trust root.

    Attributes:
        repository: its files.
        pinned: the root file that the reader holds.
        roots: who the officers are.
        state: what they have signed; None where nothing was ever published.
    """

    repository: Repository
    pinned: bytes
    roots: RootState
    state: TrustState | None

    def permission(self) -> Permission | None:
        """What the officers permit now; None where they permit nothing.

        Raises:
            exits.CommandError: `permission-unreadable`: what they signed permits no one thing.
        """
        if self.state is None:
            return None
        return permission_of(self.files())

    def files(self) -> dict[str, bytes]:
        """The officers' targets that stand, without overlays."""
        if self.state is None:
            return {}
        targets = self.state.targets.items()
        with refusals():
            return {n: target.read() for n, target in targets if not n.startswith(OVERLAYS)}

    def overlays(self) -> dict[str, bytes]:
        """The overlays that are published and were not lifted, those that have ended too."""
        if self.state is None:
            return {}
        targets = self.state.targets.items()
        with refusals():
            return {n: target.read() for n, target in targets if n.startswith(OVERLAYS)}


def now_us() -> int:
    """This machine's time, microseconds UTC."""
    return time.time_ns() // 1000


@contextmanager
def refusals() -> Generator[None]:
    """Turn a refusal of the trust root into what the command says and exits with.

    A step of the verifier that fails is a failed verification, and so is a draft that may not be
    signed or published as it is. Anything else is a change or a file that cannot be.
    """
    try:
        with vault_refusals():
            yield
    except TrustError as error:
        where = f"step {error.step}: " if error.step else ""
        denied = error.step or error.code in _DENIED
        status = exits.DENIED if denied else exits.USAGE
        raise exits.CommandError(
            error.code, f"{where}{error.detail}", error.remedy, status
        ) from error


def open_trust(trust: Path, root: Path, command: str) -> OpenedTrust:
    """Verify the folder at `trust` from the root file at `root`, and remember what was seen.

    Raises:
        exits.CommandError: it cannot be verified, or what was seen last is newer.
    """
    pinned = read_file(root, METADATA_BYTES_MAX, command)
    repository, seen = Repository(trust), seen_beside(root)
    with refusals():
        floor = _floor(seen, command)
        if floor is None and repository.latest(_SNAPSHOT) == 0:
            return OpenedTrust(repository, pinned, read_roots(repository, pinned), None)
        state = verify_trust(repository, pinned, now_us(), floor)
    if state.floor != floor:
        write_whole(seen, json.dumps(state.floor.to_dict(), indent=2, sort_keys=True) + "\n")
    opened = OpenedTrust(repository, pinned, state.roots, state)
    if state.development:
        output.note("for development alone: one officer was enough, now or on the way here")
    return opened


def open_roots(trust: Path, root: Path, command: str) -> OpenedTrust:
    """Verify who the officers are, and nothing that they have signed.

    Even what has expired: the next root is signed by the officers of the one that ended.

    Raises:
        exits.CommandError: the roots cannot be verified, or newer ones have been seen.
    """
    pinned, repository = read_file(root, METADATA_BYTES_MAX, command), Repository(trust)
    with refusals():
        floor = _floor(seen_beside(root), command)
        roots = read_roots(repository, pinned)
    if floor is not None and roots.version < floor.root:
        raise exits.CommandError(
            "root-old",
            f"{trust} ends with root {roots.version}, and root {floor.root} has been seen",
            "get the folder again from whoever publishes it",
            exits.DENIED,
        )
    return OpenedTrust(repository, pinned, roots, None)


def seen_beside(root: Path) -> Path:
    """The record of what was accepted last by whoever holds this root file."""
    return root.with_name(root.name + SEEN_SUFFIX)


def permission_of(files: dict[str, bytes]) -> Permission | None:
    """What files permit.

    Raises:
        exits.CommandError: `permission-unreadable`: nothing that anyone should sign or believe.
    """
    try:
        return read_permission(files)
    except UnreadablePermissionError as error:
        raise exits.CommandError(
            "permission-unreadable",
            str(error),
            "draft it anew: `writ manifest draft`",
            exits.DENIED,
        ) from error


def _floor(seen: Path, command: str) -> Floor | None:
    if not seen.exists():
        return None
    try:
        return Floor.from_dict(json.loads(read_file(seen, _SEEN_BYTES_MAX, command)))
    except ValueError as error:
        raise exits.CommandError(
            "seen-damaged",
            f"{seen} does not say what was accepted last",
            "find out who changed it; without it an older trust root would be accepted",
            exits.DENIED,
        ) from error
