"""Pushed quotes as a feed: at the instrument's scale, or not at all."""

from __future__ import annotations

import pytest

from gateway.domain.fact import Fact, Prices
from gateway.domain.market import Quote
from gateway.facts.pushed import PushedFacts
from gateway.market.pushed import PushedQuotes
from support.facts import NOON_US

SCALES = {"AAPL": 4, "WHOLE": 0, "FINE": 8}


def feed(symbol: str, prices: Prices) -> PushedQuotes:
    store = PushedFacts()
    store.put(Fact(f"quote.{symbol}", prices, NOON_US, 1_000, "desk", "desk", None), NOON_US)
    return PushedQuotes(store, SCALES.get)


@pytest.mark.requirement("S3-18")
@pytest.mark.parametrize(
    ("symbol", "prices", "scaled"),
    [
        ("AAPL", (24 * 10**8, 25 * 10**8, 24 * 10**8 + 10**4), (240_000, 250_000, 240_001)),
        ("WHOLE", (24 * 10**8, 25 * 10**8, 24 * 10**8), (24, 25, 24)),
        ("FINE", (1, 3, 2), (1, 3, 2)),
    ],
)
def test_a_quote_is_read_at_the_scale_of_its_instrument(
    symbol: str, prices: tuple[int, int, int], scaled: tuple[int, int, int]
) -> None:
    found = feed(symbol, Prices(*prices)).quote(symbol, NOON_US + 1_000_000)
    assert found == Quote(symbol, *scaled, SCALES[symbol], NOON_US)


def test_a_quote_that_does_not_fit_the_scale_is_none() -> None:
    assert (
        feed("AAPL", Prices(24 * 10**8 + 1, 25 * 10**8, 24 * 10**8)).quote("AAPL", NOON_US) is None
    )


@pytest.mark.parametrize(
    ("symbol", "at_us"),
    [("AAPL", NOON_US + 1_000_001), ("AAPL", NOON_US - 1), ("MSFT", NOON_US), ("GME", NOON_US)],
)
def test_what_does_not_stand_is_no_quote(symbol: str, at_us: int) -> None:
    assert feed("AAPL", Prices(10**8, 10**8, 10**8)).quote(symbol, at_us) is None


def test_a_symbol_that_lost_its_scale_has_no_quote() -> None:
    assert feed("GME", Prices(10**8, 10**8, 10**8)).quote("GME", NOON_US) is None
