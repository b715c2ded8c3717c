"""What a council looks like in TUF metadata, and whose signatures count.

A root is read by finding the council in it and writing it again: a root that is not exactly what
Writ writes for its council is refused. So no key type, no scheme, no key id and no further role or
field of a root decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signing.keys import InvalidKeyError, PublicKey, Signer
from signing.trust.errors import TrustError
from signing.trust.library import (
    AnyMetadata,
    DelegatedRole,
    Delegations,
    Key,
    Role,
    Root,
    Signature,
    SSlibKey,
)
from signing.trust.metadata import signed_bytes
from signing.trust.officers import RISK, Council, Officer

OFFICER_FIELD: Final = "x-writ-officer"
ROLES_FIELD: Final = "x-writ-roles"
DEVELOPMENT_FIELD: Final = "x-writ-development"
OVERLAY_PATHS: Final = "overlays/*"
PUBLISHER: Final = "publisher"

_ED25519: Final = "ed25519"
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")

Counted = Mapping[str, tuple[PublicKey, str]]
"""Keys whose signatures count, by their TUF key id, each with the name that it counts for."""


def tuf_key(public: PublicKey) -> SSlibKey:
    """Write a key as TUF does."""
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public.raw))


def public_of(key: Key) -> PublicKey:
    """Read a key of metadata.

    Raises:
        TrustError: `key-scheme`: not Ed25519; `key-refused`: a key that must never be trusted.
    """
    if (key.keytype, key.scheme) != (_ED25519, _ED25519):
        raise _refused("key-scheme", "a key is not an Ed25519 key")
    text = key.keyval.get("public")
    try:
        return PublicKey.from_hex(text if isinstance(text, str) else "")
    except InvalidKeyError as error:
        raise _refused("key-refused", f"a key is refused: {error}") from error


def root_of(council: Council, version: int, expires: datetime, spec: str | None = None) -> Root:
    """Write a council as root metadata; `spec` is TUF's version, the library's own if not given."""
    keys: dict[str, Key] = {}
    for officer in council.officers:
        for public in officer.keys:
            key = tuf_key(public)
            key.unrecognized_fields[OFFICER_FIELD] = officer.name
            key.unrecognized_fields[ROLES_FIELD] = sorted(officer.roles)
            keys[key.keyid] = key
    signers = sorted(keys)
    publisher = tuf_key(council.publisher)
    keys[publisher.keyid] = publisher
    roles = {
        "root": Role(list(signers), council.threshold),
        "targets": Role(list(signers), council.threshold),
        "snapshot": Role([publisher.keyid], 1),
        "timestamp": Role([publisher.keyid], 1),
    }
    further: dict[str, Any] = {DEVELOPMENT_FIELD: True} if council.development else {}
    return Root(
        version, spec, expires, keys, roles, consistent_snapshot=True, unrecognized_fields=further
    )


def council_of(root: Root) -> Council:
    """Find the council in root metadata.

    Raises:
        TrustError: a key that is refused or stands there twice, an officer without a name, a
            council that guards nothing, or a root that Writ would not have written.
    """
    officers: dict[str, Officer] = {}
    seen: set[bytes] = set()
    for keyid in root.roles["root"].keyids:
        key = _key(root, keyid)
        public = public_of(key)
        if public.raw in seen:
            raise _refused("key-twice", "one key stands in the root under two key ids")
        seen.add(public.raw)
        name = key.unrecognized_fields.get(OFFICER_FIELD)
        if not isinstance(name, str):
            raise _refused("officer-name", "a key of the root says no officer's name")
        known = officers.get(name)
        keys = (public,) if known is None else (*known.keys, public)
        officers[name] = Officer(name, keys, _roles(key))
    publishers = list(root.roles["timestamp"].keyids)  # which the library takes as it finds them
    if len(publishers) != 1:
        raise _refused("publisher", f"{len(publishers)} keys sign the timestamp, and not one")
    council = Council(
        tuple(officers.values()),
        int(root.roles["root"].threshold),
        public_of(_key(root, publishers[0])),
        development=root.unrecognized_fields.get(DEVELOPMENT_FIELD) is True,
    )
    written = root_of(council, root.version, root.expires, root.spec_version)
    if signed_bytes(written) != signed_bytes(root):
        raise _refused("root-form", "the root is not written as Writ writes its officers")
    return council


def delegation_of(keys: Iterable[PublicKey]) -> Delegations | None:
    """Delegate the overlays to the keys of risk officers, one of whom is enough."""
    written = {key.keyid: cast("Key", key) for key in map(tuf_key, keys)}
    if not written:
        return None
    role = DelegatedRole(RISK, sorted(written), 1, terminating=True, paths=[OVERLAY_PATHS])
    return Delegations(written, {RISK: role})


def counted_officers(council: Council) -> Counted:
    """The keys that count for root and targets."""
    return _counted((key, one.name) for one in council.officers for key in one.keys)


def counted_risk(council: Council, delegated: Iterable[PublicKey]) -> Counted:
    """The delegated keys that are, by the root, a risk officer's now."""
    raws = {key.raw for key in delegated}
    officers = council.with_role(RISK)
    return _counted((key, one.name) for one in officers for key in one.keys if key.raw in raws)


def counted_publisher(council: Council) -> Counted:
    """The one key that counts for snapshot and timestamp."""
    return _counted([(council.publisher, PUBLISHER)])


def signers_of(metadata: AnyMetadata, counted: Counted) -> frozenset[str]:
    """The names whose signatures count: one key is one, and one person is one.

    A signature counts where its key id names the key that made it, as in every TUF client, so that
    each is verified once. The id chooses which key is tried and proves nothing.
    """
    message = metadata.signed_bytes
    made: dict[bytes, str] = {}
    for keyid, signature in metadata.signatures.items():
        key, name = counted.get(keyid, (None, ""))
        if key is None or key.raw in made or not _SIGNATURE.fullmatch(signature.signature):
            continue
        if key.verify(bytes.fromhex(signature.signature), message):
            made[key.raw] = name
    return frozenset(made.values())


def add_signature(metadata: AnyMetadata, signer: Signer) -> None:
    """Sign metadata with a key in memory, in a file or in a vault; its errors are the signer's."""
    keyid = tuf_key(signer.public).keyid
    metadata.signatures[keyid] = Signature(keyid, signer.sign(metadata.signed_bytes).hex())


def _counted(keys: Iterable[tuple[PublicKey, str]]) -> Counted:
    return {tuf_key(key).keyid: (key, name) for key, name in keys}


def _key(root: Root, keyid: str) -> Key:
    key = root.keys.get(keyid)
    if key is None:
        raise _refused("root-form", "the root names a key that it does not hold")
    return key


def _roles(key: Key) -> frozenset[str]:
    roles = key.unrecognized_fields.get(ROLES_FIELD)
    if not isinstance(roles, list):
        raise _refused("officer-role", "a key of the root says no roles")
    return frozenset(str(role) for role in cast("list[object]", roles))


def _refused(code: str, detail: str) -> TrustError:
    return TrustError(code, detail, "do not use this file; ask the officers for the right one")
