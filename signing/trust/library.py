# pyright: reportPrivateImportUsage=false
"""The parts of the TUF library that Writ uses, under the library's own names.

The library defines them in private modules and documents them in public ones, which strict type
checking does not accept as exports. Here, once, it is told that they are meant to be used.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from securesystemslib import signer
from tuf.api import metadata

Key: TypeAlias = signer.Key
Signature: TypeAlias = signer.Signature
SSlibKey: TypeAlias = signer.SSlibKey

DelegatedRole: TypeAlias = metadata.DelegatedRole
Delegations: TypeAlias = metadata.Delegations
Metadata = metadata.Metadata
MetaFile: TypeAlias = metadata.MetaFile
Role: TypeAlias = metadata.Role
Root: TypeAlias = metadata.Root
Signed: TypeAlias = metadata.Signed
Snapshot: TypeAlias = metadata.Snapshot
TargetFile: TypeAlias = metadata.TargetFile
Targets: TypeAlias = metadata.Targets
Timestamp: TypeAlias = metadata.Timestamp

T = TypeVar("T", metadata.Root, metadata.Timestamp, metadata.Snapshot, metadata.Targets)
"""The kinds of metadata."""

AnyMetadata: TypeAlias = (
    Metadata[metadata.Root]
    | Metadata[metadata.Timestamp]
    | Metadata[metadata.Snapshot]
    | Metadata[metadata.Targets]
)
