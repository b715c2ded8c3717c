"""One tree, two threads: proofs of durable sizes while leaves come and go behind them."""

import hashlib
import threading

from gateway.ledger.trunk import Trunk
from signing.merkle import verify_inclusion
from signing.tiles import FULL


def leaf(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def test_proofs_hold_while_a_writer_appends_and_takes_back() -> None:
    trunk, durable = Trunk(), 300
    trunk.extend(leaf(number) for number in range(durable))
    root = trunk.root()
    tile = trunk.tile(0, 0, FULL)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            trunk.extend(leaf(number) for number in range(durable, durable + 40))
            trunk.truncate(durable)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for index in range(0, durable, 3):
            proof = trunk.proof(index, durable)
            assert verify_inclusion(leaf(index), index, durable, proof, root)
            assert trunk.root(durable) == root
            assert trunk.tile(0, 0, FULL) == tile
    finally:
        stop.set()
        writer.join()
    assert trunk.size == durable
