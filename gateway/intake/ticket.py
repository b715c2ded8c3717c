"""The order ticket: which fields a caller may send, and what each looks like.

The model says nothing of instruments: ``gateway.intake.orders`` gives an order its scale.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from gateway.domain.order import OrderType, Side, TimeInForce

METADATA_MAX: Final = 16
"""Pairs of text that a ticket may carry for its caller's own use."""


class Intent(StrEnum):
    """What a caller means by an order, in the words of a position."""

    OPEN_LONG = "open_long"
    CLOSE_LONG = "close_long"
    OPEN_SHORT = "open_short"
    CLOSE_SHORT = "close_short"

    @property
    def side(self) -> Side:
        """The side that an order of this intent has."""
        return _SIDES[self]

    @property
    def closes(self) -> bool:
        """Whether the order may only reduce."""
        return self in (Intent.CLOSE_LONG, Intent.CLOSE_SHORT)


_SIDES: Final = {
    Intent.OPEN_LONG: Side.BUY,
    Intent.CLOSE_LONG: Side.SELL,
    Intent.OPEN_SHORT: Side.SELL_SHORT,
    Intent.CLOSE_SHORT: Side.BUY,
}


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
IntentName = Annotated[Intent, _one_of(Intent), _names(Intent)]


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

InstantText = Annotated[
    str, StringConstraints(max_length=40), Field(json_schema_extra={"format": "date-time"})
]
"""An instant in market time, RFC 3339 with an offset."""

Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$"), AfterValidator(_not_reserved)
]
"""An id that a caller chose."""

Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9./-]{0,19}$")]


def _printable(value: str) -> str:
    # Refuses control characters, line breaks, lone surrogates and marks that turn text around.
    if not value.isprintable():
        raise ValueError("needs to be one line of printable text")
    return value


_KEY_PATTERN: Final = r"^[A-Za-z0-9_.:-]{1,64}$"

Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=_KEY_PATTERN)],
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)],
    ],
    Field(max_length=METADATA_MAX),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": METADATA_MAX,
            "propertyNames": {"pattern": _KEY_PATTERN},
            "additionalProperties": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "format": "printable-line",
            },
        }
    ),
]
"""The caller's own notes: they tell requests apart, and are neither decided on nor recorded."""

OverrideText = Annotated[
    str,
    StringConstraints(pattern=r"^[\t\n\r -~]{1,8192}$"),
    Field(json_schema_extra={"format": "signed-override"}),
]
"""A signed override: the text of an envelope, in ASCII."""


def _takes(kind: OrderType) -> dict[str, Any]:
    """Which prices an order type takes, as a part of a JSON schema."""
    prices = {"limit_price": kind.has_limit, "stop_price": kind.has_stop}
    return {
        "properties": {"type": {"const": kind.value}}
        | {name: {"type": "string" if taken else "null"} for name, taken in prices.items()},
        "required": ["type", *(name for name, taken in prices.items() if taken)],
    }


def _says(side: Side, intents: Iterable[Intent], *, reduces: bool = True) -> dict[str, Any]:
    """What fits a side, as a part of a JSON schema; ``reduces``: the order may be to reduce."""
    short = side is Side.SELL_SHORT
    return {
        "properties": {
            "side": {"const": side.value},
            "intent": {"enum": [*(intent.value for intent in intents), None]},
            "reduce_only": {"enum": [False, True] if reduces else [False]},
            "locate_id": {"type": ["string", "null"] if short else "null"},
        }
    }


def _fitting() -> list[dict[str, Any]]:
    """Which sides, intents and marks go together; ``orders.make_order`` refuses all others."""
    return [
        _says(Side.BUY, [Intent.CLOSE_SHORT]),
        _says(Side.BUY, [Intent.OPEN_LONG], reduces=False),
        _says(Side.SELL, [Intent.CLOSE_LONG]),
        _says(Side.SELL_SHORT, [Intent.OPEN_SHORT], reduces=False),
    ]


_EXAMPLE: Final[dict[str, Any]] = {
    "account": "primary",
    "symbol": "AAPL",
    "side": "buy",
    "type": "market",
    "qty": "10",
}
"""A whole ticket, as small as one can be."""


class OrderBody(BaseModel):
    """An order ticket as callers send it; unknown fields are refused, numbers are strings."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "oneOf": [_takes(kind) for kind in OrderType],
            "anyOf": [*_fitting()],
            "examples": [_EXAMPLE],
        },
    )

    account: Account = Field(examples=["primary"])
    symbol: Symbol = Field(examples=["AAPL"])
    side: SideName
    intent: IntentName | None = Field(
        default=None, description="Must fit the side; close_long and close_short set reduce_only."
    )
    type: TypeName
    time_in_force: TimeInForceName = TimeInForce.DAY
    expires_at: InstantText | None = Field(
        default=None, description="Of a gtd order, and of no other: when it ends by itself."
    )
    qty: DecimalText
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    client_order_id: Name | None = None
    strategy_id: Name | None = None
    source_signal_id: Name | None = None
    reduce_only: bool = Field(
        default=False, description="The order may only make the position smaller."
    )
    extended_hours: bool = Field(
        default=False, description="The order may trade outside of the regular session."
    )
    locate_id: Name | None = Field(
        default=None, description="Of a short sale: the lender's promise of the shares."
    )
    source_run: Name | None = Field(
        default=None, description="The audited run that the order comes from."
    )
    replaces: Name | None = Field(
        default=None,
        description="The order whose place it takes; qty then is the whole quantity, what is "
        "filled of that order included.",
    )
    override: OverrideText | None = Field(
        default=None, description="A signed override for exactly this order."
    )
    metadata: Metadata | None = Field(
        default=None,
        description="Your own notes: part of what makes two requests the same, not recorded.",
    )

    def canonical(self) -> dict[str, Any]:
        """The request without its spelling: what two requests must share to be the same.

        What is not asked for is left out, so that a field which is new changes no digest of a
        request that does not name it.
        """
        fields = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in fields.items() if value not in (False, {})}
