"""The input document: what is known stands in it, what is not known is absent."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType
from gateway.domain.quantities import INT_LIMIT
from gateway.facts.document import Facts
from gateway.host import OsEntropy, SystemClock
from signing import canonical
from support.facts import INSTRUMENTS, NOON_US, StillFeed, account, order, working


def facts(book: Book, feed: StillFeed | None = None, collar: int | None = 500) -> Facts:
    return Facts(lambda: book, feed, SystemClock(NOON_US), OsEntropy(), INSTRUMENTS, collar)


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
    assert set(document) == {
        "v", "salt", "ids", "time", "order", "instrument", "account", "market", "projected",
        "control",
    }  # fmt: skip
    assert document["ids"]["source_signal_id"] == "sig_1"
    assert document["order"]["worst_price"] == 1_050_100  # 105 % of the ask of 100.01, to a cent
    assert document["order"]["notional_micros"] == 10 * 1_050_100 * 100
    assert document["account"]["equity_micros"] == 1_000_000_000_000 + 10 * 40_000_000
    assert document["account"]["day_loss_micros"] == 0
    assert document["market"] == {
        "bid": 999_900, "ask": 1_000_100, "last": 1_000_000, "age_ms": 0
    }  # fmt: skip
    assert document["projected"]["positions_count"] == 2
    assert document["control"] == {"mode": "SIMULATION", "omega4_lifted": True, "halted": False}
    assert canonical.decode(canonical.encode(document)) == document


def test_each_document_has_a_salt_of_its_own(book: Book) -> None:
    salts = {gathered(facts(book, FEED), order(), "dec_1")["salt"] for _ in range(20)}
    assert len(salts) == 20
    assert all(len(salt) == 32 for salt in salts)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"symbol": "ZZZZ"}, {"instrument", "market", "projected"}),
        ({"account": "nobody"}, {"account", "projected"}),
        ({"price_decimals": 8}, {"market", "projected"}),
    ],
)
def test_what_is_not_known_is_absent(book: Book, changes: dict[str, Any], absent: set[str]) -> None:
    document = gathered(facts(book, FEED), order(**changes), "dec_1")
    assert absent.isdisjoint(document)


def test_without_a_market_there_is_no_equity_of_a_held_symbol(book: Book) -> None:
    document = gathered(facts(book), order(), "dec_1")
    assert "market" not in document
    assert document["account"] == {"cash_micros": 1_000_000_000_000}
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
    assert set(document) == {"v", "salt", "ids", "time", "order", "control"}
    assert "notional_micros" not in document["order"]


@pytest.mark.requirement("S2-03")
def test_the_halt_query_is_told_volatility_and_drawdown(book: Book) -> None:
    book.accounts["primary"].cash_micros = 900_000_000_000
    book.accounts["primary"].positions.clear()
    assert facts(book, FEED).halt_document() == {
        "market": {"volatility_index_e4": 200_000},
        "accounts": {"primary": {"drawdown_bps": 1_000}},
    }
    assert facts(book).halt_document()["market"] == {}
