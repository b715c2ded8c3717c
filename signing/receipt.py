"""Receipts and permits.

A receipt proves offline that the log holds an entry: the entry, its inclusion proof and a signed
checkpoint, in one text file (C2SP tlog-proof). A permit is the receipt of a decision that allows,
together with the input document it names. `verify` is the only way to have a `Permit`, and the
gate before a broker takes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NoReturn, final
from weakref import WeakKeyDictionary

from signing.canonical import CanonicalError, JsonObject, decode_object, encode
from signing.checkpoint import Checkpoint, CheckpointError, verify_checkpoint
from signing.documents import DocumentError, match_document
from signing.encoding import EncodingError, from_base64, from_decimal, to_base64
from signing.envelope import Envelope, EnvelopeError, open_envelope
from signing.keys import Vkey
from signing.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from signing.records import RecordError, check

RECEIPT_BYTES_MAX: Final = 131_072
PERMIT_BYTES_MAX: Final = 1_048_576
PROOF_HASHES_MAX: Final = 63

_HEADER: Final = "c2sp.org/tlog-proof@v1"


class ReceiptError(ValueError):
    """Bytes that prove nothing, or that permit nothing.

    Attributes:
        code: a stable word: `format`, `envelope`, `checkpoint`, `inclusion` for receipts;
            besides these `kind`, `record`, `denied`, `research` and `document` for permits.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified receipt: the log under `checkpoint` holds `envelope` at `index`.

    Attributes:
        index: the entry's place in the log.
        envelope: the entry.
        checkpoint: the log's state that the proof leads to.
        data: the receipt's bytes.
    """

    index: int
    envelope: Envelope
    checkpoint: Checkpoint
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a permit says, as bytes: nobody who holds the permit can change it."""

    decision: bytes
    document: bytes
    decision_id: str
    broker_client_id: str
    index: int
    data: bytes


@final
class Permit:
    """The proof that one order may be sent, and the order. Only `verify` makes one.

    A permit has no fields of its own: what it says is kept here, for the objects that `verify`
    made. An object that came into being in any other way says nothing and raises on every use.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, *_args: object, **_kwargs: object) -> Permit:
        """Refuse: a permit is not constructed."""
        raise TypeError("a permit is made by signing.receipt.verify only")

    def __init_subclass__(cls) -> NoReturn:
        """Refuse: a subclass could say whatever it likes."""
        raise TypeError("there is one kind of permit")

    @property
    def decision(self) -> JsonObject:
        """The decision's payload; a fresh copy each time."""
        return decode_object(_contents(self).decision)

    @property
    def document(self) -> JsonObject:
        """The input document with the order; a fresh copy each time."""
        return decode_object(_contents(self).document)

    @property
    def decision_id(self) -> str:
        """The decision's id: a permit is spent under it, once."""
        return _contents(self).decision_id

    @property
    def broker_client_id(self) -> str:
        """The id under which the broker gets to know the order."""
        return _contents(self).broker_client_id

    @property
    def index(self) -> int:
        """The decision's place in the log."""
        return _contents(self).index

    @property
    def data(self) -> bytes:
        """The bytes that were verified."""
        return _contents(self).data

    def __repr__(self) -> str:
        return f"Permit({self.decision_id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: its bytes travel, and are verified where they arrive."""
        raise TypeError("a permit is neither copied nor pickled: pass its data on")


_ISSUED: WeakKeyDictionary[Permit, _Contents] = WeakKeyDictionary()


def encode_receipt(envelope: bytes, index: int, proof: list[bytes], checkpoint: bytes) -> bytes:
    """Write a receipt; nothing is verified here.

    Args:
        envelope: the entry's bytes.
        index: its place in the log.
        proof: the inclusion proof, the leaf's sibling first.
        checkpoint: the signed note whose root the proof leads to.
    """
    lines = [_HEADER, f"extra {to_base64(envelope)}", f"index {index}"]
    lines += [to_base64(part) for part in proof]
    return "\n".join(lines).encode("ascii") + b"\n\n" + checkpoint


