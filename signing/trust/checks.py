"""What the verifier's steps ask of more than one file."""

from __future__ import annotations

from signing.trust.errors import TrustError
from signing.trust.library import AnyMetadata, Metadata, MetaFile, Snapshot, T, Timestamp
from signing.trust.metadata import is_named_by, read_metadata, signed_bytes
from signing.trust.repository import Repository
from signing.trust.roles import Counted, signers_of


def fault(
    code: str,
    detail: str,
    remedy: str = "do not use this folder; get it again from whoever publishes it",
) -> TrustError:
    """Make a refusal."""
    return TrustError(code, detail, remedy)


def enough(role: str, metadata: AnyMetadata, counted: Counted, threshold: int) -> frozenset[str]:
    """Return whose signatures count, which must be `threshold` names at least.

    Raises:
        TrustError: `<role>-short`.
    """
    signed_by = signers_of(metadata, counted)
    if len(signed_by) >= threshold:
        return signed_by
    what = f"{role} {metadata.signed.version}"
    who = ", ".join(sorted(signed_by)) or "nobody whose signature counts"
    raise fault(
        f"{role}-short",
        f"{what} needs {threshold} signatures and has {len(signed_by)}: {who}",
        "let those sign who have to, and publish again",
    )


def fetch(repository: Repository, name: str) -> bytes:
    """Return a metadata file that must be there.

    Raises:
        TrustError: `metadata-missing`, or as `Repository.read`.
    """
    data = repository.metadata(name)
    if data is None:
        raise fault(
            "metadata-missing",
            f"metadata/{name} is missing",
            "publish it, or get the folder again from whoever does",
        )
    return data


def read_named(kind: type[T], role: str, meta: MetaFile, data: bytes) -> Metadata[T]:
    """Read the file that other metadata names.

    Raises:
        TrustError: `<role>-other`: another length or digest; `<role>-version`; `metadata-form`.
    """
    name = f"{meta.version}.{role}.json"
    if not is_named_by(meta, data):
        raise fault(f"{role}-other", f"{name} has another length or digest than was published")
    metadata = read_metadata(kind, data)
    if metadata.signed.version != meta.version:
        raise fault(f"{role}-version", f"{name} says it is version {metadata.signed.version}")
    return metadata


def check_timestamp(signed: Timestamp) -> None:
    """Refuse a timestamp that Writ would not have written.

    Raises:
        TrustError: `timestamp-form`.
    """
    meta = _closed(signed.snapshot_meta)
    written = Timestamp(signed.version, signed.spec_version, signed.expires, meta)
    if signed_bytes(written) != signed_bytes(signed):
        raise fault("timestamp-form", "the timestamp is not written as Writ writes it")


def check_snapshot(signed: Snapshot) -> None:
    """Refuse a snapshot that Writ would not have written.

    Raises:
        TrustError: `snapshot-form`.
    """
    meta = {name: _closed(file) for name, file in signed.meta.items()}
    written = Snapshot(signed.version, signed.spec_version, signed.expires, meta)
    if signed_bytes(written) != signed_bytes(signed):
        raise fault("snapshot-form", "the snapshot is not written as Writ writes it")


def _closed(meta: MetaFile) -> MetaFile:
    """Name the same file by version, length and SHA-256, and by nothing else."""
    length, sha256 = meta.length, (meta.hashes or {}).get("sha256")
    if length is None or sha256 is None:
        raise fault("metadata-form", "a file is named without its length and SHA-256")
    return MetaFile(int(meta.version), int(length), {"sha256": sha256})
