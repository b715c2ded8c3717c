"""The input document: what is known stands in it, what is not known is absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.market import Quote
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType
from gateway.domain.quantities import INT_LIMIT
from gateway.facts.document import Facts
from gateway.host import OsEntropy, SystemClock
from signing import canonical
from support.brokers import ManualClock, broker_order, feed, simulator
from support.facts import HEALTH, INSTRUMENTS, NOON_US, StillFeed, account, order, working


class Signed(dict[str, int]):
    """Limits that are the same for every order."""

    def strictest(
        self, name: str, *, account: str = "", strategy: str = "", symbol: str = ""
    ) -> int:
        return self.get(name, 0)


LIMITS = Signed(price_collar_max_bps=500, quote_age_max_ms=15_000)


def facts(book: Book, market: StillFeed | None = None, **parts: Any) -> Facts:
    clock, limits = SystemClock(NOON_US), LIMITS
    return Facts(lambda: book, market, clock, OsEntropy(), INSTRUMENTS, limits, **parts)


def gathered(facts: Facts, asked: Order, decision_id: str) -> dict[str, Any]:
    return facts.gather(asked, decision_id, facts.moment())


@pytest.fixture
def book() -> Book:
    book = Book(mode=Mode.SIMULATION, omega4_lifted_until_us=0)
    book.accounts["primary"] = account(positions={"MSFT": 10})
    return book


FEED = StillFeed({"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000})


def test_everything_known_is_in_the_document(book: Book) -> None:
    document = gathered(facts(book, FEED), order(source_signal_id="sig_1"), "dec_1")
    assert set(document) >= {
        "v", "salt", "ids", "time", "order", "instrument", "account", "market", "hours",
        "projected", "control", "caps",
    }  # fmt: skip
    assert "venue" not in document  # no broker says what it takes
    assert document["ids"]["source_signal_id"] == "sig_1"
    assert document["order"]["worst_price"] == 1_050_100  # 105 % of the ask of 100.01, to a cent
    assert document["order"]["notional_micros"] == 10 * 1_050_100 * 100
    assert document["account"]["equity_micros"] == 1_000_000_000_000 + 10 * 39_990_000  # at the bid
    assert document["account"]["day_loss_micros"] == 0
    assert document["market"] == {
        "bid": 999_900, "ask": 1_000_100, "last": 1_000_000, "age_ms": 0, "spread_bps": 2,
        "source": "primary",
    }  # fmt: skip
    assert document["hours"] == {"open": True, "to_close_ms": 4 * 3_600_000}
    assert document["order"]["short_window_deviation_bps"] == 501  # of the 100.00 of then
    assert document["order"]["long_window_deviation_bps"] == 501  # and of Friday's close
    assert document["projected"]["positions_count"] == 2
    control = document["control"]
    assert (control["mode"], control["omega4_lifted"], control["halted"]) == (
        "SIMULATION",
        True,
        False,
    )
    assert canonical.decode(canonical.encode(document)) == document


@pytest.mark.requirement("S4-06")
async def test_what_the_venue_takes_is_in_the_document(book: Book, tmp_path: Path) -> None:
    clock = ManualClock(market=NOON_US)
    broker = await simulator(tmp_path, feed({"AAPL": [1_000_000] * 8}), clock)
    sources = facts(book, FEED, venues={"primary": broker})
    venue = gathered(sources, order(), "dec_1")["venue"]
    takes = {"market", "limit", "stop", "stop_limit"}
    assert venue == {
        "lot": 1, "tick": 100, "min_notional_micros": 0, "tradable": True, "shortable": False,
        "short_restricted": False, "reduce_only": True, "extended_hours": False, "age_ms": 0,
        "types": dict.fromkeys(takes, True),
        "times_in_force": dict.fromkeys(("day", "gtc", "ioc", "fok", "gtd"), True),
    }  # fmt: skip
    others: list[dict[str, Any]] = [{"symbol": "JPM"}, {"account": "nobody"}, {"price_decimals": 2}]
    for changes in others:
        assert "venue" not in gathered(sources, order(**changes), "dec_2")
    await broker.submit(broker_order(qty_decimals=2))  # from here on the venue counts hundredths
    assert "venue" not in gathered(sources, order(), "dec_3")
    clock.market += 1  # what it says of the future is not known yet
    assert "venue" not in gathered(sources, order(qty_decimals=2), "dec_4")
    await broker.close()


@pytest.mark.requirement("S3-18")
@pytest.mark.parametrize(("age_ms", "source"), [(15_000, "primary"), (15_001, "secondary")])
def test_the_second_feed_steps_in_where_the_first_is_too_old(
    book: Book, age_ms: int, source: str
) -> None:
    class Aged(StillFeed):
        def quote(self, symbol: str, at_us: int) -> Quote | None:
            quote = super().quote(symbol, at_us)
            return quote and replace(quote, at_us=NOON_US - age_ms * 1_000)

    second = StillFeed({"AAPL": 1_010_000, "MSFT": 400_000})
    document = gathered(
        facts(book, Aged({"AAPL": 1_000_000, "MSFT": 400_000}), secondary=second), order(), "dec_1"
    )
    assert document["market"]["source"] == source
    assert document["market"]["last"] == (1_000_000 if source == "primary" else 1_010_000)
    assert document["market"]["age_ms"] == (age_ms if source == "primary" else 0)


def test_each_document_has_a_salt_of_its_own(book: Book) -> None:
    salts = {gathered(facts(book, FEED), order(), "dec_1")["salt"] for _ in range(20)}
    assert len(salts) == 20
    assert all(len(salt) == 32 for salt in salts)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"symbol": "ZZZZ"}, {"instrument", "market"}),
        ({"account": "nobody"}, {"account", "projected"}),
        ({"price_decimals": 8}, {"market"}),
    ],
)
def test_what_is_not_known_is_absent(book: Book, changes: dict[str, Any], absent: set[str]) -> None:
    document = gathered(facts(book, FEED), order(**changes), "dec_1")
    assert absent.isdisjoint(document)
    assert set(document.get("projected", {})) <= {"reduces"}


def test_without_a_market_there_is_no_equity_of_a_held_symbol(book: Book) -> None:
    document = gathered(facts(book), order(), "dec_1")
    assert "market" not in document
    assert "equity_micros" not in document["account"]
    assert document["account"]["cash_micros"] == 1_000_000_000_000
    assert "hours" not in document
    assert document["time"]["session"] == "2015-08-24"


def test_the_days_loss_is_absent_until_the_day_is_open(book: Book) -> None:
    book.accounts["primary"].session = "2015-08-21"
    document = gathered(facts(book, FEED), order(), "dec_1")
    assert "day_loss_micros" not in document["account"]


def test_a_number_that_no_document_may_carry_is_absent(book: Book) -> None:
    huge = order(qty=INT_LIMIT - 1, type=OrderType.LIMIT, limit_price=1_000_000)
    document = gathered(facts(book, FEED), huge, "dec_1")
    assert document["order"]["qty"] == INT_LIMIT - 1
    assert "notional_micros" not in document["order"]
    assert "qty_e8" not in document["order"]
    assert "gross_exposure_micros" not in document["projected"]
    canonical.encode(document)


def test_working_orders_are_counted(book: Book) -> None:
    before = gathered(facts(book, FEED), order(), "dec_1")["projected"]
    book.hold(working("1", "AAPL", "buy", 100, 1_100_000))
    after = gathered(facts(book, FEED), order(), "dec_1")["projected"]
    assert after["day_turnover_micros"] == before["day_turnover_micros"] + 100 * 110_000_000
    assert after["position_notional_micros"] == 110 * 110_000_000


def test_the_bare_document_proves_nothing(book: Book) -> None:
    document = facts(book, FEED).bare(order(), "dec_1")
    assert {"market", "hours", "venue", "account", "projected"}.isdisjoint(document)
    assert "notional_micros" not in document["order"]


@pytest.mark.requirement("S2-03")
def test_the_halt_query_is_told_what_may_stop_everything(book: Book) -> None:
    primary = book.accounts["primary"]
    primary.cash_micros = 900_000_000_000
    primary.positions.clear()
    always = {"rejected_in_a_row": 0, "drift_bps": "none"}
    fallen = {"drawdown_bps": 1_000, "day_loss_micros": 100_000_000_000}
    assert facts(book, FEED, health=HEALTH).halt_document() == {
        "known_only": False,
        "market": {"volatility_told": True, "volatility_index_e4": 200_000},
        "accounts": {"primary": fallen | always},
    }
    assert facts(book).halt_document()["market"] == {"volatility_told": False}
    primary.positions["MSFT"] = (10, 0)
    primary.rejected_in_a_row, primary.drift_bps = 3, 17
    told = facts(book).halt_document(known_only=True)
    assert told["known_only"] is True
    # No price of what it holds, so nothing of its worth; its rejections and its drift are known.
    assert told["accounts"] == {"primary": {"rejected_in_a_row": 3, "drift_bps": 17}}


def test_a_day_that_is_late_in_opening_hides_no_loss_from_the_halt_query(book: Book) -> None:
    primary = book.accounts["primary"]
    primary.positions.clear()
    primary.cash_micros -= 1
    primary.session = "1999-01-04"
    assert facts(book, FEED).halt_document()["accounts"]["primary"]["day_loss_micros"] == 1
    assert "day_loss_micros" not in gathered(facts(book, FEED), order(), "dec_1")["account"]
    primary.cash_micros += 2
    assert facts(book, FEED).halt_document()["accounts"]["primary"]["day_loss_micros"] == 0


class LateFeed(StillFeed):
    """A market in which some symbols have not been quoted for a while."""

    def __init__(self, lasts: dict[str, int], late_us: dict[str, int]) -> None:
        super().__init__(lasts)
        self.late_us = late_us

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        found = super().quote(symbol, at_us)
        return found and replace(found, at_us=at_us - self.late_us.get(symbol, 0))


@pytest.mark.parametrize(
    ("late", "asked", "known"),
    [
        ({}, "AAPL", True),
        ({"MSFT": 14_000_000}, "AAPL", True),
        ({"MSFT": 15_000_001}, "AAPL", False),  # held: what the account is worth is not known
        ({"JPM": 15_000_001}, "AAPL", False),  # worked: neither is what it would come to
        ({"MSFT": 15_000_001}, "MSFT", True),  # MKT-01 judges the age of what is traded
    ],
)
def test_equity_is_not_known_through_a_late_price_of_something_else(
    book: Book, late: dict[str, int], asked: str, known: bool
) -> None:
    book.hold(working("w1", "JPM", "buy", 5, 600_000))
    market = LateFeed({"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000}, late)
    document = gathered(facts(book, market), order(asked), "dec_1")
    for name in ("equity_micros", "day_loss_micros", "drawdown_bps"):
        assert (name in document["account"]) is known
    assert ("leverage_bps" in document["projected"]) is known
    assert document["account"]["cash_micros"] == 1_000_000_000_000
