"""The past of pushed quotes: as long as the source spoke, to within a step, and no longer."""

from __future__ import annotations

import pytest

from gateway.domain.fact import Fact, Prices, Withdrawal
from gateway.facts import pushed
from gateway.facts.market import SHORT_WINDOW_US
from gateway.facts.pushed import PushedFacts
from gateway.facts.trail import KEPT_MAX, STEP_US
from support.facts import NOON_US

SECOND_US = 1_000_000


def push(store: PushedFacts, seconds: int, ttl_ms: int = 2_000, name: str = "quote.AAPL") -> None:
    """A quote whose last price is 1,000 and the second that it is of, as of that second."""
    at_us = NOON_US + seconds * SECOND_US
    prices = Prices(1, 10_000, 1_000 + seconds)
    store.put(Fact(name, prices, at_us, ttl_ms, "desk", "desk", None), at_us)


def last(store: PushedFacts, seconds: int, micros: int = 0) -> int | None:
    """The second of the quote that is known at a second, if one is."""
    reading = store.reading("quote.AAPL", NOON_US + seconds * SECOND_US + micros)
    if reading is None:
        return None
    assert isinstance(reading.value, Prices)
    assert reading.at_us == NOON_US + (reading.value.last - 1_000) * SECOND_US
    return reading.value.last - 1_000


def test_a_source_that_speaks_all_the_time_has_a_past_of_the_longest_window() -> None:
    store = PushedFacts()
    for second in range(1_001):
        push(store, second)
    window = SHORT_WINDOW_US // SECOND_US
    for back in range(1, window + 11):
        known = last(store, 1_000 - back)
        assert known is not None
        assert 0 <= 1_000 - back - known < STEP_US // SECOND_US
    assert last(store, 1_000) == 1_000
    assert last(store, 1_000 - KEPT_MAX * 10 - 10) is None


def test_a_slow_source_is_kept_exactly() -> None:
    store = PushedFacts()
    for second in (0, 60, 120):
        push(store, second, ttl_ms=60_000)
    assert [last(store, second) for second in (-1, 0, 59, 60, 119, 120)] == [
        None, 0, 0, 60, 60, 120,
    ]  # fmt: skip


def test_where_the_source_was_silent_nothing_was_known() -> None:
    store = PushedFacts()
    for second in (0, 1, 5, 6):  # silent from the third second up to the fifth
        push(store, second)
    assert last(store, 3) == 0  # the quote of 1 s held up to here; it is told to within a step
    assert last(store, 3, 1) is None
    assert last(store, 4) is None
    assert last(store, 5) == 5
    assert last(store, 8) == 6
    assert last(store, 8, 1) is None


def test_a_quote_that_follows_ends_the_one_before_it() -> None:
    store = PushedFacts()
    push(store, 0, ttl_ms=60_000)
    push(store, 1, ttl_ms=1_000)
    assert last(store, 2) == 1
    assert last(store, 3) is None  # the first, with its long life, does not come back
    push(store, 20)
    assert [last(store, second) for second in (1, 2, 3)] == [0, 0, None]


def test_what_was_withdrawn_was_known_until_then() -> None:
    store = PushedFacts()
    push(store, 0, ttl_ms=60_000)
    gone_us = NOON_US + 30 * SECOND_US
    store.withdraw(Withdrawal("quote.AAPL", gone_us, "desk", "desk"), gone_us)
    push(store, 40)
    assert last(store, 29) == 0
    assert last(store, 30) is None
    assert last(store, 39) is None
    assert last(store, 40) == 40


def test_another_source_is_not_taken_for_the_one_before_it() -> None:
    store = PushedFacts()
    push(store, 0, ttl_ms=1_000)
    at_us = NOON_US + 2 * SECOND_US
    store.put(Fact("quote.AAPL", Prices(1, 9, 1_002), at_us, 60_000, "other", "other", None), at_us)
    push_us = at_us + 61 * SECOND_US
    store.put(Fact("quote.AAPL", Prices(1, 9, 1_063), push_us, 1, "desk", "desk", None), push_us)
    reading = store.reading("quote.AAPL", at_us)
    assert reading is not None
    assert reading.source == "other"


def test_of_other_facts_there_is_no_past() -> None:
    store = PushedFacts()
    for second in (0, 10):
        at_us = NOON_US + second * SECOND_US
        store.put(Fact("model.drift", second, at_us, 60_000, "desk", "desk", None), at_us)
    assert store.reading("model.drift", NOON_US + SECOND_US) is None


def test_a_name_that_was_dropped_to_make_room_has_no_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pushed._ROOM, "quote.", 1)
    store = PushedFacts()
    push(store, 0, ttl_ms=1_000)
    push(store, 60, name="quote.MSFT", ttl_ms=1_000)  # in the place of the first
    push(store, 120)
    assert last(store, 0) is None
    assert last(store, 120) == 120
