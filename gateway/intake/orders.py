"""From an order as it was typed to an exact :class:`Order`.

The body model says which fields there are and what they look like; :func:`to_order` gives them
the instrument's scale. A quantity is rounded down to the lot, a price against the order's own
interest, and everything stays below 2**53: what is decided is what is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from gateway.domain.book import NONE
from gateway.domain.errors import InvalidInputError
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, OrderType, Side, TimeInForce
from gateway.domain.quantities import (
    DEFAULT_DECIMALS,
    INT_LIMIT,
    ceil_div,
    notional_micros,
    parse_decimal,
    rescaled_up,
    scaled,
)

_QTY_E8_DECIMALS: Final = 8


def _one_of(kind: type[StrEnum]) -> BeforeValidator:
    """Takes the names of ``kind`` in any case, and nothing else."""
    names = {member.value: member for member in kind}

    def read(value: object) -> StrEnum:
        # isascii first: the Kelvin sign and its like become ASCII when lowered.
        if isinstance(value, str) and value.isascii() and value.lower() in names:
            return names[value.lower()]
        raise ValueError(f"one of {', '.join(names)}")

    return BeforeValidator(read)


def _names(kind: type[StrEnum]) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "enum": list(kind), "description": "Upper case is taken too."}
    )


SideName = Annotated[Side, _one_of(Side), _names(Side)]
TypeName = Annotated[OrderType, _one_of(OrderType), _names(OrderType)]
TimeInForceName = Annotated[TimeInForce, _one_of(TimeInForce), _names(TimeInForce)]


def _not_reserved(value: str) -> str:
    if value == NONE:
        raise ValueError("'none' is how records say that there is no id")
    return value


DecimalText = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$",
            "maxLength": 32,
            "description": "A plain positive decimal number as a string.",
            "examples": ["10", "180.50"],
        }
    ),
]
"""A number as text; ``quantities.parse_decimal`` is its only reader."""

Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$"), AfterValidator(_not_reserved)
]
"""An id that a caller chose."""

Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9./-]{0,19}$")]


def _takes(kind: OrderType) -> dict[str, Any]:
    """Which prices an order type takes, as a part of a JSON schema."""
    prices = {"limit_price": kind.has_limit, "stop_price": kind.has_stop}
    return {
        "properties": {"type": {"const": kind.value}}
        | {name: {"type": "string" if taken else "null"} for name, taken in prices.items()},
        "required": ["type", *(name for name, taken in prices.items() if taken)],
    }


class OrderBody(BaseModel):
    """An order ticket as callers send it; unknown fields are refused, numbers are strings."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        json_schema_extra={"oneOf": [_takes(kind) for kind in OrderType]},
    )

    account: Account = Field(examples=["primary"])
    symbol: Symbol = Field(examples=["AAPL"])
    side: SideName
    type: TypeName
    time_in_force: TimeInForceName = TimeInForce.DAY
    qty: DecimalText
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    client_order_id: Name | None = None
    strategy_id: Name | None = None
    source_signal_id: Name | None = None

    def canonical(self) -> dict[str, Any]:
        """The request without its spelling: what two requests must share to be the same."""
        return self.model_dump(mode="json", exclude_none=True)


def to_order(
    body: OrderBody,
    *,
    order_id: str,
    principal: str,
    instruments: Mapping[str, Instrument],
    accounts: Collection[str],
) -> Order:
    """Make the exact order.

    Args:
        body: the checked body.
        order_id: the id that the gateway gives it.
        principal: who asks.
        instruments: the release's, by symbol; any other symbol is read at 8 decimals.
        accounts: the aliases that this gateway serves.

    Raises:
        InvalidInputError: ``account-unknown``, ``price-missing``, ``price-unexpected``,
            ``number-malformed``, ``number-not-positive``, ``number-too-large``,
            ``qty-below-lot`` or ``price-below-tick``. Nothing has been recorded.
    """
    if body.account not in accounts:
        raise InvalidInputError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(sorted(accounts))}",
        )
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
    for price in (limit_price, stop_price):
        if price is not None:
            _bounded(
                notional_micros(qty, rule.qty_decimals, price, rule.price_decimals),
                "qty times price in micros",
            )
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
        requested_qty=body.qty,
        requested_limit_price=body.limit_price,
        requested_stop_price=body.stop_price,
    )


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


def _bounded(value: int, what: str) -> None:
    if value >= INT_LIMIT:
        raise InvalidInputError(
            "number-too-large", f"{what} is 2^53 or more", "send a smaller number"
        )
