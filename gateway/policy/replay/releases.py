"""The releases of a published log, taken from the documents beside it and nowhere else."""

from __future__ import annotations

import re
import tempfile
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import (
    BUNDLE,
    DATA,
    DESCRIPTOR,
    FILE_MAX_BYTES,
    WASM,
    ReleaseError,
    load_release,
)
from signing import canonical
from signing.verification.folder import Folder

T = TypeVar("T")

TIMEOUT_MS: Final = 10_000
"""Longer than a gateway waits: a busy machine must not look like another verdict."""

_ENGINES_MAX: Final = 4
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FIELDS: Final = {
    "revision": "revision",
    "label": "label",
    "bundle_digest": "bundle_sha256",
    "wasm_digest": "wasm_sha256",
    "data_digest": "data_sha256",
}


class MissingError(Exception):
    """A document that retention removed; the argument is its digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class DamagedError(Exception):
    """A document that is not what its name says, or no release at all."""


class InlineRunner:
    """A ``BlockingRunner`` for a process that does nothing else: it runs the work right here."""

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run the work when awaited."""

        async def done() -> T:
            return work()

        return done()

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """As :meth:`run`: there is nobody to share with."""
        del lane
        return self.run(work)


@dataclass(frozen=True, slots=True)
class _Held:
    """An engine, or why there is none: kept, so that it is tried once."""

    engine: WasmEngine | None
    problem: MissingError | DamagedError | None = None


class ReleaseShelf:
    """Engines by release digest; the few that were used last are kept loaded."""

    def __init__(self, folder: Folder) -> None:
        """Nothing is read before it is asked for."""
        self._folder = folder
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def engine(self, digest: str) -> WasmEngine:
        """The engine that holds the release of this digest.

        Raises:
            MissingError: one of its documents is not there any more.
            DamagedError: one of them is another, or cannot be a release.
            OSError: the folder cannot be read.
        """
        held = self._held.pop(digest, None) or self._load(digest)
        self._held[digest] = held
        while len(self._held) > _ENGINES_MAX:
            _, oldest = self._held.popitem(last=False)
            if oldest.engine is not None:
                oldest.engine.close()
        if held.engine is None:
            assert held.problem is not None, "there is an engine, or a reason why not"
            raise held.problem
        return held.engine

    def check_entry(self, payload: Mapping[str, Any]) -> None:
        """Hold a release entry against the descriptor that it names.

        Raises:
            MissingError: the descriptor is not there any more.
            DamagedError: the descriptor names another revision, label, module, bundle or data.
            OSError: the folder cannot be read.
        """
        digest = payload["release_digest"]
        fields = _descriptor(self._blob(digest), digest)
        for name, named in _FIELDS.items():
            if payload[name] != fields.get(named):
                raise DamagedError(f"its {name} is not the one that descriptor {digest} names")

    def close(self) -> None:
        """Free the engines."""
        while self._held:
            _, held = self._held.popitem()
            if held.engine is not None:
                held.engine.close()

    def _load(self, digest: str) -> _Held:
        try:
            return _Held(self._engine(digest))
        except (MissingError, DamagedError) as problem:
            return _Held(None, problem)

    def _engine(self, digest: str) -> WasmEngine:
        descriptor = self._blob(digest)
        fields = _descriptor(descriptor, digest)
        names = {BUNDLE: "bundle_sha256", WASM: "wasm_sha256", DATA: "data_sha256"}
        files = {file: self._blob(str(fields.get(name))) for file, name in names.items()}
        files[DESCRIPTOR] = descriptor
        # A release is read by its one strict reader, which wants a folder.
        with tempfile.TemporaryDirectory(prefix="writ-replay-") as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            try:
                release = load_release(Path(folder))
                return WasmEngine(release, InlineRunner(), timeout_ms=TIMEOUT_MS)
            except ReleaseError as error:
                raise DamagedError(f"release {digest} cannot be used: {error.code}") from error

    def _blob(self, digest: str) -> bytes:
        if _DIGEST.fullmatch(digest) is None:  # it becomes the name of a file
            raise DamagedError("a descriptor names what is no digest")
        data = self._folder.document(digest, FILE_MAX_BYTES)
        if data is None:
            raise MissingError(digest)
        if canonical.digest(data) != digest:
            raise DamagedError(f"blobs/{digest} is not what its name says")
        return data


def _descriptor(data: bytes, digest: str) -> Mapping[str, Any]:
    try:
        fields = canonical.decode_object(data)
    except canonical.CanonicalError as error:
        raise DamagedError(f"the descriptor {digest} is malformed: {error}") from error
    return fields
