"""How far a replay has come, in a file, so that it goes on where it was stopped.

The file binds what it says to one log: its origin, its key, and its size and root at the time. It
is not signed: whoever can write it can make a replay skip entries, so it belongs to who replays.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.domain.errors import RefusedError, WritError
from gateway.policy.replay.tally import Tally, tally_of
from signing import canonical
from signing.verification.roots import BundleRoots, RootsError

VERSION: Final = 1
STATE_MAX_BYTES: Final = 16 * 1024 * 1024
_FRESH: Final = "begin anew with --fresh, or name another file with --state"


class RewrittenLogError(WritError):
    """The log is not a continuation of the one that an earlier run has seen.

    Code: ``replay-log-rewritten``.
    """


@dataclass(frozen=True, slots=True)
class Binding:
    """What a state file belongs to: log, range of entries, and the engine that decides again."""

    origin: str
    log_key: str
    decide_from: int
    decide_to: int | None
    """``None``: to the end of the log, wherever that is."""
    engine: str

    def data(self) -> dict[str, Any]:
        """As canonical JSON can hold it."""
        return {
            "origin": self.origin,
            "log_key": self.log_key,
            "from": self.decide_from,
            "to": self.decide_to,
            "engine": self.engine,
        }


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run has come: every entry before ``next_index`` is in the tally."""

    next_index: int
    tally: Tally


class StateFile:
    """One state file of one replay."""

    def __init__(self, path: Path, binding: Binding) -> None:
        """Nothing is read or written yet."""
        self.path = path
        self._binding = binding

    def load(self, roots: BundleRoots) -> Reached | None:
        """What an earlier run left, or ``None`` without one.

        Raises:
            RefusedError: ``replay-state-malformed``, or ``replay-state-other``: it belongs to
                another log, key, range or engine.
            RewrittenLogError: its log is not the beginning of this one.
            OSError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(STATE_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        try:
            fields = canonical.decode_object(data) if len(data) <= STATE_MAX_BYTES else {}
            version, binding = fields["v"], fields["binding"]
            size, root = int(fields["size"]), bytes.fromhex(fields["root"])
            reached = Reached(int(fields["next"]), tally_of(fields["tally"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RefusedError(
                "replay-state-malformed", f"{self.path} is no state of a replay", _FRESH
            ) from error
        self._check_binding(version, binding)
        self._check_log(roots, size, root)
        if not 0 <= reached.next_index <= size:
            raise RefusedError(
                "replay-state-malformed", f"{self.path} is ahead of its own log", _FRESH
            )
        return reached

    def save(self, roots: BundleRoots, reached: Reached) -> None:
        """Replace the file by what is known now.

        Raises:
            OSError: it cannot be written.
        """
        data = canonical.encode(
            {
                "v": VERSION,
                "binding": self._binding.data(),
                "size": roots.checkpoint.size,
                "root": roots.checkpoint.root.hex(),
                "next": reached.next_index,
                "tally": reached.tally.data(),
            }
        )
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_bytes(data)
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise

    def remove(self) -> None:
        """Forget; a file that is not there is no error.

        Raises:
            OSError: it is there and cannot be removed.
        """
        self.path.unlink(missing_ok=True)

    def _check_binding(self, version: object, binding: Mapping[str, Any]) -> None:
        if version == VERSION and binding == self._binding.data():
            return
        raise RefusedError(
            "replay-state-other",
            f"{self.path} is of another log, key, range of entries or engine",
            _FRESH,
        )

    def _check_log(self, roots: BundleRoots, size: int, root: bytes) -> None:
        try:
            if roots.root_at(size) == root:
                return
            detail = f"its first {size} entries were others before"
        except RootsError as error:
            detail = str(error)
        raise RewrittenLogError(
            "replay-log-rewritten",
            f"the log is not what {self.path} has seen: {detail}",
            "keep both copies and compare their checkpoints; --fresh begins anew",
        )
