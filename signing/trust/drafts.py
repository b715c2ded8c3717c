"""Drafts: what travels between officers who never share a machine.

A draft is one file of canonical JSON with the metadata that is to be signed, the signatures made so
far, and every file that the metadata names, so that whoever signs can read what they sign. Its
digest is over exactly what is signed: two people who read each other the same digest sign the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from signing.canonical import CanonicalError, JsonObject, decode_object, encode
from signing.encoding import EncodingError, from_base64, to_base64
from signing.keys import PublicKey, Signer
from signing.trust.errors import TrustError
from signing.trust.library import Metadata, Root, Targets
from signing.trust.metadata import read_metadata, signed_digest, to_us, write_metadata
from signing.trust.officers import RISK, Council
from signing.trust.roles import (
    Counted,
    add_signature,
    council_of,
    counted_officers,
    counted_risk,
    signers_of,
)
from signing.trust.state import RootState
from signing.trust.targets import check_targets, lifted_by

DRAFT_BYTES_MAX: Final = 33_554_432
"""The longest draft that is read."""
DRAFT_ROLES: Final = ("root", "targets", RISK)

_KIND: Final = "writ-draft"
_FIELDS: Final = frozenset({"v", "kind", "role", "metadata", "files"})

Drafted: TypeAlias = Metadata[Root] | Metadata[Targets]


@dataclass(frozen=True, slots=True)
class Draft:
    """Metadata to be signed, and the files that it names.

    Attributes:
        role: one of DRAFT_ROLES.
        files: every file that the metadata names, name -> bytes; none for a root.
        metadata: the metadata file, with the signatures made so far.
    """

    role: str
    files: Mapping[str, bytes] = field(repr=False)
    metadata: bytes = field(repr=False)

    @classmethod
    def of(cls, role: str, metadata: Drafted, files: Mapping[str, bytes]) -> Draft:
        """Make a draft of metadata that was checked."""
        return cls(role, MappingProxyType(dict(files)), write_metadata(metadata))

    @classmethod
    def parse(cls, data: bytes) -> Draft:
        """Read a draft, its metadata and its files.

        Raises:
            TrustError: `draft-form`: not a draft in its one writing; `draft-files`: other files
                than the metadata names; and whatever is wrong with the metadata.
        """
        fields = _fields(data)
        role, files = fields["role"], _files(fields["files"])
        draft = cls(role, files, encode(fields["metadata"]))
        signed = draft.open().signed
        if isinstance(signed, Root):
            council_of(signed)
            named: dict[str, tuple[int, str]] = {}
        else:
            check_targets(signed, risk=role == RISK)
            named = {
                name: (target.length, target.hashes["sha256"])
                for name, target in signed.targets.items()
            }
        if named != {
            name: (len(file), hashlib.sha256(file).hexdigest()) for name, file in files.items()
        }:
            raise TrustError(
                "draft-files",
                "the draft's files are not those that its metadata names",
                "ask whoever proposed it for the draft again",
            )
        return draft

    def encode(self) -> bytes:
        """Write the draft."""
        return encode(
            {
                "v": 1,
                "kind": _KIND,
                "role": self.role,
                "metadata": self.open().to_dict(),
                "files": {name: to_base64(file) for name, file in self.files.items()},
            }
        )

    def open(self) -> Drafted:
        """The metadata, as an object of its own."""
        if self.role == "root":
            return read_metadata(Root, self.metadata)
        return read_metadata(Targets, self.metadata)

    @property
    def version(self) -> int:
        """The version that it would become."""
        return self.open().signed.version

    @property
    def expires_us(self) -> int:
        """Until when it would be valid, microseconds UTC."""
        return to_us(self.open().signed.expires)

    @property
    def digest(self) -> str:
        """The SHA-256 of exactly what is signed, in hexadecimal."""
        return signed_digest(self.open().signed)

    @property
    def delegated(self) -> tuple[PublicKey, ...]:
        """The keys that targets would let add overlays; none for other roles."""
        signed = self.open().signed
        if isinstance(signed, Root) or self.role == RISK:
            return ()
        return check_targets(signed, risk=False)

    @property
    def lifted(self) -> Mapping[str, str]:
        """The overlays that targets would take back, name -> SHA-256; none for other roles."""
        signed = self.open().signed
        return lifted_by(signed) if isinstance(signed, Targets) else {}

    @property
    def council(self) -> Council | None:
        """The council that a root would make; None for other roles."""
        signed = self.open().signed
        return council_of(signed) if isinstance(signed, Root) else None


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a draft is.

    Attributes:
        signed: the officers whose signatures count.
        needed: how many it takes; for a root the larger of the two numbers, before and after.
        missing: how many more must sign at least.
    """

    signed: frozenset[str]
    needed: int
    missing: int

    @property
    def complete(self) -> bool:
        """Whether it can be published."""
        return self.missing == 0


