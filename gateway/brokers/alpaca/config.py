"""Alpaca's own section of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from gateway.domain.errors import InvalidInputError

PER_MINUTE: Final = 200
"""Requests a minute that Alpaca takes of each account, reads and orders alike."""
NO_FEED: Final = "none"
FEEDS: Final = (NO_FEED, "iex", "sip")
"""Which of Alpaca's feeds quotes are taken from: one exchange, or all of them (subscribed to)."""


@dataclass(frozen=True, slots=True)
class AlpacaConfig:
    """How often the venue is asked for news, how many requests it takes, whose quotes count."""

    poll_ms: int = 1_500
    requests_per_minute: int = PER_MINUTE
    quotes_feed: str = NO_FEED


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
        if name not in _BOUNDS:
            continue
        least, most = _BOUNDS[name]
        if type(value) is not int or not least <= value <= most:
            raise InvalidInputError(
                "broker-config-invalid",
                f"alpaca's {name} is no whole number from {least} to {most}",
                "correct it",
            )
        values[name] = value
    feed = section.get("quotes_feed", NO_FEED)
    if not isinstance(feed, str) or feed not in FEEDS:
        raise InvalidInputError(
            "broker-config-invalid", "alpaca knows no such feed of quotes", "use iex, sip or none"
        )
    return AlpacaConfig(**values, quotes_feed=feed)
