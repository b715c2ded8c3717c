"""Everything of one account at Alpaca, put together: nothing is sent by that."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.brokers.alpaca.address import Address, data_address
from gateway.brokers.alpaca.assets import Assets
from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.config import NO_FEED, AlpacaConfig
from gateway.brokers.alpaca.following import Following
from gateway.brokers.alpaca.listing import Listing
from gateway.brokers.alpaca.orders import Orders
from gateway.brokers.alpaca.sequence import Sequence
from gateway.brokers.budget import Budget
from gateway.brokers.contract import BrokerParts, RealAccount


@dataclass(frozen=True, slots=True)
class Connection:
    """One account: its venue, and what is asked there."""

    real: RealAccount
    address: Address
    client: AlpacaClient
    assets: Assets
    following: Following
    orders: Orders
    listing: Listing
    data: AlpacaClient | None
    """The market data, where quotes are taken from there."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every ``host:port`` that is spoken to, sorted."""
        used = [self.address] if self.data is None else [self.address, data_address(self.address)]
        return tuple(sorted({each.host_port for each in used}))


def connect(
    alias: str,
    real: RealAccount,
    venue: Address,
    sequence: Sequence,
    parts: BrokerParts,
    config: AlpacaConfig,
) -> Connection:
    """One account at a venue, with a budget of its own for each service that it asks."""

    def connected(host: Address) -> AlpacaClient:
        budget = Budget(parts.clock, config.requests_per_minute)
        return AlpacaClient(host, real.credentials, budget, parts.clock, parts.heard)

    client = connected(venue)
    following = Following(alias, real.broker_account, client, sequence, parts.runner)
    return Connection(
        real,
        venue,
        client,
        Assets(client, parts.clock),
        following,
        Orders(alias, client, following, sequence, parts.runner),
        Listing(alias, client, following, sequence, parts.runner),
        None if config.quotes_feed == NO_FEED else connected(data_address(venue)),
    )
