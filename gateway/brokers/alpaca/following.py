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
    REFUSED,
    UNKNOWN_STATUS,
    Held,
    execution,
    execution_id,
    held_order,
    order_id,
)
from gateway.brokers.alpaca.sequence import Sequence, Watched
from gateway.brokers.alpaca.wire import Fields, UnreadableError, an_object, objects, text
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Execution, OutcomeUnknownError, StatusChange
from gateway.ports import BlockingRunner
from signing.lifecycle import State

PAGE: Final = 100
"""Fills in one answer: the most that Alpaca gives."""
PAGES_MAX: Final = 20
"""Pages of fills in one round; the rest comes with the next."""
ORDERS: Final = "/v2/orders"
ORDERS_PAGE: Final = 500
"""Orders in one answer: the most that Alpaca gives."""
OPEN_PAGES_MAX: Final = 4
"""Pages of open orders in one round: 2,000 orders, of others too; those beyond are looked up."""
LOOKED_UP_MAX: Final = 20
"""Orders that are asked for one by one in one round."""
ANY_ACCOUNT: Final = "none"
FILLS: Final = "/v2/account/activities/FILL"
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

    async def undecided(self, name: str, pending: str) -> None:
        """Have an order of ours looked at as if the venue had been seen deciding about it.

        It need not have been; what still works is told to work. ``name`` is the venue's id,
        ``pending`` what was refused: PENDING_CANCEL or PENDING_REPLACE.

        Raises:
            UnavailableError: the file cannot be written.
        """
        client_id = await self._run(lambda: self._sequence.client_id(name))
        if client_id is not None:
            await self._run(lambda: self._sequence.note(client_id, pending, None))

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
        return objects(await self._client.read_document(FILLS, asked))

    async def _keep(self, page: list[Fields], mark: str) -> None:
        fills = [(order_id(entry, "order_id"), await self.execution(entry)) for entry in page]
        await self._run(lambda: self._sequence.add_fills(self._account, fills, mark))

    async def execution(self, entry: Fields) -> Execution:
        """A fill under the client's id of its order, which the venue does not put beside it.

        Raises:
            OutcomeUnknownError: the venue did not answer for the order.
            UnreadableError: it is none that can be read.
        """
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
        listed = await self._open_now()
        asked = [each for each in watched if _news(each, listed.get(each.order_id))]
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

    async def _open_now(self) -> dict[str, Held]:
        """Our open orders by the venue's id.

        What is not among them, or is not as was told, is asked for one by one.
        """
        found: dict[str, Held] = {}
        asked = orders_asked("open", ORDERS_PAGE)
        for _ in range(OPEN_PAGES_MAX):
            page = objects(await self._client.read_document(ORDERS, asked))
            ours = [each for each in page if text(each, "client_order_id").startswith(OURS)]
            found |= {held.order_id: held for held in map(held_order, ours)}
            if len(page) < ORDERS_PAGE:
                break
            asked |= after_order(page[-1])
        return found

    async def _look_up(self, order: Watched) -> None:
        found = an_object(await self._client.read_document(f"/v2/orders/{order.order_id}"))
        held = held_order(found)
        if held.client_id != order.client_id:
            raise UnreadableError("another order")
        if held.filled_qty != order.told_qty:
            await self._read_fills_of(held)
        told_qty = await self._run(lambda: self._sequence.told_qty(held.client_id))
        if held.state is State.UNKNOWN:
            odd = StatusChange(held.client_id, State.UNKNOWN.value, UNKNOWN_STATUS)
            await self._run(lambda: self._sequence.odd(odd, text(found, "status")))
        elif told_qty != held.filled_qty:
            return  # its fills are not in the list yet
        elif held.open:
            await self._still_open(order, held)
        else:
            await self._over(held, found)

    async def _still_open(self, order: Watched, held: Held) -> None:
        """Tell of a cancel or a replacement that the venue had to decide, and has refused."""
        told = None
        if order.pending and not held.pending:
            told = StatusChange(held.client_id, held.told_state.value, REFUSED[order.pending])
        if held.pending != order.pending:
            await self._run(lambda: self._sequence.note(held.client_id, held.pending, told))

    async def _over(self, held: Held, found: Fields) -> None:
        change = None
        if held.state is not State.FILLED:
            change = StatusChange(held.client_id, held.state.value, NO_CODE)
        if held.state is State.REJECTED and found.get("replaces") is not None:
            # Before its own end is told: if we crash in between, it is looked at again.
            await self.undecided(order_id(found, "replaces"), State.PENDING_REPLACE.value)
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


def orders_asked(status: str, limit: int) -> dict[str, str]:
    """A page of orders, the oldest first: ``open`` ones, or ``all``."""
    return {"status": status, "limit": str(limit), "direction": "asc", "nested": "false"}


def after_order(last: Fields) -> dict[str, str]:
    """The page behind an order."""
    return {"after_order_id": order_id(last, "id")}


def _news(order: Watched, listed: Held | None) -> bool:
    """Whether an order has to be looked at: it is not among those that work, or is not as told."""
    if listed is None or listed.state is State.UNKNOWN:
        return True
    return (listed.filled_qty, listed.pending) != (order.told_qty, order.pending)
