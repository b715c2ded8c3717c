"""One account's orders: sent once, looked up by our id, cancelled."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from gateway.brokers.alpaca.account import room_to_reduce
from gateway.brokers.alpaca.client import AlpacaClient, Reply
from gateway.brokers.alpaca.following import Following
from gateway.brokers.alpaca.mapping import (
    DUPLICATE,
    INVALID,
    QTY_DECIMALS,
    Held,
    held_order,
    known_order,
    order_body,
    order_id,
    refusal,
    same_order,
)
from gateway.brokers.alpaca.replacing import TOO_LATE, not_replaceable, patch_body
from gateway.brokers.alpaca.sequence import Sequence
from gateway.brokers.alpaca.wire import Fields, UnreadableError, an_object, exact, text
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Accepted, NotSentError, OutcomeUnknownError, Rejected
from gateway.domain.order import BrokerOrder
from gateway.ports import BlockingRunner
from signing.lifecycle import State

_OK: Final = 200
_NO_CONTENT: Final = 204
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_UNPROCESSABLE: Final = 422
_REFUSALS: Final = (400, 401, 403, _UNPROCESSABLE)
_BY_CLIENT_ID: Final = "/v2/orders:by_client_order_id"


class Orders:
    """What is asked of the venue about single orders of one account."""

    def __init__(
        self,
        account: str,
        client: AlpacaClient,
        following: Following,
        sequence: Sequence,
        runner: BlockingRunner,
    ) -> None:
        """``following`` must have taken the account up before anything is sent."""
        self._account = account
        self._client = client
        self._following = following
        self._sequence = sequence
        self._runner = runner

    async def send(self, order: BrokerOrder) -> Accepted | Rejected:
        """Send an order, once; see :meth:`gateway.brokers.alpaca.adapter.AlpacaBroker.submit`.

        Raises:
            NotSentError: nothing left this machine.
            OutcomeUnknownError: it may have arrived.
        """
        body = order_body(order)
        if body is None:
            return Rejected(INVALID)
        with _asking():
            await self._following.take_up()
            if order.reduce_only and not await room_to_reduce(self._client, order):
                return Rejected("ERR_INSUFFICIENT_QTY")
        return await self._answered(await self._client.post_order(body), body)

    async def replace(
        self, client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        """Put an order in the place of a working one, once; see ``gateway.ports.Broker.replace``.

        Raises:
            NotSentError: nothing left this machine but questions.
            OutcomeUnknownError: it may have arrived.
        """
        body = order_body(order)
        if body is None:
            return Rejected(INVALID)
        with _asking():
            await self._following.take_up()
            found = await self._by_client_id(client_id)
            refused = await self._not_replaceable(found, order, body, filled_qty)
            if found is None or isinstance(refused, Rejected | Accepted):
                return refused or Rejected(TOO_LATE)
            replaced = order_id(found, "id")
        reply = await self._client.patch_order(replaced, patch_body(body))
        return await self._answered(reply, body, replaced)

    async def _not_replaceable(
        self, found: Fields | None, order: BrokerOrder, body: Mapping[str, object], filled_qty: int
    ) -> Rejected | Accepted | None:
        """Why nothing is to be sent, or that it was sent before; ``None``: it may be sent."""
        if found is None:
            return Rejected(TOO_LATE)
        code = not_replaceable(found, body, filled_qty)
        if code == TOO_LATE:
            sent = await self._by_client_id(str(body["client_order_id"]))
            before = sent is not None and sent.get("replaces") == order_id(found, "id")
            if sent is not None and before:
                return await self._accepted(sent, body)
        if code is not None:
            return Rejected(code)
        # What the old order would have taken off is free again for the new one.
        more = order.qty - exact(found, "qty", QTY_DECIMALS)
        if order.reduce_only and more > 0:
            grown = replace(order, qty=more)
            if not await room_to_reduce(self._client, grown):
                return Rejected("ERR_INSUFFICIENT_QTY")
        return None

    async def held(self, client_id: str) -> Held | None:
        """What the venue has under our id; from now on its end is told. ``None``: it has none.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        found = await self._by_client_id(client_id)
        if found is None:
            return None
        try:
            held = known_order(found)
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        # Whoever asks is told of the refusal now; the updates must not tell it again.
        await self._watch(held, over=held.state is State.REJECTED)
        return held

    async def named(self, client_id: str) -> str | None:
        """The venue's id of an order, from the venue alone: a cancel waits for no disk.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        found = await self._by_client_id(client_id)
        try:
            return None if found is None else order_id(found, "id")
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None

    async def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancel, once; an order that is unknown or over needs none.

        Raises:
            OutcomeUnknownError: the venue did not answer, could not do it, or refused it though
                the order works (``ERR_CANCEL_REJECTED``): it may be asked again.
        """
        reply = await self._client.delete_order(broker_order_id)
        if reply.status == _TOO_MANY:
            raise OutcomeUnknownError("ERR_RATE_LIMIT")
        if reply.status == _UNPROCESSABLE and await self._works(broker_order_id):
            raise OutcomeUnknownError("ERR_CANCEL_REJECTED")
        if reply.status not in (_OK, _NO_CONTENT, _NOT_FOUND, _UNPROCESSABLE):
            raise OutcomeUnknownError("ERR_NETWORK")

    async def _works(self, broker_order_id: str) -> bool:
        """Whether an order goes on, and no cancel of it is on its way."""
        found = await self._client.read_document(f"/v2/orders/{broker_order_id}")
        try:
            held = held_order(an_object(found))
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        return held.open and held.state is not State.PENDING_CANCEL

    async def _answered(
        self, reply: Reply, body: Mapping[str, object], replaced: str | None = None
    ) -> Accepted | Rejected:
        """From the first byte on, whatever is not clear is unknown."""
        if reply.status == _TOO_MANY:
            return Rejected("ERR_RATE_LIMIT")
        try:
            if reply.status == _OK:
                return await self._accepted(an_object(reply.document()), body, replaced)
            code = refusal(reply.status, reply.document()) if reply.status in _REFUSALS else None
            if code == DUPLICATE:
                return await self._adopted(body, replaced)
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        if code is None:
            raise OutcomeUnknownError("ERR_NETWORK")
        return Rejected(code)

    async def _accepted(
        self, found: Fields, body: Mapping[str, object], replaced: str | None = None
    ) -> Accepted | Rejected:
        held = known_order(found)
        if not same_order(found, body) or replaced not in (None, found.get("replaces")):
            raise UnreadableError("another order than was sent")
        # If we crash here the order is in doubt, and is found by our id at the next start.
        rejected = held.state is State.REJECTED
        await self._watch(held, over=rejected)
        return Rejected("ERR_REJECTED") if rejected else Accepted(held.order_id)

    async def _adopted(
        self, body: Mapping[str, object], replaced: str | None
    ) -> Accepted | Rejected:
        """The id is taken: by this very order, sent before, or by another one."""
        found = await self._by_client_id(str(body["client_order_id"]))
        if found is None:
            raise OutcomeUnknownError("ERR_UNKNOWN_OUTCOME")
        same = same_order(found, body) and replaced in (None, found.get("replaces"))
        return await self._accepted(found, body) if same else Rejected(DUPLICATE)

    async def _by_client_id(self, client_id: str) -> Fields | None:
        """The venue's order under our id; ``None`` only if it says itself that there is none."""
        reply = await self._client.read(_BY_CLIENT_ID, {"client_order_id": client_id})
        try:
            if reply.status == _NOT_FOUND:
                text(an_object(reply.document()), "message")  # a page in front of it says no such
                return None
            if reply.status == _OK:
                found = an_object(reply.document())
                if text(found, "client_order_id") == client_id:
                    return found
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        raise OutcomeUnknownError("ERR_AUTH" if reply.status in (401, 403) else "ERR_UNREADABLE")

    async def _watch(self, held: Held, *, over: bool) -> None:
        try:
            await self._runner.run(
                lambda: self._sequence.watch(
                    self._account, held.order_id, held.client_id, over=over
                )
            )
        except UnavailableError:
            raise OutcomeUnknownError("ERR_UNKNOWN_OUTCOME") from None


@contextmanager
def _asking() -> Generator[None]:
    """Before an order goes out only questions are asked: what fails within has sent nothing."""
    try:
        yield
    except UnavailableError:
        raise NotSentError("ERR_ACCOUNT") from None
    except UnreadableError:
        raise NotSentError("ERR_UNREADABLE") from None
    except OutcomeUnknownError as error:
        raise NotSentError(error.code) from None
