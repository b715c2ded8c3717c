"""Alpaca's own section of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from gateway.brokers.alpaca.budget import PER_MINUTE
from gateway.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class AlpacaConfig:
    """How often the venue is asked for news, and how many requests it allows an account."""

    poll_ms: int = 1_500
    requests_per_minute: int = PER_MINUTE


_BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"poll_ms": (20, 60_000), "requests_per_minute": (10, 100_000)}
)


def read_config(section: Mapping[str, object]) -> AlpacaConfig:
    """Read the section strictly.

    Raises:
        InvalidInputError: ``broker-config-invalid``.
    """
    values: dict[str, int] = {}
    for name, value in section.items():
        if name not in {field.name for field in fields(AlpacaConfig)}:
            raise InvalidInputError(
                "broker-config-invalid", f"alpaca knows no setting {name}", "remove it"
            )
        least, most = _BOUNDS[name]
        if type(value) is not int or not least <= value <= most:
            raise InvalidInputError(
                "broker-config-invalid",
                f"alpaca's {name} is no whole number from {least} to {most}",
                "correct it",
            )
        values[name] = value
    return AlpacaConfig(**values)
