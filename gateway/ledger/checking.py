"""Reading a data directory back: everything is checked before anything is written to it.

A log that was changed, cut, put back from an older copy or made under other keys is refused
with the reason. To go on would sign a history that contradicts one that was seen before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.ledger import statements as sql
from gateway.ledger.faults import cannot_open
from gateway.ledger.sequencer import Tip
from gateway.ledger.store import Store
from gateway.ledger.trunk import Trunk
from signing.checkpoint import Checkpoint, CheckpointError, verify_checkpoint
from signing.envelope import Envelope, EnvelopeError, open_envelope
from signing.keyring import ABOUT_KEYS, Keyring, KeyringError
from signing.keys import Vkey
from signing.merkle import leaf_hash
from signing.records import RecordError, check

_CHUNK_LEAVES: Final = 1_024
_TYPE: Final = b'"payloadType":"application/vnd.writ.'
_KEY_TYPES: Final = tuple(f"{kind}.v1+json".encode() for kind in sorted(ABOUT_KEYS))
_RESTORE: Final = (
    "run `writ audit verify` on the published log, and restore the data directory from a backup "
    "that is at least as new"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a checked database holds.

    Attributes:
        tip: its newest checkpoint.
        last_at_us: the time of its last entry.
        keyring: who may sign what comes next, by its entries about keys.
    """

    tip: Tip
    last_at_us: int
    keyring: Keyring


def is_new(database: Store) -> bool:
    """Whether the database has no table yet.

    Raises:
        RefusedError: `ledger-foreign`, tables that are not ours.
    """
    names = database.tables()
    if "meta" in names:
        return False
    if names:
        raise cannot_open(
            "ledger-foreign", "the database was made by another program", "use another directory"
        )
    return True


def read_back(database: Store, trunk: Trunk, vkey: Vkey) -> Stored:
    """Rebuild the tree and check it against its own newest signed checkpoint.

    Args:
        database: one that is not new.
        trunk: empty; holds the log's leaves afterwards.
        vkey: the origin and log key that this gateway would sign with.

    Raises:
        RefusedError: `ledger-foreign` (made under another origin or other keys),
            `ledger-damaged`.
    """
    keyring = Keyring(vkey.public)
    _check_genesis(database, vkey, keyring)
    last_at_us, about_keys = _rebuild(database, trunk)
    tip, head = _newest(database, vkey)
    if head.size != trunk.size:
        raise _damaged(f"{trunk.size} entries under a checkpoint over {head.size}")
    if head.root != trunk.root():
        raise _damaged("the entries do not hash to the root of their newest checkpoint")
    for index, envelope in about_keys:
        _follow(keyring, index, envelope)
    return Stored(tip, last_at_us, keyring)


def _check_genesis(database: Store, vkey: Vkey, keyring: Keyring) -> None:
    """Compare what entry 0 pins with what this gateway holds, before any of it is trusted."""
    envelope = database.value(sql.ENVELOPE, {"index": 0})
    try:
        genesis = open_envelope(envelope) if isinstance(envelope, bytes) else None
        if genesis is not None:
            check(genesis.kind, genesis.payload)
    except (EnvelopeError, RecordError) as error:
        raise _damaged(f"entry 0: {error}") from error
    if genesis is None or genesis.kind != "genesis":
        raise _damaged("entry 0 is not the genesis of a log")
    for name, pinned, ours in (
        ("origin", genesis.payload["origin"], vkey.name),
        ("log key", genesis.payload["log_key"], vkey.public.hex),
    ):
        if pinned != ours:
            raise cannot_open(
                "ledger-foreign",
                f"the log's {name} is {pinned}, this gateway's is {ours}",
                "start the gateway with the keys and the origin that the log was begun with",
            )
    try:
        keyring.begin(genesis)
    except KeyringError as error:
        raise _damaged(f"entry 0: {error}") from error


def _follow(keyring: Keyring, index: int, data: bytes) -> None:
    """Take an entry about keys that the log's own checkpoint has confirmed."""
    try:
        envelope: Envelope = open_envelope(data)
        check(envelope.kind, envelope.payload)
        if envelope.kind == "identity":
            keyring.succeed(index, envelope)
        elif envelope.kind == "certificate":
            keyring.certify(index, envelope)
    except (EnvelopeError, RecordError, KeyringError) as error:
        raise _damaged(f"entry {index}: {error}") from error


def _rebuild(database: Store, trunk: Trunk) -> tuple[int, list[tuple[int, bytes]]]:
    """Hash every entry anew into the tree; return the time of the last, and those about keys."""
    leaves: list[bytes] = []
    about_keys: list[tuple[int, bytes]] = []
    last_at_us = 0
    for index, (at_us, envelope, stored) in enumerate(_entries(database)):
        leaf = leaf_hash(envelope)
        if leaf != stored:
            raise _damaged(f"entry {index} does not hash to what was stored for it")
        if at_us < last_at_us:
            raise _damaged(f"entry {index} is older than the one before it")
        last_at_us = at_us
        leaves.append(leaf)
        # An envelope has one encoding, and no base64 has these signs: its type is found unparsed.
        if envelope.startswith(_KEY_TYPES, envelope.rfind(_TYPE) + len(_TYPE)):
            about_keys.append((index, envelope))
        if len(leaves) == _CHUNK_LEAVES:
            trunk.extend(leaves)
            leaves.clear()
    trunk.extend(leaves)
    return last_at_us, about_keys


def _entries(database: Store) -> Iterator[tuple[int, bytes, bytes]]:
    rows = database.scan(sql.ALL_LEAVES)
    for expected, (index, at_us, envelope, leaf) in enumerate(rows):
        if index != expected:
            raise _damaged(f"entry {expected} is missing")
        yield at_us, envelope, leaf


def _newest(database: Store, vkey: Vkey) -> tuple[Tip, Checkpoint]:
    rows = database.rows(sql.NEWEST_CHECKPOINT)
    if not rows:
        raise _damaged("there is no checkpoint")
    size, note = rows[0]
    try:
        head = verify_checkpoint(note, vkey)
    except CheckpointError as error:
        raise _damaged(f"the newest checkpoint: {error}") from error
    if head.size != size:
        raise _damaged(f"a checkpoint over {head.size} is stored for {size}")
    return Tip(size, note), head


def published_size(path: Path, trunk: Trunk, vkey: Vkey) -> int:
    """Compare with the published checkpoint, which others may have seen; return its size, or 0.

    The published log can only be behind. Ahead means that the database was put back from an
    older copy, or is gone: its next checkpoint would contradict one that is out in the world.

    Args:
        path: the published checkpoint's file, which need not exist.
        trunk: the leaves of the database.
        vkey: the log's verifier key.

    Raises:
        RefusedError: `ledger-damaged`, `ledger-rolled-back`.
    """
    try:
        note = path.read_bytes()
    except FileNotFoundError:
        return 0
    try:
        head = verify_checkpoint(note, vkey)
    except CheckpointError as error:
        raise _damaged(f"the published checkpoint: {error}") from error
    if head.size > trunk.size:
        raise cannot_open(
            "ledger-rolled-back",
            f"{head.size} entries are published, the database holds {trunk.size}",
            _RESTORE,
        )
    if head.root != trunk.root(head.size):
        raise _damaged(f"the published log of {head.size} entries is another history")
    return head.size


def _damaged(detail: str) -> Exception:
    return cannot_open("ledger-damaged", detail, _RESTORE)