def tally(draft: Draft, roots: RootState | None) -> Tally:
    """Count a draft's signatures.

    Args:
        draft: what is counted.
        roots: the newest root; None where the draft is the first one.

    Raises:
        TrustError: `draft-stale`: a root that does not follow the newest one.
    """
    metadata = draft.open()
    counts = [
        (signers_of(metadata, counted), threshold) for counted, threshold in _rules(draft, roots)
    ]
    return Tally(
        signed=frozenset[str]().union(*(signed for signed, _ in counts)),
        needed=max(threshold for _, threshold in counts),
        missing=max(max(0, threshold - len(signed)) for signed, threshold in counts),
    )


def sign_draft(draft: Draft, signer: Signer, roots: RootState | None) -> Draft:
    """Add one signature to a draft.

    Args:
        draft: what is signed.
        signer: an officer's key, in a file or in a vault.
        roots: the newest root; None where the draft is the first one.

    Raises:
        TrustError: `signer-unknown`: the key counts for nothing there; `draft-stale`.
    """
    keys = {key.raw for counted, _ in _rules(draft, roots) for key, _ in counted.values()}
    if signer.public.raw not in keys:
        raise TrustError(
            "signer-unknown",
            f"this key belongs to no officer who may sign {_WHAT[draft.role]}",
            "use the key that the root names, or let the officers add this one",
        )
    metadata = draft.open()
    add_signature(metadata, signer)
    return replace(draft, metadata=write_metadata(metadata))


def merge_drafts(drafts: Sequence[Draft]) -> Draft:
    """Bring the signatures of copies of one draft together.

    Raises:
        TrustError: `draft-differs`: not copies of one draft, or two signatures under one key id.
    """
    assert drafts, "there is nothing to merge"
    first = drafts[0]
    metadata = first.open()
    for other in drafts[1:]:
        if (other.role, other.digest) != (first.role, first.digest):
            raise _differs(f"{other.digest[:8]} and {first.digest[:8]} are two different drafts")
        for keyid, signature in other.open().signatures.items():
            if metadata.signatures.setdefault(keyid, signature) != signature:
                raise _differs("two drafts have different signatures under one key id")
    return replace(first, metadata=write_metadata(metadata))


def with_counted_alone(draft: Draft, roots: RootState | None) -> bytes:
    """The metadata file with the signatures that count, and no others."""
    metadata = draft.open()
    known = {keyid for counted, _ in _rules(draft, roots) for keyid in counted}
    for keyid in set(metadata.signatures) - known:
        del metadata.signatures[keyid]
    return write_metadata(metadata)


_WHAT: Final = MappingProxyType({"root": "a root", "targets": "targets", RISK: "overlays"})


def _rules(draft: Draft, roots: RootState | None) -> list[tuple[Counted, int]]:
    """Whose signatures count, and how many it takes: all of these must be met."""
    after = draft.council
    if after is None:
        if roots is None:
            raise _stale("targets and overlays need a root first")
        risk = {key.raw: key for one in roots.council.with_role(RISK) for key in one.keys}
        if draft.role == RISK:
            return [(counted_risk(roots.council, risk.values()), 1)]
        # Else a proposer could drop what risk officers are for, and nobody would read it.
        if {key.raw for key in draft.delegated} != risk.keys():
            raise _stale("the draft was made for other risk officers than the newest root has")
        return [(counted_officers(roots.council), roots.council.threshold)]
    follows = 1 if roots is None else roots.version + 1
    if draft.version != follows:
        raise _stale(f"the draft is root {draft.version}, and the next root is {follows}")
    councils = [after] if roots is None else [roots.council, after]
    return [(counted_officers(council), council.threshold) for council in councils]


def _fields(data: bytes) -> JsonObject:
    if len(data) > DRAFT_BYTES_MAX:
        raise _form(f"it has more than {DRAFT_BYTES_MAX} bytes")
    try:
        fields = decode_object(data.removesuffix(b"\n"))
    except CanonicalError as error:
        raise _form(str(error)) from error
    if fields.keys() != _FIELDS or encode(fields["v"]) != b"1" or fields["kind"] != _KIND:
        raise _form("it has other fields")
    if fields["role"] not in DRAFT_ROLES:
        raise _form(f"its role is none of {', '.join(DRAFT_ROLES)}")
    return fields


def _files(value: object) -> Mapping[str, bytes]:
    if not isinstance(value, dict):
        raise _form("its files are no object")
    named = cast("dict[str, Any]", value)
    try:
        return MappingProxyType({name: from_base64(file) for name, file in named.items()})
    except EncodingError as error:
        raise _form(f"a file is {error}") from error


def _form(why: str) -> TrustError:
    return TrustError("draft-form", f"not a draft: {why}", "ask for the draft's file again")


def _stale(detail: str) -> TrustError:
    return TrustError("draft-stale", detail, "propose the change again against the newest root")


def _differs(detail: str) -> TrustError:
    return TrustError("draft-differs", detail, "leave one of them out, after asking who made it")
