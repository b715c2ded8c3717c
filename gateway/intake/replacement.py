"""What a caller may change of a working order, and the whole ticket that this makes.

A replacement is an order of its own that takes the place of another one: what it does not name is
as in the order that it replaces, read from the document which that one was decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.domain.book import NONE
from gateway.domain.order import TimeInForce
from gateway.domain.quantities import format_scaled
from gateway.intake.ticket import (
    DecimalText,
    InstantText,
    Name,
    OrderBody,
    OverrideText,
    TimeInForceName,
)

_CHANGES: Final = ("qty", "limit_price", "stop_price", "time_in_force", "expires_at")
_KEPT: Final = ("account", "symbol", "side", "type", "reduce_only", "extended_hours")
_KEPT_IDS: Final = ("strategy_id", "locate_id", "source_run")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ReplacementBody(BaseModel):
    """What is to be different; everything else stays as it is. One change at least."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "string"}}} for name in _CHANGES
            ],
            "examples": [{"qty": "8", "limit_price": "24.70"}],
        },
    )

    qty: DecimalText | None = Field(
        default=None, description="The whole quantity, what is filled already included."
    )
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    time_in_force: TimeInForceName | None = None
    expires_at: InstantText | None = Field(
        default=None, description="Of a gtd order alone: when it ends."
    )
    client_order_id: Name | None = None
    override: OverrideText | None = Field(
        default=None, description="A signed override for exactly this order."
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(getattr(self, name) is None for name in _CHANGES):
            raise ValueError(f"needs one of {', '.join(_CHANGES)}")
        return self


def replacing_ticket(
    order_id: str, document: Mapping[str, Any], changes: ReplacementBody
) -> OrderBody:
    """The ticket of the order that takes the place of ``order_id``, decided on ``document``.

    It is the same whenever it is asked for, so that a repeated request is known again.
    """
    order, ids = document["order"], document["ids"]
    fields: dict[str, Any] = {name: order[name] for name in _KEPT}
    fields |= {name: order[name] for name in _KEPT_IDS if order[name] != NONE}
    if ids["source_signal_id"] != NONE:
        fields["source_signal_id"] = ids["source_signal_id"]
    decimals = order["price_decimals"]
    fields["qty"] = changes.qty or format_scaled(order["qty"], order["qty_decimals"])
    for name in ("limit_price", "stop_price"):
        before = None if order[name] == NONE else format_scaled(order[name], decimals)
        fields[name] = getattr(changes, name) or before
    lasts = changes.time_in_force or TimeInForce(order["time_in_force"])
    fields |= {"time_in_force": lasts.value, "expires_at": changes.expires_at}
    if lasts is TimeInForce.GTD and changes.expires_at is None and "expires_us" in order:
        ends = _EPOCH + timedelta(microseconds=order["expires_us"])
        fields["expires_at"] = ends.isoformat()
    fields |= {
        "client_order_id": changes.client_order_id,
        "override": changes.override,
        "replaces": order_id,
    }
    return OrderBody.model_validate(fields)