def open_receipt(data: bytes, vkey: Vkey) -> Receipt:
    """Read and verify a receipt.

    1) It has the one form that `encode_receipt` writes.
    2) The entry in it is an envelope in its one encoding.
    3) The checkpoint is signed by the log's key.
    4) The proof leads from the entry at this index to the checkpoint's root.

    Raises:
        ReceiptError: the first of these that fails.
    """
    if len(data) > RECEIPT_BYTES_MAX:
        raise ReceiptError("format", f"a receipt has at most {RECEIPT_BYTES_MAX} bytes")
    head, _, note = data.partition(b"\n\n")
    entry, index, proof = _read_head(head)
    try:
        envelope = open_envelope(entry)
    except EnvelopeError as error:
        raise ReceiptError("envelope", str(error)) from error
    try:
        checkpoint = verify_checkpoint(note, vkey)
    except CheckpointError as error:
        raise ReceiptError("checkpoint", str(error)) from error
    if not verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root):
        raise ReceiptError("inclusion", f"the proof does not place the entry at index {index}")
    return Receipt(index, envelope, checkpoint, data)


def encode_permit(receipt: bytes, document: bytes) -> bytes:
    """Write the bytes of a permit: a receipt and the input document; nothing is verified here."""
    return encode({"document": to_base64(document), "receipt": receipt.decode("utf-8")})


def verify(data: bytes, vkey: Vkey) -> Permit:
    """Make a permit of its bytes, or refuse.

    1) The receipt in it verifies under the log's key.
    2) The entry is a decision with every field that a decision has.
    3) It allows, by a verdict that allows, without a failure, and not for research only.
    4) The document is the one it names, and holds this decision's order.

    Raises:
        ReceiptError: the first of these that fails.
    """
    if len(data) > PERMIT_BYTES_MAX:
        raise ReceiptError("format", f"a permit has at most {PERMIT_BYTES_MAX} bytes")
    text, document = _read_permit(data)
    receipt = open_receipt(text, vkey)
    decision = receipt.envelope.payload
    if receipt.envelope.kind != "decision":
        raise ReceiptError("kind", f"the entry is a {receipt.envelope.kind}, not a decision")
    try:
        check("decision", decision)
    except RecordError as error:
        raise ReceiptError("record", str(error)) from error
    # A decision that allows has, as a record, a verdict that allows and no failure; both are
    # asked for here again, because this is the place where being wrong sends an order.
    allows = decision["allow"] is True and decision["verdict"]["allow"] is True
    if not allows or decision["failure"] != "none":
        raise ReceiptError("denied", "the decision does not allow")
    if decision["mode"] == "RESEARCH" or decision["label"] == "research":
        raise ReceiptError("research", "a decision made for research forwards nothing")
    try:
        match_document(decision, document)
    except DocumentError as error:
        raise ReceiptError("document", str(error)) from error
    permit = object.__new__(Permit)
    _ISSUED[permit] = _Contents(
        decision=receipt.envelope.payload_bytes,
        document=document,
        decision_id=str(decision["decision_id"]),
        broker_client_id=str(decision["broker_client_id"]),
        index=receipt.index,
        data=data,
    )
    return permit


def _contents(permit: Permit) -> _Contents:
    found = _ISSUED.get(permit)
    if found is None:
        raise TypeError("this permit was not made by signing.receipt.verify")
    return found


def _read_permit(data: bytes) -> tuple[bytes, bytes]:
    try:
        fields = decode_object(data)
        if fields.keys() != {"document", "receipt"} or not isinstance(fields["receipt"], str):
            raise ReceiptError("format", "a permit has a document and a receipt")
        return fields["receipt"].encode("utf-8"), from_base64(fields["document"])
    except (CanonicalError, EncodingError) as error:
        raise ReceiptError("format", f"a permit is canonical JSON: {error}") from error


def _read_head(head: bytes) -> tuple[bytes, int, list[bytes]]:
    """Read what stands before the checkpoint: the entry, its index and the proof."""
    try:
        header, extra, index, *hashes = head.decode("ascii").split("\n")
        if header != _HEADER or len(hashes) > PROOF_HASHES_MAX:
            raise ReceiptError("format", f"a receipt starts with {_HEADER}")
        entry = from_base64(_after(extra, "extra "))
        place = from_decimal(_after(index, "index "))
        proof = [from_base64(line) for line in hashes]
    except (EncodingError, UnicodeDecodeError) as error:
        raise ReceiptError("format", f"the receipt's head: {error}") from error
    except ValueError as error:
        if isinstance(error, ReceiptError):
            raise
        raise ReceiptError("format", "the receipt's head is incomplete") from error
    if any(len(part) != HASH_BYTES for part in proof):
        raise ReceiptError("format", f"a hash has {HASH_BYTES} bytes")
    return entry, place, proof


def _after(line: str, word: str) -> str:
    if not line.startswith(word):
        raise ReceiptError("format", f"the line that starts with {word!r} is missing")
    return line.removeprefix(word)
