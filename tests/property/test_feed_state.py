"""Where a symbol's quotes come from, as the log tells it, and as a decision uses them: one word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.market import FeedSource, FeedState, Quote
from gateway.facts.market import Market

pytestmark = [pytest.mark.requirement("S3-18")]

NOW_US = 1_790_000_000_000_000
AGE_MAX_MS = 15_000


@dataclass
class Feed:
    """One quote of AAPL, or none."""

    told: Quote | None

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        assert (symbol, at_us) == ("AAPL", NOW_US)
        return self.told


def quoted(age_ms: int | None) -> Feed:
    if age_ms is None:
        return Feed(None)
    return Feed(Quote("AAPL", 100, 102, 101, 2, NOW_US - age_ms * 1_000))


def market(first_ms: int | None, second_ms: int | None) -> Market:
    feed: Any = quoted(first_ms)
    return Market(feed, NOW_US, quoted(second_ms), AGE_MAX_MS)


YOUNG, EDGE, OLD = 10, AGE_MAX_MS, AGE_MAX_MS + 1


@pytest.mark.parametrize(
    ("first_ms", "second_ms", "state"),
    [
        (YOUNG, YOUNG, (FeedSource.PRIMARY, "PRIMARY_FRESH", YOUNG)),
        (EDGE, YOUNG, (FeedSource.PRIMARY, "PRIMARY_FRESH", EDGE)),
        (OLD, EDGE, (FeedSource.SECONDARY, "PRIMARY_STALE", OLD)),
        (None, YOUNG, (FeedSource.SECONDARY, "PRIMARY_MISSING", None)),
        (OLD, OLD + 5, (FeedSource.NONE, "ALL_STALE", OLD)),
        (None, OLD, (FeedSource.NONE, "ALL_STALE", OLD)),
        (OLD, None, (FeedSource.NONE, "ALL_STALE", OLD)),
        (None, None, (FeedSource.NONE, "ALL_MISSING", None)),
    ],
)
def test_each_state_has_its_source_and_cause(
    first_ms: int | None, second_ms: int | None, state: tuple[FeedSource, str, int | None]
) -> None:
    assert market(first_ms, second_ms).feed_state("AAPL", 2) == FeedState(*state)


AGES = st.none() | st.integers(0, 2 * AGE_MAX_MS)


@given(AGES, AGES)
def test_what_is_entered_is_what_a_decision_uses(
    first_ms: int | None, second_ms: int | None
) -> None:
    seen = market(first_ms, second_ms)
    state, sourced = seen.feed_state("AAPL", 2), seen.sourced("AAPL", 2)
    young = sourced is not None and sourced.quote.age_ms(NOW_US) <= AGE_MAX_MS
    assert young == (state.source is not FeedSource.NONE)
    if young:
        assert sourced is not None
        assert sourced.source.value == state.source.value
