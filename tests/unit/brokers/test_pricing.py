"""Fill prices against published figures, and commission and latency in exact integers."""

import pytest

from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.pricing import (
    commission_micros,
    latency_us,
    slipped_price,
    tick_size,
)
from gateway.domain.order import Side


def price(touch: int, side: Side, **changes: int) -> int:
    terms = {"slippage_bps": 0, "impact_e4": 0, "traded": 0, "volume": 1, "tick": 1} | changes
    return slipped_price(touch, side, **terms)


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(("side", "paid"), [(Side.BUY, 10_000_625), (Side.SELL, 9_999_375)])
def test_price_impact_is_zipline_s_volume_share_figure(side: Side, paid: int) -> None:
    """25 of 1,000 at 100 with impact 0.1: 100.00625, as zipline's VolumeShareSlippage says."""
    assert price(10_000_000, side, impact_e4=1_000, traded=25, volume=1_000) == paid


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(("side", "paid"), [(Side.BUY, 10_005), (Side.SELL, 9_995)])
def test_fixed_slippage_is_zipline_s_basis_points_figure(side: Side, paid: int) -> None:
    """5 bp at 100: 100.05, as zipline's FixedBasisPointsSlippage says."""
    assert price(10_000, side, slippage_bps=5) == paid


def test_both_parts_multiply_and_nothing_is_rounded_in_between() -> None:
    # 100 x 1.0005 x 1.0000625 = 100.056253125, at 9 decimals exact
    both = {"slippage_bps": 5, "impact_e4": 1_000, "traded": 25, "volume": 1_000}
    assert price(100_000_000_000, Side.BUY, **both) == 100_056_253_125


@pytest.mark.parametrize(("side", "paid"), [(Side.BUY, 1_000_100), (Side.SELL, 999_900)])
def test_a_fraction_of_a_tick_is_rounded_against_the_order(side: Side, paid: int) -> None:
    assert price(1_000_000, side, impact_e4=1_000, traded=25, volume=1_000, tick=100) == paid


def test_without_slippage_and_impact_the_touch_is_paid() -> None:
    assert (
        price(1_000_000, Side.BUY, tick=100) == price(1_000_000, Side.SELL, tick=100) == 1_000_000
    )


@pytest.mark.parametrize(
    ("qty", "decimals", "fee"),
    [
        (1, 0, 1_000_000),  # the minimum
        (200, 0, 1_000_000),  # 200 x 0.005 is the minimum
        (201, 0, 1_005_000),
        (20_100_000_001, 8, 1_005_001),  # rounded up
    ],
)
def test_commission_is_by_the_share_with_a_minimum(qty: int, decimals: int, fee: int) -> None:
    assert commission_micros(qty, decimals, SimulatorConfig()) == fee


def test_a_free_broker_charges_nothing() -> None:
    free = SimulatorConfig(fee_per_unit_micros=0, fee_minimum_micros=0)
    assert commission_micros(1_000, 0, free) == 0


def test_latency_is_the_seed_s_and_the_id_s_alone() -> None:
    config = SimulatorConfig(seed=7, latency_min_ms=20, latency_max_ms=250)
    drawn = [latency_us(f"wr-{n}", config) for n in range(200)]
    assert drawn == [latency_us(f"wr-{n}", config) for n in range(200)]
    assert drawn != [latency_us(f"wr-{n}", SimulatorConfig(seed=8)) for n in range(200)]
    assert min(drawn) >= 20_000
    assert max(drawn) <= 250_000
    assert len(set(drawn)) > 190  # spread, not stuck


def test_a_fixed_latency_has_no_spread() -> None:
    config = SimulatorConfig(latency_min_ms=5, latency_max_ms=5)
    assert {latency_us(f"wr-{n}", config) for n in range(9)} == {5_000}


@pytest.mark.parametrize(("decimals", "tick"), [(4, 100), (2, 1), (0, 1), (8, 1_000_000)])
def test_the_tick_is_a_cent_at_every_scale_that_has_cents(decimals: int, tick: int) -> None:
    assert tick_size(decimals, SimulatorConfig()) == tick
