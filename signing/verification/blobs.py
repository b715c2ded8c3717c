"""Step 8: the documents beside the tiles. Retention may delete one; none may be another."""

from __future__ import annotations

from signing.canonical import JsonObject
from signing.documents import DocumentError, match_document
from signing.envelope import Envelope
from signing.verification.findings import Findings
from signing.verification.folder import DOCUMENT_BYTES_MAX, Folder

DOCUMENTS = 8

_DIGESTS = {
    "release": (
        *("release_digest", "bundle_digest", "wasm_digest", "data_digest"),
        "catalogue_digest",
    ),
    "trust": ("evidence_digest",),
    "manifest": ("manifest_digest",),
    "unlock": ("evidence_digest",),
    "settlement": ("evidence_digest",),
    "reconciliation": ("evidence_digest",),
}
"""Which fields of an entry name documents; some of them are optional."""


class DocumentCheck:
    """Holds every published document against its name and the entries that name it."""

    def __init__(self, folder: Folder, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings
        self._named: set[bytes] = set()

    def take(self, index: int, envelope: Envelope) -> JsonObject | None:
        """Check the documents that an entry names; return a decision's input document."""
        if envelope.kind == "decision":
            return self._input(index, envelope.payload)
        for name in _DIGESTS.get(envelope.kind, ()):
            if name in envelope.payload:
                self._named_once(index, envelope.payload[name])
        return None

    def finish(self) -> None:
        """Check the documents that no entry names, and report what is no part of a log."""
        for digest in self._folder.documents():
            if bytes.fromhex(digest) in self._named:
                continue
            self._findings.counts["documents unnamed"] += 1
            if self._folder.document_digest(digest) != digest:
                self._findings.fault(DOCUMENTS, None, f"blobs/{digest} is not what its name says")
        for path in sorted(self._folder.stray):
            self._findings.fault(DOCUMENTS, None, f"{path} is no part of a published log")

    def _input(self, index: int, decision: JsonObject) -> JsonObject | None:
        digest = decision["input_digest"]
        data = self._folder.document(digest)
        if not self._count(digest, present=data is not None) or data is None:
            return None
        if len(data) > DOCUMENT_BYTES_MAX:
            self._findings.fault(DOCUMENTS, index, "its input document is too long")
            return None
        try:
            return match_document(decision, data)
        except DocumentError as error:
            self._findings.fault(DOCUMENTS, index, str(error))
            return None

    def _named_once(self, index: int, digest: str) -> None:
        if bytes.fromhex(digest) in self._named:
            return
        found = self._folder.document_digest(digest)
        if self._count(digest, present=found is not None) and found != digest:
            self._findings.fault(DOCUMENTS, index, f"blobs/{digest} is not what its name says")

    def _count(self, digest: str, *, present: bool) -> bool:
        self._findings.counts["documents" if present else "documents absent"] += 1
        if present:
            self._named.add(bytes.fromhex(digest))
        return present
