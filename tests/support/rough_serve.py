"""`writ serve` with a tap on the wire to its broker, and with a disk that does as it is told.

The gateway is the real one. What is added stands where the outside world begins:

ROUGH_WIRE=FILE    before each order is handed to the simulator, a line is appended to FILE: the
                   client id, and `durable` or `phantom`, as another connection to the database
                   sees the decision at that instant
ROUGH_DISK=FOLDER  SQLite writes through a file system that looks for these files in FOLDER:
                   `fail-sync` (the ledger's syncs fail), `full` (its writes find no room),
                   `hang` (its syncs do not come back while the file is there),
                   `cut` (the power is cut: what may be left goes to FOLDER/left, and this ends)
"""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.cli.main import main
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.order import BrokerOrder
from support.disks import Disk, io_error
from support.kept_modules import keep_modules

DATA = Path(sys.argv[sys.argv.index("--data") + 1])
LEDGER_WAL = "writ.db-wal"
LOOK_S = 0.005


def tap(wire: Path) -> None:
    """Note every order that goes out, and whether its decision was on disk by then."""
    descriptor = os.open(wire, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    # Through the ledger's own SQLite: a second library in one process would break its locks.
    seen: list[apsw.Connection] = []
    submit = SimulatorBroker.submit

    def durable(broker_client_id: str) -> bool:
        if not seen:
            seen.append(apsw.Connection(str(DATA / "writ.db"), flags=apsw.SQLITE_OPEN_READONLY))
        query = "SELECT allow FROM orders WHERE broker_client_id = ?"
        return seen[0].execute(query, (broker_client_id,)).fetchone() == (1,)

    async def tapped(self: SimulatorBroker, order: BrokerOrder) -> Accepted | Rejected:
        word = "durable" if durable(order.broker_client_id) else "phantom"
        os.write(descriptor, f"{order.broker_client_id} {word}\n".encode())
        return await submit(self, order)

    SimulatorBroker.submit = tapped


def rough_disk(folder: Path) -> None:
    """Put the disk under every connection, and wait for the power cut."""
    disk = Disk(everywhere=True)

    def stall(name: str) -> None:
        while name == LEDGER_WAL and (folder / "hang").exists():
            time.sleep(LOOK_S)

    def before_sync(name: str) -> None:
        if name == LEDGER_WAL and (folder / "fail-sync").exists():
            raise io_error()

    def before_write(name: str) -> None:
        if name == LEDGER_WAL and (folder / "full").exists():
            raise apsw.FullError("injected")

    def cut() -> None:
        while not (folder / "cut").exists():
            time.sleep(LOOK_S)
        seed = int((folder / "cut").read_text(encoding="ascii"))
        with disk.lock:  # held to the end: nothing is synchronised any more, so nothing is answered
            try:
                disk.lose_power(DATA, folder / "left", random.Random(seed))
            finally:  # or the gateway would live on, and whoever waits for its end would wait
                os.kill(os.getpid(), signal.SIGKILL)

    disk.stall, disk.before_sync, disk.before_write = stall, before_sync, before_write
    threading.Thread(target=cut, daemon=True).start()


if __name__ == "__main__":
    if "ROUGH_WIRE" in os.environ:
        tap(Path(os.environ["ROUGH_WIRE"]))
    if "ROUGH_DISK" in os.environ:
        rough_disk(Path(os.environ["ROUGH_DISK"]))
    keep_modules()  # it is started a hundred times
    main()
