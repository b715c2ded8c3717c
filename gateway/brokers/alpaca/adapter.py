"""Alpaca as a broker: the port over HTTP, one connection for each account.

An account is at one venue, paper or live, from its opening on: the address is fixed then, and
:meth:`AlpacaBroker.route` tells which host is really spoken to.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

from gateway.brokers.alpaca.account import read_server_time, read_statement, read_validated
from gateway.brokers.alpaca.address import address
from gateway.brokers.alpaca.calendar import read_sessions
from gateway.brokers.alpaca.config import AlpacaConfig, read_config
from gateway.brokers.alpaca.connection import Connection, connect
from gateway.brokers.alpaca.mapping import INVALID
from gateway.brokers.alpaca.quotes import Quotes
from gateway.brokers.alpaca.sequence import Sequence as UpdateSequence
from gateway.brokers.alpaca.stream import Stream
from gateway.brokers.contract import BrokerParts, RealAccount, ServerTime
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    OutcomeUnknownError,
    Rejected,
)
from gateway.domain.market import Hours, Quote
from gateway.domain.order import BrokerOrder
from gateway.domain.permission import Route, Validated
from gateway.domain.venue import VenueTerms
from gateway.ports import BlockingRunner, Clock

NAME: Final = "alpaca"
FILE_NAME: Final = "alpaca.db"


class AlpacaBroker:
    """Implements :class:`gateway.brokers.contract.OpenBroker`; :func:`open_alpaca` makes one."""

    def __init__(
        self,
        accounts: Mapping[str, Connection],
        sequence: UpdateSequence,
        runner: BlockingRunner,
        clock: Clock,
        config: AlpacaConfig,
    ) -> None:
        """Take the accounts by alias, and begin to fetch the terms that are wanted."""
        self.poll_ms = config.poll_ms
        self._feed = config.quotes_feed
        self._accounts = dict(accounts)
        self._sequence = sequence
        self._runner = runner
        self._clock = clock
        self._tasks = [asyncio.create_task(each.assets.run()) for each in accounts.values()]

    @property
    def name(self) -> str:
        """``alpaca``."""
        return NAME

    def route(self, account: str) -> Route:
        """To the one host of its venue, and to that of its market data if quotes come from it."""
        known = self._account(account)
        return Route(
            account,
            NAME,
            known.real.broker_account,
            known.real.mode,
            known.hosts,
        )

    async def validate(self, account: str) -> Validated:
        """Show the credentials to the venue. It does not tell whether they may move money out.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        known = self._account(account)
        return await read_validated(known.client, known.real.broker_account)

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        """What it takes, as last heard; ``None`` until it was asked for once."""
        known = self._accounts.get(account)
        return None if known is None else known.assets.terms(symbol)

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        """Send an order, once.

        An order that Alpaca could not keep to is refused here. One that it has by our id already
        is taken for accepted only if it is the same in everything.

        Raises:
            NotSentError: nothing left this machine.
            OutcomeUnknownError: it may have arrived.
        """
        known = self._accounts.get(order.account)
        return Rejected(INVALID) if known is None else await known.orders.send(order)

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        """Put an order in the place of a working one of its account, once.

        Raises:
            NotSentError: nothing left this machine but questions.
            OutcomeUnknownError: it may have arrived.
        """
        known = self._accounts.get(order.account)
        if known is None:
            return Rejected(INVALID)
        return await known.orders.replace(broker_client_id, order, filled_qty)

    async def cancel(self, broker_client_id: str) -> None:
        """Ask for a cancel, once; an order that is unknown or over needs none.

        Without our file the venue is asked which order it is.

        Raises:
            OutcomeUnknownError: the venue did not answer, could not do it, or refused it though
                the order works.
        """
        try:
            owner = await self._runner.run(lambda: self._sequence.owner(broker_client_id))
        except UnavailableError:
            owner = None
        owner = owner or await self._asked_for(broker_client_id)
        if owner is None:
            return
        alias, order_id = owner
        if alias not in self._accounts:
            raise OutcomeUnknownError("ERR_ACCOUNT")
        await self._accounts[alias].orders.cancel(order_id)

    async def _asked_for(self, client_id: str) -> tuple[str, str] | None:
        """Whose order it is, and the venue's id of it; an account that is silent hides no other."""
        silence: OutcomeUnknownError | None = None
        for alias, known in self._accounts.items():
            try:
                order_id = await known.orders.named(client_id)
            except OutcomeUnknownError as error:
                silence = error
                continue
            if order_id is not None:
                return alias, order_id
        if silence is not None:
            raise silence
        return None

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """What has become of an order; ``None`` if every account was asked and has none.

        Raises:
            UnavailableError: one of them did not answer; an unknown status is no answer.
        """
        owner = await self._runner.run(lambda: self._sequence.owner(broker_client_id))
        asked = [owner[0]] if owner and owner[0] in self._accounts else list(self._accounts)
        with _asking():
            for alias in asked:
                held = await self._accounts[alias].orders.held(broker_client_id)
                if held is not None:
                    return held.told()
        return None

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        """Every order of the account that may still fill, whoever placed it.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            UnavailableError: it could not be asked for all of them.
        """
        known = self._account(account)
        with _asking():
            return await known.listing.open_orders()

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """Every order placed and every fill from one instant up to another one (wall time).

        Raises:
            NotFoundError: ``broker-account-unknown``.
            UnavailableError: it could not be asked for all of them, or they are too many.
        """
        known = self._account(account)
        with _asking():
            return await known.listing.history(from_us, to_us)

    async def server_time(self, account: str) -> ServerTime:
        """The venue's own time, to half a second.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            OutcomeUnknownError: it did not answer, or with no time.
        """
        return await read_server_time(self._account(account).client)

    async def probe(self, account: str) -> None:
        """Ask the venue for its clock, once, to see whether it answers for the account.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            OutcomeUnknownError: it does not answer, or does not know the credentials.
        """
        await self._account(account).client.probe("/v2/clock")

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """The newest quotes of the market data; none where no feed of it is configured.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        data = next(iter(self._accounts.values())).data
        return [] if data is None else await Quotes(data, self._feed).newest(symbols)

    async def statement(self, account: str) -> BrokerStatement:
        """Cash and positions; an answer that is not whole is an error, never an empty account.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            UnavailableError: the venue did not answer, or nothing that can be read, or the
                credentials lead to another account.
        """
        known = self._account(account)
        # First: a fill between the two is told as well, by an order that the record does not have,
        # and that halts. The other way about it would be missing, and nothing would say so.
        with _asking():
            await known.following.take_up()
            return await read_statement(known.client, account)

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """What was heard after a cursor; where nothing was, the venue is asked.

        Raises:
            UnavailableError: an account could not be asked, and there is nothing else to tell; or
                the file is unreadable, or belongs to another account.
        """
        if limit <= 0:
            return []
        told = await self._runner.run(lambda: self._sequence.after(after, limit))
        if told:
            return told
        rounds = (each.following.round() for each in self._accounts.values())
        failures = [
            failure
            for failure in await asyncio.gather(*rounds, return_exceptions=True)
            if failure is not None
        ]
        told = await self._runner.run(lambda: self._sequence.after(after, limit))
        if failures and not told:
            with _asking():
                raise failures[0]
        return told

    def listen(self, news: Callable[[], None], reconnected: Callable[[str], object]) -> None:
        """Listen to the venue's stream of each account until :meth:`close`.

        ``news``: there is something to ask for. ``reconnected``: nobody listened for an account
        for a while.
        """
        for alias, known in self._accounts.items():
            again = functools.partial(reconnected, alias)
            stream = Stream(
                alias,
                known.address,
                known.real.credentials,
                self._clock,
                news,
                again,
                known.following.undecided,
            )
            self._tasks.append(asyncio.create_task(stream.run()))

    async def hours_between(self, first: date, last: date) -> Sequence[Hours]:
        """The regular sessions from one day to another, both included, in the venue's calendar.

        Raises:
            OutcomeUnknownError: the venue did not answer, or nothing that can be read.
        """
        return await read_sessions(next(iter(self._accounts.values())).client, first, last)

    async def close(self) -> None:
        """Stop fetching, close connections and file."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for known in self._accounts.values():
            await known.client.close()
            if known.data is not None:
                await known.data.close()
        await self._runner.run(self._sequence.close)

    def _account(self, account: str) -> Connection:
        known = self._accounts.get(account)
        if known is None:
            raise NotFoundError(
                "broker-account-unknown",
                f"no account {account} at Alpaca",
                "name a configured account",
            )
        return known


