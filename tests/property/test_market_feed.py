"""A feed never tells the future: what it answers at a time depends on nothing after it."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.quantities import BPS
from gateway.market.closes import quote_us
from gateway.market.historical import HistoricalFeed
from gateway.market.spread import TICK, Liquidity, QuoteModel
from support.brokers import SESSIONS, series

prices = st.integers(300, 10_000_000)
indices = st.integers(50_000, 900_000)
paths = st.lists(prices, min_size=len(SESSIONS), max_size=len(SESSIONS))
moods = st.lists(indices, min_size=len(SESSIONS), max_size=len(SESSIONS))


def build(closes: list[int], index: list[int]) -> HistoricalFeed:
    model = QuoteModel({}, Liquidity(5, 390_000_000), 200_000)
    return HistoricalFeed({"AAPL": series(closes)}, series(index), model)


@given(paths, moods, paths, moods, st.integers(0, len(SESSIONS) - 1), st.integers(0, 86_399))
def test_changing_the_future_changes_nothing_that_is_known(
    closes: list[int],
    index: list[int],
    other_closes: list[int],
    other_index: list[int],
    day: int,
    seconds: int,
) -> None:
    at_us = quote_us(SESSIONS[day]) + seconds * 1_000_000
    if day + 1 < len(SESSIONS):
        at_us = min(at_us, quote_us(SESSIONS[day + 1]) - 1)
    one = build(closes, index)
    two = build(
        closes[: day + 1] + other_closes[day + 1 :], index[: day + 1] + other_index[day + 1 :]
    )
    assert one.quote("AAPL", at_us) == two.quote("AAPL", at_us)
    assert one.bars("AAPL", at_us, 99) == two.bars("AAPL", at_us, 99)
    assert one.volatility_index_e4(at_us) == two.volatility_index_e4(at_us)


@given(prices, indices)
def test_a_quote_surrounds_its_close_on_the_tick_by_the_stated_spread(
    close: int, index_e4: int
) -> None:
    quote = build([close], [index_e4] * len(SESSIONS)).quote("AAPL", quote_us(SESSIONS[0]))
    assert quote is not None
    assert 0 < quote.bid < quote.last < quote.ask
    assert quote.bid % TICK == quote.ask % TICK == 0
    stated = close * 5 * max(index_e4, 200_000)
    for distance in (close - quote.bid, quote.ask - close):
        assert distance >= TICK
        assert distance * BPS * 200_000 >= stated  # never tighter than stated
        assert distance < max(TICK, stated // (BPS * 200_000) + 1) + TICK  # nor by a tick wider
