"""Checkpoints: one form, one signature by the log's key, any number of witnesses."""

import base64

import pytest

from signing.checkpoint import (
    CHECKPOINT_BYTES_MAX,
    Checkpoint,
    CheckpointError,
    read_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from signing.keys import InvalidKeyError, Vkey
from signing.merkle import EMPTY_ROOT, leaf_hash
from support.logs import seeded

ORIGIN = "writ.example/log"
SIGNER = seeded(1)
VKEY = Vkey(ORIGIN, SIGNER.public)
CHECKPOINT = Checkpoint(ORIGIN, 42, leaf_hash(b"root"))
NOTE = sign_checkpoint(CHECKPOINT, SIGNER)
BODY, LINE = NOTE.split(b"\n\n")


def resign(body: bytes) -> bytes:
    """The same key under any body, to show that the form is judged and not only the signature."""
    signature = base64.b64encode(VKEY.key_id + SIGNER.sign(body)).decode()
    return body + f"\n\u2014 {ORIGIN} {signature}\n".encode()


def line(name: str, key_id: bytes, signature: bytes) -> bytes:
    return f"\u2014 {name} {base64.b64encode(key_id + signature).decode()}\n".encode()


def test_there_and_back() -> None:
    assert verify_checkpoint(NOTE, VKEY) == CHECKPOINT
    assert read_checkpoint(NOTE) == CHECKPOINT
    assert resign(CHECKPOINT.body()) == NOTE


def test_the_note_as_bytes() -> None:
    body = f"{ORIGIN}\n42\n{base64.b64encode(CHECKPOINT.root).decode()}\n".encode()
    assert CHECKPOINT.body() == body
    assert NOTE.startswith(body + b"\n\xe2\x80\x94 " + ORIGIN.encode() + b" ")
    signature = base64.b64decode(LINE.rstrip(b"\n").rsplit(b" ", 1)[1])
    assert signature[:4] == VKEY.key_id
    assert SIGNER.public.verify(signature[4:], body)


def test_signed_notes_of_another_implementation() -> None:
    """The example of Go's package note: its key id and its signature are what ours would be."""
    vkey = Vkey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn"
        "NIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert signature[:4] == vkey.key_id
    assert vkey.public.verify(signature[4:], text.encode())


@pytest.mark.parametrize(
    "body",
    [
        CHECKPOINT.body().replace(b"\n42\n", b"\n042\n"),
        CHECKPOINT.body().replace(b"\n42\n", b"\n+42\n"),
        CHECKPOINT.body().replace(b"\n42\n", b"\n-42\n"),
        CHECKPOINT.body().replace(b"\n42\n", b"\n42 \n"),
        CHECKPOINT.body().replace(b"\n42\n", b"\n9007199254740992\n"),
        CHECKPOINT.body().replace(b"\n42\n", b"\n\xd9\xa4\xd9\xa2\n"),
        CHECKPOINT.body().replace(b"=\n", b"\n"),
        CHECKPOINT.body().replace(b"\n", b"\r\n"),
        CHECKPOINT.body() + b"extension\n",
        CHECKPOINT.body().replace(b"\n42", b""),
        b" " + CHECKPOINT.body(),
        Checkpoint(ORIGIN, 42, b"short").body(),
        Checkpoint(ORIGIN, 42, bytes(33)).body(),
        Checkpoint(ORIGIN, 0, bytes(32)).body(),
        Checkpoint("another.example/log", 42, CHECKPOINT.root).body(),
        Checkpoint("", 42, CHECKPOINT.root).body(),
        b"\n\n\n",
        b"",
    ],
)
def test_other_bodies_are_refused_under_any_signature(body: bytes) -> None:
    with pytest.raises(CheckpointError):
        verify_checkpoint(resign(body), VKEY)


def test_the_empty_log_has_the_empty_root() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert verify_checkpoint(sign_checkpoint(empty, SIGNER), VKEY) == empty


WITNESS = line("witness.example/w", b"\x01\x02\x03\x04", bytes(8 + 64))


def test_witnesses_may_sign_beside_the_log() -> None:
    for note in (NOTE + WITNESS, BODY + b"\n\n" + WITNESS + LINE):
        assert verify_checkpoint(note, VKEY) == CHECKPOINT
    # A line under the log's name by another key is somebody else's, and says nothing.
    other = line(ORIGIN, b"\x01\x02\x03\x04", bytes(64))
    assert verify_checkpoint(NOTE + other, VKEY) == CHECKPOINT


@pytest.mark.parametrize(
    "note",
    [
        b"",
        BODY + b"\n",
        BODY + b"\n\n",
        BODY + b"\n" + LINE,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + LINE,
        NOTE.replace(b"\xe2\x80\x94", b"-"),
        NOTE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        NOTE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94  "),
        NOTE + b"\xe2\x80\x94 witness\n",
        NOTE + b"\xe2\x80\x94 witness !!!!\n",
        NOTE + b"\xe2\x80\x94 witness AAAAAAAB\xff\n",
        NOTE + WITNESS.replace(b"=", b""),
        NOTE + WITNESS * 64,
        NOTE + b"x" * CHECKPOINT_BYTES_MAX,
        BODY + b"\n\n" + line(ORIGIN, VKEY.key_id, bytes(64)),
        BODY + b"\n\n" + line(ORIGIN, VKEY.key_id, SIGNER.sign(BODY + b"\n")[:-1]),
        BODY + b"\n\n" + line(ORIGIN, VKEY.key_id, SIGNER.sign(BODY + b"\n") + b"\0"),
        BODY + b"\n\n" + line(ORIGIN, VKEY.key_id, seeded(2).sign(BODY + b"\n")),
        BODY + b"\n\n" + line("witness", VKEY.key_id, SIGNER.sign(BODY + b"\n")),
        BODY + b"\n\n" + WITNESS,
    ],
)
def test_other_notes_are_refused(note: bytes) -> None:
    with pytest.raises(CheckpointError):
        verify_checkpoint(note, VKEY)


@pytest.mark.parametrize("at", range(0, len(NOTE), 3))
def test_no_byte_can_be_changed(at: int) -> None:
    changed = bytearray(NOTE)
    changed[at] ^= 1
    with pytest.raises(CheckpointError):
        verify_checkpoint(bytes(changed), VKEY)


def test_another_key_is_another_log() -> None:
    with pytest.raises(CheckpointError, match=r"0 signatures by this key"):
        verify_checkpoint(NOTE, Vkey(ORIGIN, seeded(2).public))
    with pytest.raises(CheckpointError, match=r"another log"):
        verify_checkpoint(NOTE, Vkey("writ.example/other", SIGNER.public))


def test_a_checkpoint_is_signed_under_a_name_that_can_stand_in_a_note() -> None:
    with pytest.raises(InvalidKeyError):
        sign_checkpoint(Checkpoint("a b", 1, bytes(32)), SIGNER)
