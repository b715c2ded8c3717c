"""Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint, a signed note).

The body has exactly three lines. Signature lines of other keys, such as witnesses, may stand
beside the log's own; they are read for their form and otherwise left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from signing.encoding import EncodingError, from_base64, from_decimal, to_base64
from signing.keys import SIGNATURE_BYTES, Signer, Vkey
from signing.merkle import EMPTY_ROOT, HASH_BYTES

CHECKPOINT_BYTES_MAX: Final = 16_384
SIGNATURES_MAX: Final = 64
_KEY_ID_BYTES: Final = 4
_SIGNATURE_LINE: Final = re.compile(r"\u2014 ([^\s+]{1,255}) ([A-Za-z0-9+/]{8,4096}={0,2})")


class CheckpointError(ValueError):
    """A note that is not a checkpoint of this log, signed by its key."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself.

    Attributes:
        origin: the log's name.
        size: the number of entries.
        root: the root hash of the tree over them, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def body(self) -> bytes:
        """Return the bytes that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n".encode()


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Sign a checkpoint with the log's key; return the note.

    Never sign two checkpoints that contradict each other: make this one durable before anyone
    sees it.

    Raises:
        InvalidKeyError: the origin cannot name a key.
    """
    vkey = Vkey(checkpoint.origin, signer.public)
    body = checkpoint.body()
    signature = to_base64(vkey.key_id + signer.sign(body))
    return body + f"\n\u2014 {vkey.name} {signature}\n".encode()


def verify_checkpoint(note: bytes, vkey: Vkey) -> Checkpoint:
    """Read a checkpoint and verify the log's signature on it.

    Raises:
        CheckpointError: not a checkpoint in its one form, of another origin, or without exactly
            one valid signature by `vkey`.
    """
    body, signatures = _split(note)
    checkpoint = _read_body(body)
    # From here on the note has a checkpoint's form; what follows says who made it.
    if checkpoint.origin != vkey.name:
        raise CheckpointError(f"the checkpoint is of another log, {checkpoint.origin!r}")
    own = [
        blob[_KEY_ID_BYTES:]
        for name, blob in signatures
        if name == vkey.name and blob[:_KEY_ID_BYTES] == vkey.key_id
    ]
    if len(own) != 1:
        raise CheckpointError(f"the checkpoint has {len(own)} signatures by this key, not one")
    if len(own[0]) != SIGNATURE_BYTES or not vkey.public.verify(own[0], body):
        raise CheckpointError("the checkpoint's signature is not valid")
    return checkpoint


def read_checkpoint(note: bytes) -> Checkpoint:
    """Read what a checkpoint says, without knowing who says it: no signature is verified.

    Raises:
        CheckpointError: not a checkpoint in its one form.
    """
    return _read_body(_split(note)[0])


def _split(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Divide a note into its body and its signatures as (name, key id and signature)."""
    if len(note) > CHECKPOINT_BYTES_MAX:
        raise CheckpointError(f"a checkpoint has at most {CHECKPOINT_BYTES_MAX} bytes")
    body, blank, rest = note.partition(b"\n\n")
    if not blank or not rest.endswith(b"\n"):
        raise CheckpointError("a checkpoint is a body, a blank line and signature lines")
    try:
        lines = rest.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise CheckpointError("a checkpoint is text in UTF-8") from error
    if len(lines) > SIGNATURES_MAX:
        raise CheckpointError(f"a checkpoint has at most {SIGNATURES_MAX} signatures")
    return body + b"\n", [_read_signature(line) for line in lines]


def _read_signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE_LINE.fullmatch(line)
    if not found:
        raise CheckpointError("a signature line is a dash, a name and base64")
    try:
        return found[1], from_base64(found[2])
    except EncodingError as error:
        raise CheckpointError(f"a signature: {error}") from error


def _read_body(body: bytes) -> Checkpoint:
    try:
        origin, size, root = body.decode("ascii").removesuffix("\n").split("\n")
        checkpoint = Checkpoint(origin, from_decimal(size), from_base64(root))
    except (EncodingError, ValueError) as error:
        raise CheckpointError("a checkpoint's body is an origin, a size and a root") from error
    if len(checkpoint.root) != HASH_BYTES:
        raise CheckpointError(f"a root is {HASH_BYTES} bytes")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise CheckpointError("the root of no entries is another")
    return checkpoint
