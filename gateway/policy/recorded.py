"""A recorded decision out of a published log: its document, and the release that it names."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.domain.errors import InvalidInputError, NotFoundError
from gateway.policy.release import (
    BUNDLE,
    DATA,
    DESCRIPTOR,
    FILE_MAX_BYTES,
    WASM,
    Release,
    load_release,
)
from signing import canonical
from signing.envelope import open_envelope
from signing.published import PublishedError, PublishedLog
from signing.verification.folder import Folder

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PARTS: Final = {BUNDLE: "bundle_sha256", WASM: "wasm_sha256", DATA: "data_sha256"}


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision entry's payload, and the bytes of the document that it was made on."""

    payload: Mapping[str, Any]
    document: bytes

    @property
    def allow(self) -> bool:
        """What was decided then."""
        return self.payload["allow"] is True


def recorded_decision(log: Path, name: str) -> RecordedDecision:
    """The decision of this decision id or order id, unverified: `writ audit` verifies logs.

    Raises:
        NotFoundError: ``decision-unknown``: the log has none, or its document was removed.
        InvalidInputError: ``log-damaged``: a file cannot be read as what it should be.
        OSError: the folder cannot be read.
    """
    try:
        published = PublishedLog(log)
        index = published.find_decision(name)
        if index is None:
            raise NotFoundError(
                "decision-unknown", f"the log has no decision {name}", "check the id"
            )
        payload = open_envelope(published.entry(index)).payload
    except PublishedError as error:
        remedy = "run `writ audit verify` on this log"
        raise InvalidInputError("log-damaged", str(error), remedy) from error
    return RecordedDecision(payload, _blob(Folder(log), str(payload["input_digest"])))


def recorded_release(log: Path, digest: str) -> Release:
    """The release of this digest, taken from the documents beside the log.

    Raises:
        NotFoundError: ``decision-unknown``: one of its files was removed.
        InvalidInputError: ``log-damaged``: one of them is another.
        ReleaseError: they are no release.
        OSError: the folder cannot be read.
    """
    folder = Folder(log)
    descriptor = _blob(folder, digest)
    try:
        fields = canonical.decode_object(descriptor)
    except canonical.CanonicalError as error:
        detail = f"the descriptor {digest} is malformed: {error}"
        raise InvalidInputError("log-damaged", detail, "name a release with --release") from error
    files = {name: _blob(folder, str(fields.get(field))) for name, field in _PARTS.items()}
    with tempfile.TemporaryDirectory(prefix="writ-try-") as made:
        for name, content in (files | {DESCRIPTOR: descriptor}).items():
            (Path(made) / name).write_bytes(content)
        return load_release(Path(made))


def _blob(folder: Folder, digest: str) -> bytes:
    if _DIGEST.fullmatch(digest) is None:  # it becomes the name of a file
        raise InvalidInputError("log-damaged", "a digest is malformed", "verify the log")
    data = folder.document(digest, FILE_MAX_BYTES)
    if data is None:
        detail = f"the document {digest} is not beside the log any more"
        raise NotFoundError(
            "decision-unknown", detail, "retention removed it; name another decision"
        )
    if canonical.digest(data) != digest:
        detail = f"blobs/{digest} is not what its name says"
        raise InvalidInputError("log-damaged", detail, "run `writ audit verify` on this log")
    return data
