"""The null adapter: accounts that exist in RESEARCH, where nothing is ever forwarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from gateway.brokers.contract import AccountTerms
from gateway.domain.errors import NotFoundError, RefusedError
from gateway.domain.execution import (
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
)
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder
from gateway.domain.permission import Route, Validated
from gateway.domain.venue import VenueTerms

NAME: Final = "null"


class NullBroker:
    """Implements :class:`gateway.ports.Broker` by taking no order at all."""

    def __init__(self, accounts: Mapping[str, AccountTerms]) -> None:
        """Hold the accounts' opening cash, which never changes."""
        self._accounts = dict(accounts)

    @property
    def name(self) -> str:
        """``null``."""
        return NAME

    def terms(self, account: str, symbol: str) -> VenueTerms | None:  # noqa: ARG002  the port
        """``None``: it takes nothing and so it has no terms."""
        return None

    async def submit(self, order: BrokerOrder) -> NoReturn:
        """Refuse: an order that comes here came past the gate's comparison of modes.

        Raises:
            RefusedError: ``broker-null``, always; nothing was sent.
        """
        raise _takes_none(order)

    async def replace(
        self,
        broker_client_id: str,  # noqa: ARG002  the port
        order: BrokerOrder,
        filled_qty: int,  # noqa: ARG002  the port
    ) -> NoReturn:
        """Refuse, as :meth:`submit`.

        Raises:
            RefusedError: ``broker-null``, always; nothing was sent.
        """
        raise _takes_none(order)

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:  # noqa: ARG002  the port
        """None are working."""
        return []

    async def history(
        self,
        account: str,  # noqa: ARG002  the port
        from_us: int,  # noqa: ARG002  the port
        to_us: int,  # noqa: ARG002  the port
    ) -> BrokerHistory:
        """Nothing was ever sent here."""
        return BrokerHistory((), ())

    async def cancel(self, broker_client_id: str) -> None:
        """Do nothing: there is no order to cancel."""

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:  # noqa: ARG002  the port
        """``None``: no order is known by any id."""
        return None

    async def statement(self, account: str) -> BrokerStatement:
        """The configured cash and no position.

        Raises:
            NotFoundError: ``broker-account-unknown``.
        """
        terms = self._accounts.get(account)
        if terms is None:
            raise NotFoundError(
                "broker-account-unknown",
                f"the null broker has no account {account}",
                "name a configured account",
            )
        return BrokerStatement(account, terms.opening_cash_micros, {})

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:  # noqa: ARG002  the port
        """No event, ever."""
        return []

    def route(self, account: str) -> Route:
        """Nowhere."""
        return Route(account, NAME, "none", Mode.SIMULATION)

    async def validate(self, account: str) -> Validated:  # noqa: ARG002  the port
        """There are no credentials to show."""
        return Validated("CREDENTIALS_NONE", "none", None, None)

    async def close(self) -> None:
        """Hold nothing, release nothing."""


def _takes_none(order: BrokerOrder) -> RefusedError:
    return RefusedError(
        "broker-null",
        f"account {order.account} has no broker that takes orders",
        "configure a broker for the account, or stay in RESEARCH",
    )
