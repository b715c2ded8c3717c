"""The simulator's parameters, each bounded; docs/simulator.md says what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from gateway.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """How the simulated market treats an order; the same seed gives the same fills.

    Args:
        seed: of the latencies; no other part of the simulator is random.
        participation_bps: the share of the traded volume that our orders may have, all together.
        session_minutes: minutes in a session; a quote trades the volume of one of them.
        slippage_bps: what an order pays beyond the touch, whatever its size.
        impact_e4: price impact times 10,000: an order that trades the share s of the volume
            moves its own price by impact times s squared.
        fee_per_unit_micros: commission for one share.
        fee_minimum_micros: the least commission of an order that fills at all.
        latency_min_ms: the least time from acceptance until an order can trade.
        latency_max_ms: the greatest.
        tick_decimals: prices are multiples of one unit at this decimal.
        min_notional_micros: the least worth of an order that does not only close; zero: no floor.
    """

    seed: int = 1
    participation_bps: int = 250
    session_minutes: int = 390
    slippage_bps: int = 1
    impact_e4: int = 1_000
    fee_per_unit_micros: int = 5_000
    fee_minimum_micros: int = 1_000_000
    latency_min_ms: int = 20
    latency_max_ms: int = 250
    tick_decimals: int = 2
    min_notional_micros: int = 0

    def __post_init__(self) -> None:
        """Refuse values out of bounds.

        Raises:
            InvalidInputError: ``simulator-config-invalid``.
        """
        for name, (low, high) in _BOUNDS.items():
            value: object = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise _invalid(f"{name} is not an integer from {low} to {high}")
        if self.latency_min_ms > self.latency_max_ms:
            raise _invalid("latency_min_ms is above latency_max_ms")


_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "seed": (0, 2**63 - 1),
    "participation_bps": (1, 10_000),
    "session_minutes": (1, 1_440),
    "slippage_bps": (0, 1_000),
    "impact_e4": (0, 5_000),
    "fee_per_unit_micros": (0, 10**9),
    "fee_minimum_micros": (0, 10**9),
    "latency_min_ms": (0, 3_600_000),
    "latency_max_ms": (0, 3_600_000),
    "tick_decimals": (0, 8),
    "min_notional_micros": (0, 10**12),
}


def parse_config(settings: Mapping[str, object]) -> SimulatorConfig:
    """Read the simulator's section of the configuration; absent keys keep their defaults.

    Raises:
        InvalidInputError: ``simulator-config-invalid``: an unknown key or a value out of bounds.
    """
    known = {field.name for field in fields(SimulatorConfig)}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise _invalid(f"unknown key {unknown[0]}")
    return SimulatorConfig(**settings)  # pyright: ignore[reportArgumentType]  checked in __post_init__


def _invalid(what: str) -> InvalidInputError:
    return InvalidInputError(
        "simulator-config-invalid", f"simulator: {what}", "see docs/simulator.md for the keys"
    )
