"""Receipts: one form, one meaning."""

import base64
from pathlib import Path

import pytest

from signing.keys import Vkey
from signing.receipt import RECEIPT_BYTES_MAX, ReceiptError, encode_receipt, open_receipt
from support.logs import LogBuilder, seeded


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    log = LogBuilder(tmp_path_factory.mktemp("log"))
    log.begin()
    for number in range(10):
        log.decide(number)
    return log


@pytest.mark.requirement("W-01")
def test_every_entry_has_a_receipt_at_every_size(log: LogBuilder) -> None:
    for size in range(1, log.tree.size + 1):
        for index in range(size):
            receipt = open_receipt(log.receipt(index, size), log.vkey)
            assert (receipt.index, receipt.checkpoint.size) == (index, size)
            assert receipt.envelope.data == log.entries[index]


def test_the_form(log: LogBuilder) -> None:
    lines = log.receipt(7).decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == f"extra {base64.b64encode(log.entries[7]).decode()}"
    assert lines[2] == "index 7"
    blank = lines.index("")
    assert [base64.b64decode(line) for line in lines[3:blank]] == log.tree.inclusion_proof(7)
    assert "\n".join(lines[blank + 1 :]).encode() == log.checkpoint()


def code(data: bytes, vkey: Vkey) -> str:
    with pytest.raises(ReceiptError) as caught:
        open_receipt(data, vkey)
    return caught.value.code


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"index 7", b"index 07"),
        (b"index 7", b"index +7"),
        (b"index 7", b"index -7"),
        (b"index 7", b"index 7 "),
        (b"index 7", b"index  7"),
        (b"index 7", b"index 0x7"),
        (b"index 7", b"index 9007199254740992"),
        (b"index 7", b"index \xd9\xa7"),
        (b"index 7", b"Index 7"),
        (b"index 7\n", b""),
        (b"index 7\n", b"index 7\nindex 7\n"),
        (b"index 7\n", b"index 7\n\n"),
        (b"extra ", b"EXTRA "),
        (b"extra ", b"extra  "),
        (b"\nextra ", b"\nextra e30=\nextra "),
        (b"tlog-proof@v1", b"tlog-proof@v2"),
        (b"c2sp.org", b" c2sp.org"),
        (b"\n", b"\r\n"),
        (b"=\n", b"\n"),
        (b"=\n\n", b"=\n"),
    ],
)
def test_other_forms_are_refused(log: LogBuilder, old: bytes, new: bytes) -> None:
    receipt = log.receipt(7)
    assert old in receipt
    assert code(receipt.replace(old, new), log.vkey) in {"format", "checkpoint", "envelope"}


def test_what_is_missing_or_too_much(log: LogBuilder) -> None:
    receipt = log.receipt(7)
    assert code(b"", log.vkey) == "format"
    assert code(receipt[: receipt.index(b"\n\n")], log.vkey) == "checkpoint"
    assert code(receipt + b"\n", log.vkey) == "checkpoint"
    assert code(receipt + b"x" * RECEIPT_BYTES_MAX, log.vkey) == "format"
    proof = log.tree.inclusion_proof(7)
    for wrong in ([*proof, bytes(31)], [bytes(33), *proof], [bytes(32)] * 64):
        built = encode_receipt(log.entries[7], 7, wrong, log.checkpoint())
        assert code(built, log.vkey) == "format"


def test_what_does_not_prove_inclusion(log: LogBuilder) -> None:
    note, proof = log.checkpoint(), log.tree.inclusion_proof(7)
    for entry, index, path in (
        (log.entries[8], 7, proof),
        (log.entries[7], 8, proof),
        (log.entries[7], 23, proof),
        (log.entries[7], 7, proof[:-1]),
        (log.entries[7], 7, [*proof, proof[0]]),
        (log.entries[7], 7, proof[::-1]),
    ):
        built = encode_receipt(entry, index, path, note)
        assert code(built, log.vkey) == "inclusion"


def test_what_is_no_entry(log: LogBuilder) -> None:
    note, proof = log.checkpoint(), log.tree.inclusion_proof(7)
    assert code(encode_receipt(b"{}", 7, proof, note), log.vkey) == "envelope"


def test_the_checkpoint_is_the_logs(log: LogBuilder) -> None:
    assert code(log.receipt(7), Vkey(log.origin, seeded(9).public)) == "checkpoint"
    assert code(log.receipt(7), Vkey("writ.example/other", log.log_signer.public)) == "checkpoint"


def test_no_byte_can_be_changed(log: LogBuilder) -> None:
    receipt = log.receipt(7)
    for at in range(0, len(receipt), 5):
        for bit in (1, 32, 128):
            changed = bytearray(receipt)
            changed[at] ^= bit
            with pytest.raises(ReceiptError):
                open_receipt(bytes(changed), log.vkey)


def test_a_witnessed_receipt(log: LogBuilder, tmp_path: Path) -> None:
    cosignature = base64.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    line = f"\u2014 witness.example/w {cosignature}\n".encode()
    assert open_receipt(log.receipt(7) + line, log.vkey).index == 7
