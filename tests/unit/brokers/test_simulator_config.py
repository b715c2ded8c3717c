"""The simulator's configuration: bounded, and unknown keys refused."""

import pytest

from gateway.brokers.simulator.config import SimulatorConfig, parse_config
from gateway.domain.errors import InvalidInputError


def test_absent_keys_keep_their_defaults() -> None:
    assert parse_config({}) == SimulatorConfig()
    assert parse_config({"seed": 9}) == SimulatorConfig(seed=9)


@pytest.mark.parametrize(
    "settings",
    [
        {"sede": 1},
        {"seed": "1"},
        {"seed": True},
        {"seed": None},
        {"seed": 1.0},
        {"seed": -1},
        {"participation_bps": 0},
        {"participation_bps": 10_001},
        {"session_minutes": 0},
        {"slippage_bps": -1},
        {"impact_e4": 5_001},
        {"fee_per_unit_micros": -1},
        {"latency_min_ms": 300},
        {"tick_decimals": 9},
    ],
)
def test_unknown_keys_and_values_out_of_bounds_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_config(settings)
    assert refused.value.code == "simulator-config-invalid"
