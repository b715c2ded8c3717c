"""Receipts before Torchwood, and before ours."""

import base64
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from signing.keys import Vkey
from signing.published import PublishedLog
from signing.receipt import ReceiptError, open_receipt
from support.logs import LogBuilder, filled_log, seeded

pytestmark = pytest.mark.requirement("W-01")

Check = Callable[..., int]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    return filled_log(tmp_path_factory.mktemp("log") / "log", 300)


@pytest.fixture
def check(foreign: Callable[..., CompletedProcess[str]], log: LogBuilder, tmp_path: Path) -> Check:
    def run(receipt: bytes, entry: bytes, vkey: Vkey | None = None) -> int:
        policy, record, file = (tmp_path / name for name in ("policy", "entry", "receipt"))
        policy.write_text(f"log {vkey or log.vkey}\nquorum none\n")
        record.write_bytes(entry)
        file.write_bytes(receipt)
        done = foreign("receiptcheck", policy, record, file)
        return done.returncode

    return run


def ours(receipt: bytes, log: LogBuilder) -> bool:
    try:
        open_receipt(receipt, log.vkey)
    except ReceiptError:
        return False
    return True


@pytest.mark.parametrize("index", [0, 1, 6, 255, 256, 299])
def test_it_accepts_our_receipts(check: Check, log: LogBuilder, index: int) -> None:
    receipt = log.receipt(index)
    assert check(receipt, log.entries[index]) == 0
    assert ours(receipt, log)
    assert PublishedLog(log.directory, log.vkey).receipt(index) == receipt


@pytest.mark.parametrize("size", [1, 2, 256, 257])
def test_it_accepts_receipts_under_every_checkpoint(
    check: Check, log: LogBuilder, size: int
) -> None:
    assert check(log.receipt(size - 1, size), log.entries[size - 1]) == 0


def test_it_accepts_a_witnessed_receipt(check: Check, log: LogBuilder) -> None:
    line = base64.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    receipt = log.receipt(9) + f"\u2014 witness.example/w {line}\n".encode()
    assert check(receipt, log.entries[9]) == 0
    assert ours(receipt, log)


def test_both_refuse_wrong_receipts(check: Check, log: LogBuilder) -> None:
    receipt = log.receipt(9)
    wrong = [
        receipt.replace(b"index 9", b"index 8"),
        receipt.replace(b"\n", b"\r\n"),
        receipt.replace(b"tlog-proof@v1", b"tlog-proof@v2"),
        log.receipt(9, 10).split(b"\n\n")[0] + b"\n\n" + log.checkpoint(),
        receipt[:-2],
    ]
    for data in wrong:
        assert check(data, log.entries[9]) == 1
        assert not ours(data, log)
    assert check(receipt, log.entries[8]) == 1
    other = Vkey(log.origin, seeded(9).public)
    assert check(receipt, log.entries[9], other) == 1


@pytest.mark.parametrize("index", [b"index 009", b"index +9"])
def test_ours_refuses_what_it_accepts_by_mistake(
    check: Check, log: LogBuilder, index: bytes
) -> None:
    receipt = log.receipt(9).replace(b"index 9", index)
    assert check(receipt, log.entries[9]) == 0
    assert not ours(receipt, log)
