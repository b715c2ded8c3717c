"""What became of an account's orders: fills and ends, asked for and put into the sequence.

An end is told only after all fills that belong to it: Alpaca's two lists need not agree at any
one moment, and an order that is over must not be filled afterwards. A fill that comes into the
list behind the mark is missing from its order's quantity, and is found by that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.mapping import (
    NO_CODE,
    OURS,
    QTY_DECIMALS,
    Held,
    execution,
    execution_id,
    held_order,
    order_id,
)
from gateway.brokers.alpaca.sequence import Sequence, Watched
from gateway.brokers.alpaca.wire import Fields, UnreadableError, an_object, exact, objects, text
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Execution, OutcomeUnknownError, StatusChange
from gateway.ports import BlockingRunner
from signing.lifecycle import State

PAGE: Final = 100
"""Fills in one answer: the most that Alpaca gives."""
PAGES_MAX: Final = 20
"""Pages of fills in one round; the rest comes with the next."""
OPEN_ORDERS_MAX: Final = 500
LOOKED_UP_MAX: Final = 20
"""Orders that are asked for one by one in one round."""
ANY_ACCOUNT: Final = "none"
_FILLS: Final = "/v2/account/activities/FILL"
T = TypeVar("T")


class Following:
    """Reads one account's news into the sequence."""

    def __init__(
        self,
        account: str,
        number: str,
        client: AlpacaClient,
        sequence: Sequence,
        runner: BlockingRunner,
    ) -> None:
        """``number`` is the broker's number that the account must have, or ``none``."""
        self._account = account
        self._number = number
        self._client = client
        self._sequence = sequence
        self._runner = runner
        self._taken_up = False
        self._looked_up = 0
        self._turn = asyncio.Lock()

    async def take_up(self) -> None:
        """Make sure, once, that the credentials lead to the account whose updates are kept.

        Of an account that is new here, what was filled before is not told: it is in the opening
        statement.

        Raises:
            OutcomeUnknownError: the venue does not answer.
            UnavailableError: ``alpaca-account-mismatch``: it is another account.
        """
        if self._taken_up:
            return
        async with self._turn:
            await self._take_up()

    async def round(self) -> None:
        """Ask once for everything that is new.

        Raises:
            OutcomeUnknownError: the venue does not answer, or nothing that can be read; what was
                read until then is kept.
            UnavailableError: as :meth:`take_up`, or the file cannot be written.
        """
        async with self._turn:
            await self._take_up()
            try:
                await self._read_fills()
                await self._read_ends()
            except UnreadableError:
                raise OutcomeUnknownError("ERR_UNREADABLE") from None

    async def _take_up(self) -> None:
        if self._taken_up:
            return
        try:
            answer = an_object(await self._client.read_document("/v2/account"))
            number = text(answer, "account_number")
            known = await self._run(lambda: self._sequence.number(self._account))
            if number != (known or number) or self._number not in (ANY_ACCOUNT, number):
                raise UnavailableError(
                    "alpaca-account-mismatch",
                    f"the credentials of {self._account} lead to another account at Alpaca",
                    "correct broker_account or the credentials; alpaca.db is kept for one account",
                )
            if known is None:
                newest = await self._fills({"direction": "desc", "page_size": "1"})
                mark = execution_id(newest[0]) if newest else ""
                await self._run(lambda: self._sequence.begin(self._account, number, mark))
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        self._taken_up = True

    async def _read_fills(self) -> None:
        mark = await self._run(lambda: self._sequence.mark(self._account)) or ""
        for _ in range(PAGES_MAX):
            asked = {"direction": "asc", "page_size": str(PAGE)}
            page = await self._fills(asked | ({"page_token": mark} if mark else {}))
            if not page:
                return
            mark = execution_id(page[-1])
            await self._keep(page, mark)
            if len(page) < PAGE:
                return

    async def _fills(self, asked: dict[str, str]) -> list[Fields]:
        return objects(await self._client.read_document(_FILLS, asked))

    async def _keep(self, page: list[Fields], mark: str) -> None:
        fills = [(order_id(entry, "order_id"), await self._execution(entry)) for entry in page]
        await self._run(lambda: self._sequence.add_fills(self._account, fills, mark))

    async def _execution(self, entry: Fields) -> Execution:
        """A fill under our id of its order, which the venue does not put beside it."""
        name = order_id(entry, "order_id")
        client_id = await self._run(lambda: self._sequence.client_id(name))
        if client_id is None:
            found = an_object(await self._client.read_document(f"/v2/orders/{name}"))
            client_id = text(found, "client_order_id")
        return execution(self._account, client_id, entry)

    async def _read_ends(self) -> None:
        watched = await self._run(lambda: self._sequence.working(self._account))
        if not watched:
            return
        filled = await self._open_now()
        asked = [each for each in watched if filled.get(each.order_id) != each.told_qty]
        failure: Exception | None = None
        for order in self._next(asked):
            try:
                await self._look_up(order)
            except (OutcomeUnknownError, UnreadableError) as error:
                failure = error  # of this order: the others are told all the same
        if failure is not None:
            raise failure

    def _next(self, asked: list[Watched]) -> list[Watched]:
        """As many as one round asks for, beginning where the last round ended."""
        start = self._looked_up % len(asked) if asked else 0
        self._looked_up = start + LOOKED_UP_MAX
        return (asked[start:] + asked[:start])[:LOOKED_UP_MAX]

    async def _open_now(self) -> dict[str, int]:
        """How much of each of our open orders is filled, by the venue's id; of the newest ones.

        What is not among them, or has another quantity than was told, is asked for one by one.
        """
        asked = {"status": "open", "limit": str(OPEN_ORDERS_MAX), "nested": "false"}
        listed = objects(await self._client.read_document("/v2/orders", asked))
        return {
            order_id(order, "id"): exact(order, "filled_qty", QTY_DECIMALS)
            for order in listed
            if text(order, "client_order_id").startswith(OURS)
        }

    async def _look_up(self, order: Watched) -> None:
        found = an_object(await self._client.read_document(f"/v2/orders/{order.order_id}"))
        held = held_order(found)
        if held.client_id != order.client_id:
            raise UnreadableError("another order")
        if held.filled_qty != order.told_qty:
            await self._read_fills_of(held)
        if held.open:
            return
        watched = await self._run(lambda: self._sequence.working(self._account))
        told = {each.client_id: each.told_qty for each in watched}.get(held.client_id)
        if told != held.filled_qty:
            return  # they are not in the list yet
        change = None
        if held.state is not State.FILLED:
            change = StatusChange(held.client_id, held.state.value, NO_CODE)
        await self._run(lambda: self._sequence.end(held, change))

    async def _read_fills_of(self, held: Held) -> None:
        mark = await self._run(lambda: self._sequence.mark(self._account)) or ""
        asked = {"direction": "asc", "page_size": str(PAGE), "order_id": held.order_id}
        token: dict[str, str] = {}
        for _ in range(PAGES_MAX):
            page = await self._fills(asked | token)
            if page:
                await self._keep(page, mark)
                token = {"page_token": execution_id(page[-1])}
            if len(page) < PAGE:
                return

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._runner.run(work)
