"""Killed at any moment, the simulator's book holds what it answered, and it still adds up."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from gateway.brokers.simulator.arrivals import Arrival
from gateway.brokers.simulator.book import SimulatorBook
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Accepted, Execution, StatusChange
from gateway.domain.order import Side
from gateway.domain.quantities import notional_micros, value_micros
from gateway.market.closes import quote_us
from support import simulator_worker
from support.brokers import SESSIONS, broker_order
from support.simulator_worker import OPENING_MICROS, STANDS, all_updates, open_book

OPENS_US = quote_us(SESSIONS[0])
TESTS = Path(simulator_worker.__file__).parents[1]


def run_and_kill(directory: Path, name: str, after_ms: int) -> list[str]:
    """Start a worker, kill it some time after its first answer; return the answers it printed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    worker = subprocess.Popen(
        [sys.executable, "-m", "support.simulator_worker", str(directory), name],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert worker.stdout is not None
    first = worker.stdout.readline()
    time.sleep(after_ms / 1000)
    worker.send_signal(signal.SIGKILL)
    rest, _ = worker.communicate(timeout=30)
    assert worker.returncode == -signal.SIGKILL
    # A line may have been cut short; only whole ones were answers.
    return [
        line.strip() for line in [first, *rest.splitlines(keepends=True)] if line.endswith("\n")
    ]


def assert_adds_up(book: SimulatorBook) -> None:
    cash, held = OPENING_MICROS, 0
    filled = defaultdict[str, int](int)
    updates = all_updates(book)
    assert [update.cursor for update in updates] == list(range(1, len(updates) + 1))
    for update in updates:
        fill = update.event
        if isinstance(fill, StatusChange):
            assert fill.status == "REPLACED"
            continue
        assert isinstance(fill, Execution)
        scales = (fill.qty_decimals, fill.price, fill.price_decimals)
        filled[fill.broker_client_id] += fill.qty
        if fill.side is Side.BUY:
            cash, held = cash - notional_micros(fill.qty, *scales), held + fill.qty
        else:
            cash, held = cash + value_micros(fill.qty, *scales), held - fill.qty
        cash -= fill.fee_micros
    statement = book.statement("primary")
    assert statement.cash_micros == cash
    assert statement.positions == ({"AAPL": (held, 0)} if held else {})
    for client_id, qty in filled.items():
        state = book.order(client_id)
        assert state is not None
        assert state.filled_qty == qty


def assert_one_stands(book: SimulatorBook, answered: list[str], workers: int) -> None:
    """Of a chain of replacements exactly one works: the last that was answered, or the next."""
    working = [record.broker_client_id for record in book.open_orders("primary")]
    for number in range(workers + 1):
        chain = [name for name in answered if name.startswith(f"wr-k{number}-{STANDS}-")]
        standing = [name for name in working if name.startswith(f"wr-k{number}-{STANDS}-")]
        if chain:
            assert len(standing) == 1
            assert int(standing[0].rpartition("-")[2]) - int(chain[-1].rpartition("-")[2]) in (0, 1)


@pytest.mark.requirement("S2-06")
def test_killed_again_and_again_it_keeps_every_answer_and_adds_up(tmp_path: Path) -> None:
    moments = random.Random(20_150_824)
    answered: list[str] = []
    for attempt in range(6):
        answered += run_and_kill(tmp_path, f"k{attempt}", moments.randrange(1, 120))
        book = open_book(tmp_path)
        assert_adds_up(book)
        for client_id in answered:
            assert book.order(client_id) is not None, "an answered order is there"
        assert_one_stands(book, answered, attempt)
        book.close()
    assert len(answered) > 20
    with_fills = open_book(tmp_path)
    assert len(all_updates(with_fills)) > 10
    with_fills.close()


def test_a_disk_that_fills_up_changes_nothing_and_the_book_goes_on(tmp_path: Path) -> None:
    """SQLite's own page limit stands for the disk: the same error, at the same places."""
    book = open_book(tmp_path)
    [(pages,)] = book._store._db.rows("PRAGMA page_count")
    book._store._db.rows(f"PRAGMA max_page_count={pages}")
    taken: list[str] = []

    def fill_up() -> None:
        for number in range(1_000):
            client_id = f"wr-{number}"
            assert isinstance(
                book.accept(broker_order(client_id, 1), Arrival(OPENS_US, OPENS_US)), Accepted
            )
            taken.append(client_id)

    with pytest.raises(UnavailableError, match="FullError"):
        fill_up()
    assert 0 < len(taken) < 1_000
    assert book.order(f"wr-{len(taken)}") is None
    book._store._db.rows("PRAGMA max_page_count=1000000")
    assert isinstance(
        book.accept(broker_order("wr-after", 1), Arrival(OPENS_US, OPENS_US)), Accepted
    )
    for client_id in taken:
        assert book.order(client_id) is not None
    book.close()


class FailingFile(apsw.VFSFile):
    """A file that cannot be synced while ``failing`` says so."""

    failing = False

    def xSync(self, flags: int) -> None:  # noqa: N802  apsw's name
        if FailingFile.failing:
            raise apsw.IOError("the disk does not answer")
        super().xSync(flags)


class FailingVFS(apsw.VFS):
    """SQLite's files as the system has them, but for :class:`FailingFile`."""

    def __init__(self, base: str) -> None:
        self.base = base
        super().__init__("failing", base, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> FailingFile:  # noqa: N802  apsw's name
        return FailingFile(self.base, name, flags)


@pytest.fixture
def failing_disk() -> Iterator[None]:
    vfs = FailingVFS(apsw.vfs_names()[0])
    yield
    FailingFile.failing = False
    vfs.unregister()


@pytest.mark.usefixtures("failing_disk")
def test_after_a_failed_sync_the_book_answers_nothing_more_until_it_is_opened_anew(
    tmp_path: Path,
) -> None:
    book = open_book(tmp_path)
    assert isinstance(book.accept(broker_order("wr-0"), Arrival(OPENS_US, OPENS_US)), Accepted)
    FailingFile.failing = True
    with pytest.raises(UnavailableError):
        book.accept(broker_order("wr-1"), Arrival(OPENS_US, OPENS_US))
    FailingFile.failing = False
    with pytest.raises(UnavailableError, match="restart"):
        book.order("wr-1")
    book.close()
    again = open_book(tmp_path)
    assert again.order("wr-0") is not None
    assert_adds_up(again)
    again.close()