@contextmanager
def _asking() -> Generator[None]:
    """A question that was not answered is no order of unknown fate: say that it was not."""
    try:
        yield
    except OutcomeUnknownError as error:
        raise UnavailableError(
            "broker-unavailable",
            f"Alpaca could not be asked ({error.code})",
            "look at the network, the venue's state and the credentials",
        ) from None


async def open_alpaca(parts: BrokerParts) -> AlpacaBroker:
    """Open the accounts: addresses are checked, and nothing is sent.

    Raises:
        InvalidInputError: ``broker-config-invalid`` or ``alpaca-file-version``.
        UnavailableError: ``alpaca-file-unavailable``.
    """
    config = read_config(parts.settings)
    reals = {alias: _real(alias, terms.real) for alias, terms in parts.accounts.items()}
    addresses = {
        alias: address(alias, real.mode, real.url_override) for alias, real in reals.items()
    }
    path = parts.directory / FILE_NAME
    sequence = await parts.runner.run(lambda: UpdateSequence(path))
    accounts = {
        alias: connect(alias, real, addresses[alias], sequence, parts, config)
        for alias, real in reals.items()
    }
    return AlpacaBroker(accounts, sequence, parts.runner, parts.clock, config)


def _real(alias: str, real: RealAccount | None) -> RealAccount:
    if real is None:
        raise InvalidInputError(
            "broker-config-invalid",
            f"account {alias} has no credentials for Alpaca",
            "name key_id and secret",
        )
    return real
