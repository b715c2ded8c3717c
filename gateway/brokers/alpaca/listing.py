"""All of an account's orders and fills at the venue, whoever placed them: complete, or an error.

A page that comes short ends a list; one that repeats an entry, or a list that does not end within
its bound, is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.following import (
    FILLS,
    ORDERS,
    ORDERS_PAGE,
    PAGE,
    Following,
    after_order,
    orders_asked,
)
from gateway.brokers.alpaca.mapping import (
    FINEST_DECIMALS,
    OURS,
    PRICE_DECIMALS,
    QTY_DECIMALS,
    execution_id,
    order_id,
    state_of,
)
from gateway.brokers.alpaca.sequence import Sequence
from gateway.brokers.alpaca.wire import (
    Fields,
    UnreadableError,
    instant_text,
    instant_us,
    objects,
    shortest,
    text,
)
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    BrokerHistory,
    BrokerOrderRecord,
    Execution,
    OutcomeUnknownError,
)
from gateway.domain.order import Side
from gateway.ports import BlockingRunner
from signing.lifecycle import OPEN, State

PAGES_MAX: Final = 100
"""Pages of one list: 50,000 orders, 10,000 fills."""
MARGIN_US: Final = 300_000_000
"""By how much a fill's entry may have been made later than its trade: it is asked for beyond."""


class Listing:
    """Reads the lists of one account."""

    def __init__(
        self,
        account: str,
        client: AlpacaClient,
        following: Following,
        sequence: Sequence,
        runner: BlockingRunner,
    ) -> None:
        """``following`` knows whose account it is, and which order a fill belongs to."""
        self._account = account
        self._client = client
        self._following = following
        self._sequence = sequence
        self._runner = runner

    async def open_orders(self) -> list[BrokerOrderRecord]:
        """Every order that may still fill; of ours, the end is told from now on.

        Raises:
            OutcomeUnknownError: the venue did not answer, or nothing that can be read.
            UnavailableError: ``alpaca-list-too-long``, or another account than the file's.
        """
        await self._following.take_up()
        asked = orders_asked("open", ORDERS_PAGE)
        try:
            listed = await self._all(ORDERS, asked, {}, after_order, ORDERS_PAGE)
            records = [order_record(self._account, each) for each in listed]
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        ours = [each for each in records if each.broker_client_id.startswith(OURS)]
        pairs = [(each.broker_order_id, each.broker_client_id) for each in ours]
        await self._runner.run(lambda: self._sequence.watch_all(self._account, pairs))
        return records

    async def history(self, from_us: int, to_us: int) -> BrokerHistory:
        """Every order placed and every fill from ``from_us`` up to and without ``to_us``.

        Raises:
            OutcomeUnknownError: the venue did not answer, or nothing that can be read.
            UnavailableError: as :meth:`open_orders`.
        """
        await self._following.take_up()
        try:
            orders = await self._placed(from_us, to_us)
            fills = await self._filled(from_us, to_us)
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        return BrokerHistory(tuple(orders), tuple(fills))

    async def _placed(self, from_us: int, to_us: int) -> list[BrokerOrderRecord]:
        # Both ends are exclusive there, and finer than ours: what lies outside is left out below.
        first = {"after": instant_text(max(0, from_us - 1)), "until": instant_text(to_us)}

        def beyond(last: Fields) -> bool:
            return instant_us(last, "submitted_at") >= to_us

        asked = orders_asked("all", ORDERS_PAGE)
        listed = await self._all(ORDERS, asked, first, after_order, ORDERS_PAGE, beyond)
        records = [order_record(self._account, each) for each in listed]
        return [each for each in records if from_us <= each.placed_us < to_us]

    async def _filled(self, from_us: int, to_us: int) -> list[Execution]:
        asked = {
            "direction": "asc",
            "page_size": str(PAGE),
            "after": instant_text(max(0, from_us - MARGIN_US)),
            "until": instant_text(to_us + MARGIN_US),
        }
        entries = await self._all(FILLS, asked, {}, _after_fill, PAGE)
        within = [
            each for each in entries if from_us <= instant_us(each, "transaction_time") < to_us
        ]
        return [await self._following.execution(each) for each in within]

    async def _all(
        self,
        path: str,
        asked: dict[str, str],
        first: dict[str, str],
        following: Callable[[Fields], dict[str, str]],
        size: int,
        beyond: Callable[[Fields], bool] = lambda _: False,
    ) -> list[Fields]:
        """Every entry of a list; ``first`` is asked of its first page only."""
        found: dict[str, Fields] = {}
        extra = first
        for _ in range(PAGES_MAX):
            page = objects(await self._client.read_document(path, asked | extra))
            count = len(found) + len(page)
            found |= {text(each, "id"): each for each in page}
            if len(found) != count:
                raise UnreadableError("an entry twice")
            if len(page) < size or beyond(page[-1]):
                return list(found.values())
            extra = following(page[-1])
        raise UnavailableError(
            "alpaca-list-too-long",
            f"{self._account} has more at Alpaca than can be listed at once",
            "ask for a shorter period",
        )


def _after_fill(last: Fields) -> dict[str, str]:
    return {"page_token": execution_id(last)}


def order_record(account: str, fields: Fields) -> BrokerOrderRecord:
    """An order of anybody's, at our scales where it fits them.

    One for an amount of money has no quantity until it is over; while it may fill it is unreadable.
    """
    state = state_of(fields)
    filled_qty, decimals = shortest(fields, "filled_qty", FINEST_DECIMALS, QTY_DECIMALS)
    qty, qty_decimals = filled_qty, decimals
    if fields.get("qty") is not None or state in OPEN:
        qty, qty_decimals = shortest(fields, "qty", FINEST_DECIMALS, QTY_DECIMALS)
    scale = max(decimals, qty_decimals)
    price, price_decimals = None, PRICE_DECIMALS
    if fields.get("limit_price") is not None:
        price, price_decimals = shortest(fields, "limit_price", FINEST_DECIMALS, PRICE_DECIMALS)
    if state is State.ACKNOWLEDGED and filled_qty:
        state = State.PARTIALLY_FILLED
    side = text(fields, "side")
    if side not in ("buy", "sell"):
        raise UnreadableError("an unknown side")
    return BrokerOrderRecord(
        account=account,
        broker_order_id=order_id(fields, "id"),
        broker_client_id=text(fields, "client_order_id"),
        symbol=text(fields, "symbol"),
        side=Side(side),
        status=state.value,
        qty=qty * 10 ** (scale - qty_decimals),
        filled_qty=filled_qty * 10 ** (scale - decimals),
        qty_decimals=scale,
        limit_price=price,
        price_decimals=price_decimals,
        placed_us=instant_us(fields, "submitted_at"),
    )
