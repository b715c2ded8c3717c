"""The evidence that a trust root was accepted on: one document, to be judged again later.

It is canonical JSON: every metadata file that was read and every overlay, by their paths, the
moment that was judged, and which file was the pinned root. The other targets, the manifest and the
release, are documents of their own; here stand their paths and digests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from signing import canonical
from signing.shapes import RecordError, Rule, integer, mapping, record, text
from signing.trust.errors import TrustError
from signing.trust.metadata import METADATA_BYTES_MAX
from signing.trust.repository import Repository
from signing.trust.state import TrustState
from signing.trust.targets import OVERLAYS, target_path

VERSION: Final = 1
EVIDENCE_BYTES_MAX: Final = 16_777_216
"""The longest evidence: a few kilobytes for each root since the pinned one."""

_FILES_MAX: Final = 2_048
_PATH: Final = text(r"(?:metadata|targets)/[A-Za-z0-9._/-]{1,240}", "a path of a trust root")


def _content(path: str, value: object) -> None:
    if not isinstance(value, str) or len(value) > METADATA_BYTES_MAX:
        raise RecordError(path, f"is not a text of at most {METADATA_BYTES_MAX} characters")


_CONTENT: Final[Rule] = _content
_EVIDENCE: Final = record(
    {
        "v": integer(VERSION, VERSION),
        "judged_us": integer(0, canonical.INT_MAX),
        "pinned": _PATH,
        "files": mapping(_PATH, _CONTENT, _FILES_MAX),
        "documents": mapping(_PATH, text(r"[0-9a-f]{64}", "a SHA-256"), _FILES_MAX),
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was judged.

    Attributes:
        judged_us: the moment, microseconds UTC.
        pinned: the root file that was pinned.
        files: metadata and overlays by their paths.
        documents: the SHA-256 of every other target by its path.
    """

    judged_us: int
    pinned: bytes
    files: Mapping[str, bytes]
    documents: Mapping[str, str]

    def repository(self, document: Callable[[str], bytes | None]) -> Repository:
        """The trust root as it was, to be verified once more; `document` finds by SHA-256."""
        found = {path: document(sha256) for path, sha256 in self.documents.items()}
        kept = {path: data for path, data in found.items() if data is not None}
        return Repository.of_files({**self.files, **kept})


def encode_evidence(state: TrustState, pinned_root: bytes, judged_us: int) -> bytes:
    """Write the evidence of a verified state.

    Raises:
        TrustError: `evidence-long`: pin a newer root, and the chain is short again.
    """
    paths = {name: target_path(name, target.sha256) for name, target in state.targets.items()}
    files = dict(state.metadata)
    files |= {
        path: state.targets[name].read()
        for name, path in paths.items()
        if name.startswith(OVERLAYS)
    }
    pinned = next(path for path, data in state.metadata.items() if data == pinned_root)
    data = canonical.encode(
        {
            "v": VERSION,
            "judged_us": judged_us,
            "pinned": pinned,
            "files": {path: data.decode("utf-8") for path, data in files.items()},
            "documents": {
                path: state.targets[name].sha256
                for name, path in paths.items()
                if path not in files
            },
        }
    )
    if len(data) > EVIDENCE_BYTES_MAX:
        raise TrustError(
            "evidence-long", f"it has more than {EVIDENCE_BYTES_MAX} bytes", "pin a newer root"
        )
    return data


def read_evidence(data: bytes) -> Evidence:
    """Read what `encode_evidence` wrote.

    Raises:
        TrustError: `evidence-form`: it is anything else.
    """
    try:
        fields = canonical.decode_object(data[: EVIDENCE_BYTES_MAX + 1])
        _EVIDENCE("", fields)
        files = {path: content.encode("utf-8") for path, content in fields["files"].items()}
        return Evidence(fields["judged_us"], files[fields["pinned"]], files, fields["documents"])
    except (canonical.CanonicalError, RecordError, KeyError) as error:
        raise TrustError(
            "evidence-form", f"it is no evidence: {error}", "get the document again"
        ) from error
