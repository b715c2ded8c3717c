"""What Alpaca lets change of an order that works, and when. Pure.

A replacement is a new order there, with ids of its own, and a good answer to it does not prove that
it works: it may still be rejected, because the old one was filled before it came to the market.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.brokers.alpaca.mapping import known_order
from gateway.brokers.alpaca.wire import Fields, flag, text

TOO_LATE: Final = "ERR_TOO_LATE"
UNSUPPORTED: Final = "ERR_REPLACE_UNSUPPORTED"
_NOT_YET: Final = ("accepted", "pending_new", "pending_cancel", "pending_replace")
"""Statuses in which, in Alpaca's own words, an order cannot be replaced."""


def patch_body(body: Mapping[str, object]) -> dict[str, object]:
    """What a replacement may say: of an order's body that which the venue lets change."""
    names = ("qty", "time_in_force", "limit_price", "stop_price", "client_order_id")
    return {name: body[name] for name in names if name in body}


def not_replaceable(fields: Fields, body: Mapping[str, object], filled_qty: int) -> str | None:
    """Why an order at the venue cannot give its place to another one, as our code, or ``None``.

    What a quantity means in the replacement of an order that is partly filled, the whole or the
    rest, Alpaca does not say, and its users have seen both: so these are not replaced.
    """
    held = known_order(fields)
    if not held.open or held.filled_qty != filled_qty:
        return TOO_LATE
    fixed = ("symbol", "side", "type")
    same = (
        all(text(fields, name) == body[name] for name in fixed)
        and flag(fields, "extended_hours") == body["extended_hours"]
        and _same_intent(fields.get("position_intent"), body.get("position_intent"))
    )
    ready = text(fields, "status") not in _NOT_YET and held.filled_qty == 0
    return None if same and ready else UNSUPPORTED


def _same_intent(stated: object, wanted: object) -> bool:
    """Whether the old order binds the new one to what it may do to the position.

    The venue need not state it. A sale of ours always had one; a purchase that must not open
    anything has to be known as such.
    """
    if wanted is None:
        return True
    return stated == wanted or (stated is None and wanted != "buy_to_close")
