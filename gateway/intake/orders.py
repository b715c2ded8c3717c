"""From an order as it was typed to an exact :class:`Order`.

``gateway.intake.ticket`` says which fields there are and what they look like; :func:`to_order`
gives them the instrument's scale. A quantity is rounded down to the lot, a price against the
order's own interest, and everything stays below 2**53: what is decided is what is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from gateway.domain.errors import InvalidInputError
from gateway.domain.instants import instant_us
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, Side, TimeInForce
from gateway.domain.quantities import (
    DEFAULT_DECIMALS,
    INT_LIMIT,
    Worth,
    ceil_div,
    notional_micros,
    parse_decimal,
    rescaled_up,
    scaled,
)
from gateway.intake.ticket import OrderBody
from signing.override import OverrideError, read_override

STANDS_MAX_DAYS: Final = 90
"""For how long a GTD order may be asked to stand; a GTC order is for what stands longer."""
STANDS_MAX_US: Final = STANDS_MAX_DAYS * 24 * 3_600 * 1_000_000

_QTY_E8_DECIMALS: Final = 8


def to_order(
    body: OrderBody,
    *,
    order_id: str,
    principal: str,
    instruments: Mapping[str, Instrument],
    accounts: Collection[str],
    now_us: int = 0,
) -> Order:
    """Make the exact order.

    Args:
        body: the checked body.
        order_id: the id that the gateway gives it.
        principal: who asks.
        instruments: the release's, by symbol; any other symbol is read at 8 decimals.
        accounts: the aliases that this gateway serves.
        now_us: the market time that an order's own end is held against; without one, no end fits.

    Raises:
        InvalidInputError: ``account-unknown``, ``price-missing``, ``price-unexpected``,
            ``number-malformed``, ``number-not-positive``, ``number-too-large``,
            ``qty-below-lot``, ``price-below-tick``, ``intent-contradiction``,
            ``locate-unexpected``, ``override-malformed``, ``expiry-missing``,
            ``expiry-unexpected``, ``expiry-malformed`` or ``expiry-out-of-bounds``. Nothing has
            been recorded.
    """
    if body.account not in accounts:
        raise InvalidInputError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(sorted(accounts))}",
        )
    reduce_only = _reduces_only(body)
    known = instruments.get(body.symbol)
    rule = known or _unlisted(body.symbol)
    qty = _quantity(body.qty, rule)
    buys = body.side is Side.BUY
    # A limit is rounded to the price that is worse for getting a fill; a stop is rounded to the
    # price that triggers later: a buy stop up, a sell stop down.
    limit_price = _price(
        body.limit_price, "limit_price", rule, wanted=body.type.has_limit, up=not buys
    )
    stop_price = _price(body.stop_price, "stop_price", rule, wanted=body.type.has_stop, up=buys)
    _bounded_worth(rule, qty, limit_price, stop_price)
    return Order(
        order_id=order_id,
        principal=principal,
        account=body.account,
        symbol=body.symbol,
        side=body.side,
        type=body.type,
        time_in_force=body.time_in_force,
        qty=qty,
        qty_decimals=rule.qty_decimals,
        price_decimals=rule.price_decimals,
        limit_price=limit_price,
        stop_price=stop_price,
        client_order_id=body.client_order_id,
        strategy_id=body.strategy_id,
        source_signal_id=body.source_signal_id,
        instrument_known=known is not None,
        reduce_only=reduce_only,
        extended_hours=body.extended_hours,
        locate_id=body.locate_id,
        source_run=body.source_run,
        replaces=body.replaces,
        override=_readable(body.override),
        expires_us=_end(body, now_us),
    )


def _end(body: OrderBody, now_us: int) -> int | None:
    """When a GTD order ends by itself: within the days that come.

    Raises:
        InvalidInputError: ``expiry-missing``, ``expiry-unexpected``, ``expiry-malformed`` or
            ``expiry-out-of-bounds``.
    """
    if body.time_in_force is not TimeInForce.GTD:
        if body.expires_at is None:
            return None
        raise InvalidInputError(
            "expiry-unexpected",
            f"a {body.time_in_force} order ends by itself",
            "leave expires_at out, or send time_in_force gtd",
        )
    if body.expires_at is None:
        raise InvalidInputError(
            "expiry-missing", "a gtd order needs expires_at", "send the instant at which it ends"
        )
    expires_us = instant_us(body.expires_at)
    if expires_us is None:
        raise InvalidInputError(
            "expiry-malformed",
            "expires_at is no instant with an offset",
            "for example 2015-01-05T15:30:00-05:00",
        )
    if not now_us < expires_us <= now_us + STANDS_MAX_US:
        raise InvalidInputError(
            "expiry-out-of-bounds",
            f"expires_at is not within the {STANDS_MAX_DAYS} days that come, by the market's clock",
            "send an earlier instant that is still to come",
        )
    return expires_us


def _reduces_only(body: OrderBody) -> bool:
    """Whether the order may only reduce, said by itself or by its intent; both must fit its side.

    Raises:
        InvalidInputError: ``intent-contradiction`` or ``locate-unexpected``.
    """
    intent, short = body.intent, body.side is Side.SELL_SHORT
    if intent is not None and intent.side is not body.side:
        raise _contradiction(f"{intent.value} is not a {body.side.value}", f"side {intent.side}")
    if intent is not None and body.reduce_only and not intent.closes:
        raise _contradiction(f"{intent.value} cannot be reduce_only", "leave one of them out")
    if short and body.reduce_only:
        raise _contradiction(
            "a short sale reduces nothing", "sell what is held with side sell and reduce_only"
        )
    if body.locate_id is not None and not short:
        raise InvalidInputError(
            "locate-unexpected",
            "only a short sale needs shares to borrow",
            "leave locate_id out, or send side sell_short",
        )
    return body.reduce_only or (intent is not None and intent.closes)


def _readable(override: str | None) -> str | None:
    """An override that can be read at all; whether it counts for this order is a fact.

    Raises:
        InvalidInputError: ``override-malformed``.
    """
    if override is not None:
        try:
            read_override(override)
        except OverrideError as error:
            raise InvalidInputError(
                "override-malformed",
                f"override: {error}",
                "send the line that `writ override sign` printed, unchanged, or leave it out",
            ) from error
    return override


def _contradiction(detail: str, remedy: str) -> InvalidInputError:
    return InvalidInputError("intent-contradiction", detail, remedy)


def _unlisted(symbol: str) -> Instrument:
    """How a symbol is read that no release lists: at 8 decimals, so that it can be denied."""
    return Instrument(
        symbol=symbol,
        asset_class="none",
        sector="none",
        currency="none",
        qty_decimals=DEFAULT_DECIMALS,
        price_decimals=DEFAULT_DECIMALS,
        lot=1,
        tick=1,
    )


def _quantity(text: str, rule: Instrument) -> int:
    whole, _cut = scaled(parse_decimal(text, "qty"), rule.qty_decimals, "qty")
    qty = whole - whole % rule.lot
    if qty == 0:
        raise InvalidInputError(
            "qty-below-lot",
            "qty is less than one lot of the instrument",
            "send at least one lot (GET /v1/policy/controls names the release's instruments)",
        )
    _bounded(rescaled_up(qty, rule.qty_decimals, _QTY_E8_DECIMALS), "qty at 8 decimals")
    return qty


def _price(text: str | None, field: str, rule: Instrument, *, wanted: bool, up: bool) -> int | None:
    if text is None:
        if wanted:
            raise InvalidInputError(
                "price-missing", f"this order type needs {field}", f"send {field}"
            )
        return None
    if not wanted:
        raise InvalidInputError(
            "price-unexpected", f"this order type takes no {field}", f"leave {field} out"
        )
    return _on_tick(parse_decimal(text, field), field, rule, up=up)


def _on_tick(value: Decimal, field: str, rule: Instrument, *, up: bool) -> int:
    whole, cut = scaled(value, rule.price_decimals, field)
    ticks = ceil_div(whole + cut, rule.tick) if up else whole // rule.tick
    price = ticks * rule.tick
    if price == 0:
        raise InvalidInputError(
            "price-below-tick",
            f"{field} is less than one tick of the instrument",
            "send at least one tick",
        )
    _bounded(price, field)
    return price


def _bounded_worth(rule: Instrument, qty: int, *prices: int | None) -> None:
    """Refuse what would come to 2^53 micros or more at any of its prices."""
    for price in prices:
        if price is not None:
            scales = (qty, rule.qty_decimals, price, rule.price_decimals)
            worth = notional_micros(*scales, Worth(rule.multiplier))
            _bounded(worth, "qty times price in micros")


def _bounded(value: int, what: str) -> None:
    if value >= INT_LIMIT:
        raise InvalidInputError(
            "number-too-large", f"{what} is 2^53 or more", "send a smaller number"
        )
