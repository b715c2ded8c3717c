"""The little program that adds up a log by itself finds every kind of breach, and none in a log
that keeps its promises."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from support import logs
from support.logs import LogBuilder

PROGRAM = Path(__file__).with_name("limitcheck") / "limitcheck.py"
MICROS = 1_000_000
LIMITS = {
    "position_notional_max_micros": 50_000 * MICROS,
    "gross_exposure_max_micros": 80_000 * MICROS,
    "day_turnover_max_micros": 90_000 * MICROS,
    "margin_debit_max_micros": 1_000 * MICROS,
}


def limitcheck(folder: Path) -> tuple[int, list[str]]:
    """Its exit status and what it says."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def begun(folder: Path) -> LogBuilder:
    """A log with the limits above, an account with 70,000 and no positions."""
    log = LogBuilder(folder)
    log.add("genesis", log.genesis(), log.identity)
    log.add("certificate", log.certificate(log.decider.public), log.identity)
    data = log.publish_document(canonical.encode({"limits": {"global": LIMITS}}))
    log.add("release", log.release() | {"data_digest": data})
    log.add(
        "statement",
        {
            "account": "rich",
            "broker": "simulator",
            "cash_micros": 70_000 * MICROS,
            "positions": {},
            "source": "start",
        },
    )
    return log


def allow(log: LogBuilder, number: int, notional: int, symbol: str = "AAPL", **changes: Any) -> int:
    """Allow a purchase of shares at 100 dollars."""
    body = logs.document(number, notional // 100)
    order = {"account": "rich", "symbol": symbol, "price_decimals": 2, "worst_price": 10_000}
    body["order"] |= order | {"side": changes.pop("side", "buy")}
    body["market"] = {"last": 9_900}
    digest = log.publish_document(canonical.encode(body))
    given: dict[str, Any] = {"account": "rich", "input_digest": digest} | changes
    return log.decide(number, **given)


def fill(log: LogBuilder, number: int, shares: int, **changes: Any) -> None:
    log.execute(number, shares, account="rich", price=10_000, **changes)


def sound(log: LogBuilder) -> None:
    """Up to every limit and not beyond it, with ends that give room again."""
    allow(log, 1, 50_000)
    log.submit(1)
    allow(log, 2, 20_000, "MSFT")
    log.submit(2)
    allow(log, 3, 5_000, "XOM", allow=False)
    fill(log, 1, 500)
    log.add("cancel", logs.cancel(2))
    log.add("status", logs.status(2, "CANCELED"))
    allow(log, 4, 20_000, "XOM")
    log.submit(4, "unknown")
    log.add("settlement", logs.settlement(4, "absent"))
    allow(log, 5, 20_000, "XOM")
    log.submit(5, "rejected")
    allow(log, 6, 10_000, "XOM")
    log.submit(6)
    log.add("halt", logs.halt(1))
    allow(log, 7, 100, allow=False)
    log.add("cancel", logs.cancel(6))
    log.add("resume", logs.resume(1))
    allow(log, 8, 100, "XOM")


def test_it_finds_nothing_in_a_sound_log(tmp_path: Path) -> None:
    log = begun(tmp_path / "log")
    sound(log)
    log.publish()
    assert limitcheck(log.directory) == (0, ["entries=24 allowed=6 denied=2 sent=5 fills=1"])


def double(log: LogBuilder, **changes: Any) -> None:
    allow(log, 1, 100)
    allow(log, 2, 100, **changes)


def after_halt(log: LogBuilder, **scope: str) -> None:
    log.add("halt", logs.halt(1, scope=scope))
    allow(log, 1, 100)


def sent_under_halt(log: LogBuilder) -> None:
    allow(log, 1, 100)
    log.add("halt", logs.halt(1))
    log.submit(1)


def twice_submitted(log: LogBuilder) -> None:
    allow(log, 1, 100)
    log.submit(1, "unknown")
    log.submit(1)


def filled_twice(log: LogBuilder) -> None:
    allow(log, 1, 100)
    log.submit(1)
    fill(log, 1, 1)
    log.execute(1, 1, 2, account="rich")


def two(first: tuple[int, str], second: tuple[int, str]) -> Callable[[LogBuilder], None]:
    def tell(log: LogBuilder) -> None:
        allow(log, 1, *first)
        allow(log, 2, *second)

    return tell


def turnover(log: LogBuilder) -> None:
    """Bought and sold again: nothing is held, but much was traded."""
    for number, side in ((1, "buy"), (2, "sell")):
        allow(log, number, 40_000, side=side)
        log.submit(number)
        fill(log, number, 400, side=side)
    allow(log, 3, 10_100)


BREACHES: dict[str, tuple[Callable[[LogBuilder], object], str]] = {
    "position": (two((30_000, "AAPL"), (20_100, "AAPL")), "position_notional_max_micros"),
    "exposure": (two((45_000, "AAPL"), (35_100, "MSFT")), "gross_exposure_max_micros"),
    "turnover": (turnover, "day_turnover_max_micros"),
    "margin": (two((45_000, "AAPL"), (26_100, "MSFT")), "margin_debit_max_micros"),
    "decision id": (lambda log: double(log, decision_id="d1"), "decision_id d1 was used"),
    "order id": (lambda log: double(log, order_id="o1"), "order_id o1 was used"),
    "broker id": (lambda log: double(log, broker_client_id="W-1"), "broker_client_id W-1 was used"),
    "caller's id": (lambda log: double(log, client_order_id="c1"), "was used by entry"),
    "global halt": (lambda log: after_halt(log, kind="global", name="*"), "under halt h1"),
    "symbol halt": (lambda log: after_halt(log, kind="symbol", name="AAPL"), "under halt h1"),
    "account halt": (lambda log: after_halt(log, kind="account", name="rich"), "under halt h1"),
    "not cancelled": (sent_under_halt, "never cancelled"),
    "no allow": (lambda log: log.submit(allow(log, 1, 100, allow=False)), "not allowed before"),
    "sent before": (lambda log: (log.submit(1), allow(log, 1, 100)), "not allowed before"),
    "sent twice": (twice_submitted, "was submitted at entry"),
    "not sent": (lambda log: (allow(log, 1, 100), fill(log, 1, 1)), "was not submitted"),
    "overfilled": (filled_twice, "fills for more"),
    "no such halt": (lambda log: log.add("resume", logs.resume(9)), "did not stand"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_it_finds_each_breach(tmp_path: Path, name: str) -> None:
    tell, words = BREACHES[name]
    log = begun(tmp_path / "log")
    sound(log) if name == "no such halt" else None
    tell(log)
    log.publish()
    status, lines = limitcheck(log.directory)
    assert status == 1
    assert any(words in line for line in lines[:-1]), lines


def test_it_finds_a_changed_document(tmp_path: Path) -> None:
    log = begun(tmp_path / "log")
    digest = logs.open_envelope(log.entries[allow(log, 1, 100)]).payload["input_digest"]
    log.publish()
    path = log.directory / "blobs" / digest
    path.write_bytes(path.read_bytes().replace(b'"strategy"', b'"stranger"'))
    status, lines = limitcheck(log.directory)
    assert status == 1
    assert "is not what its name says" in lines[0]
