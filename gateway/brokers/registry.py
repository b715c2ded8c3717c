"""Every broker by name; the one place to add a line when there is a new one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.brokers.contract import BrokerParts, OpenBroker
from gateway.brokers.null import adapter as null
from gateway.brokers.simulator import adapter as simulator
from gateway.domain.errors import InvalidInputError

Opener = Callable[[BrokerParts], Awaitable[OpenBroker]]


async def _open_alpaca(parts: BrokerParts) -> OpenBroker:
    # A gateway without such an account never loads its clients.
    from gateway.brokers.alpaca.adapter import open_alpaca  # noqa: PLC0415  loaded where needed

    return await open_alpaca(parts)


async def _open_null(parts: BrokerParts) -> null.NullBroker:
    if parts.settings:
        raise InvalidInputError(
            "broker-config-invalid", "the null broker has no settings", "remove its section"
        )
    return null.NullBroker(parts.accounts)


BROKERS: Final[Mapping[str, Opener]] = MappingProxyType(
    {
        "alpaca": _open_alpaca,
        null.NAME: _open_null,
        simulator.NAME: simulator.open_simulator,
    }
)
"""Name in the configuration -> how the broker is opened."""


async def open_broker(name: str, parts: BrokerParts) -> OpenBroker:
    """Open a broker by its name in the configuration.

    Raises:
        InvalidInputError: ``broker-unknown``, or what the broker says of its configuration.
        UnavailableError: the broker cannot be opened now.
    """
    opener = BROKERS.get(name)
    if opener is None:
        raise InvalidInputError(
            "broker-unknown",
            f"there is no broker named {name}",
            f"use one of: {', '.join(sorted(BROKERS))}",
        )
    return await opener(parts)
