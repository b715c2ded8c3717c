"""The models of spread and volume, in figures."""

import pytest

from gateway.market.spread import SHIPPED_MODEL, bid_ask, half_spread, session_volume


@pytest.mark.parametrize(
    ("close", "bps", "index_e4", "half"),
    [
        (1_000_000, 5, 150_000, 500),  # 5 bps of 100.00 in a calm market
        (1_000_000, 5, 200_000, 500),  # the calm level itself is calm
        (1_000_000, 5, 400_000, 1_000),  # twice the calm level doubles it
        (1_000_000, 5, 200_001, 501),  # rounded up
        (26_700, 1, 150_000, 100),  # 0.0267 bps-units would be less than a tick
        (1, 1, 150_000, 100),
    ],
)
def test_half_spread_grows_with_the_volatility_index_and_is_at_least_one_tick(
    close: int, bps: int, index_e4: int, half: int
) -> None:
    assert half_spread(close, bps, index_e4, 200_000) == half


@pytest.mark.parametrize(
    ("close", "half", "bid", "ask"),
    [
        (1_000_000, 500, 999_500, 1_000_500),
        (1_000_000, 501, 999_400, 1_000_600),  # the bid down, the ask up
        (245_300, 100, 245_200, 245_400),
        (245_350, 100, 245_200, 245_500),
    ],
)
def test_quotes_are_rounded_away_from_each_other(close: int, half: int, bid: int, ask: int) -> None:
    assert bid_ask(close, half) == (bid, ask)


def test_volume_is_the_usual_turnover_at_this_close_in_round_lots() -> None:
    assert session_volume(1_000_000, 390_000_000) == 3_900_000
    assert session_volume(999_900, 390_000_000) == 3_900_300  # 3,900,390 rounded down
    assert session_volume(2_676_600, 1_000) == 0


def test_every_shipped_share_has_its_own_parameters() -> None:
    assert len(SHIPPED_MODEL.by_symbol) == 20
    assert SHIPPED_MODEL.liquidity("AAPL").half_spread_bps == 1
    unknown = SHIPPED_MODEL.liquidity("NOPE")
    assert all(
        known.half_spread_bps < unknown.half_spread_bps
        and known.turnover_units > unknown.turnover_units
        for known in SHIPPED_MODEL.by_symbol.values()
    )
