"""What the venue says of an account: its credentials, cash and positions."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.brokers.alpaca.client import AlpacaClient, Reply
from gateway.brokers.alpaca.wire import (
    Fields,
    UnreadableError,
    an_object,
    flag,
    floored,
    micros,
    objects,
    shortest,
    text,
)
from gateway.brokers.contract import ServerTime
from gateway.domain.execution import BrokerStatement, OutcomeUnknownError
from gateway.domain.order import BrokerOrder, Side
from gateway.domain.permission import Validated
from gateway.domain.quantities import MICROS

FRACTION_DECIMALS: Final = 9
"""The finest share that Alpaca counts."""
_ANY: Final = "none"
_OK: Final = 200
_US_PER_MS: Final = 1_000
_US_PER_S: Final = 1_000_000


async def read_validated(client: AlpacaClient, broker_account: str) -> Validated:
    """What the venue says of the credentials that it is shown.

    Raises:
        OutcomeUnknownError: it did not answer, or nothing that can be read.
    """
    reply = await client.read("/v2/account")
    skew_ms = _skew_ms(reply)
    if reply.status in (401, 403):
        return Validated("CREDENTIALS_REFUSED", _ANY, None, skew_ms)
    if reply.status != _OK:
        raise OutcomeUnknownError("ERR_UNREADABLE")
    try:
        fields = an_object(reply.document())
        number = text(fields, "account_number")
        return Validated(_problem(fields, number, broker_account), number, None, skew_ms)
    except UnreadableError:
        raise OutcomeUnknownError("ERR_UNREADABLE") from None


def _problem(fields: Fields, number: str, broker_account: str) -> str:
    if broker_account not in (_ANY, number):
        return "ACCOUNT_MISMATCH"
    if text(fields, "status") != "ACTIVE":
        return "ACCOUNT_NOT_ACTIVE"
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    if any(flag(fields, name) for name in blocks):
        return "ACCOUNT_BLOCKED"
    return "none" if text(fields, "currency") == "USD" else "ACCOUNT_CURRENCY"


async def read_server_time(client: AlpacaClient) -> ServerTime:
    """The venue's own time: the middle of the second that its header names, half a second about.

    Raises:
        OutcomeUnknownError: it did not answer, or with no time.
    """
    reply = await client.read("/v2/clock")
    theirs_us = _date_us(reply)
    if reply.status != _OK or theirs_us is None:
        raise OutcomeUnknownError("ERR_UNREADABLE")
    return ServerTime(theirs_us + _US_PER_S // 2, reply.asked_us, reply.had_us)


def _date_us(reply: Reply) -> int | None:
    """The second that an answer's header names, at its beginning."""
    try:
        moment = parsedate_to_datetime(reply.date)
    except (TypeError, ValueError):
        return None
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _skew_ms(reply: Reply) -> int | None:
    """By how much the venue's clock is ahead, at least: its header counts whole seconds.

    Zero where the second that it names and the time of our question overlap.
    """
    theirs_us = _date_us(reply)
    if theirs_us is None:
        return None
    if theirs_us > reply.had_us:
        return (theirs_us - reply.had_us) // _US_PER_MS
    if theirs_us + _US_PER_S < reply.asked_us:
        return -((reply.asked_us - theirs_us - _US_PER_S) // _US_PER_MS)
    return 0


async def read_statement(client: AlpacaClient, account: str) -> BrokerStatement:
    """Cash, rounded down to a millionth, and signed quantities by symbol.

    Raises:
        OutcomeUnknownError: the venue did not answer, or nothing that can be read.
    """
    fields = await client.read_document("/v2/account")
    held = await client.read_document("/v2/positions")
    try:
        cash_micros = floored(an_object(fields), "cash", MICROS)
        return BrokerStatement(account, cash_micros, _positions(objects(held)))
    except UnreadableError:
        raise OutcomeUnknownError("ERR_UNREADABLE") from None


async def room_to_reduce(client: AlpacaClient, order: BrokerOrder) -> bool:
    """Whether the account holds, free of other orders, what the order would take off.

    Asked just before sending; the order's own position intent covers the moment in between.

    Raises:
        OutcomeUnknownError: the venue did not answer, or nothing that can be read.
    """
    held = await client.read_document("/v2/positions")
    try:
        for position in objects(held):
            if text(position, "symbol") != order.symbol:
                continue
            free, decimals = shortest(position, "qty_available", FRACTION_DECIMALS)
            opposite = free < 0 if order.side is Side.BUY else free > 0
            return opposite and abs(free) >= order.qty * 10**decimals
    except UnreadableError:
        raise OutcomeUnknownError("ERR_UNREADABLE") from None
    return False


def _positions(held: list[Fields]) -> dict[str, tuple[int, int]]:
    positions = {text(position, "symbol"): _quantity(position) for position in held}
    if len(positions) != len(held):
        raise UnreadableError("a symbol twice")
    return positions


def _quantity(position: Fields) -> tuple[int, int]:
    """At no more decimals than there are; the sign must agree with the side."""
    value, decimals = shortest(position, "qty", FRACTION_DECIMALS)
    if value == 0 or (value < 0) != (text(position, "side") == "short"):
        raise UnreadableError("a position whose sign and side disagree")
    return value, decimals
