"""What the policy is told of a signed override: that a valid one was given, or nothing.

An override counts only for the order that it names, at the gateway and in the mode that it names,
signed by an officer whom the operator trusts, before it expires on the wall clock, and once. In
every other case the document says nothing of it, the control that would have needed it is not
proven, and the gateway's log says why.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from gateway.domain.book import Book
from gateway.domain.order import Order
from gateway.domain.quantities import format_scaled
from signing.keys import Vkey
from signing.override import ANYBODY, LIFETIME_MAX_US, Override, OverrideError, read_override
from signing.trusted import TrustedKeys

_log = logging.getLogger(__name__)


def override_facts(
    order: Order, officers: TrustedKeys, log: Vkey | None, book: Book, wall_us: int
) -> dict[str, Any] | None:
    """The ``override`` section: absent unless a valid override for exactly this order was given.

    Args:
        order: the order, with the override's text as it came.
        officers: whose overrides count.
        log: this gateway's log; ``None``: it is nobody's, and none counts.
        book: the mode, and which overrides were used.
        wall_us: the wall clock; an override has nothing to do with market time.
    """
    if order.override is None:
        return None
    try:
        signed = read_override(order.override)
    except OverrideError as error:  # intake has refused such text already
        _log.warning("override of order %s is not readable: %s", order.order_id, error)
        return None
    override = signed.override
    officer = officers.signer_of(signed)
    why_not = _why_not_here(override, log, book) or _why_not(override, officer, order, wall_us)
    if why_not is None and not book.overrides.free(override.override_id, override.expires_us):
        why_not = "override-used: it was used"
    if officer is None or why_not is not None:
        _log.warning("override %s of order %s: %s", override.override_id, order.order_id, why_not)
        return None
    return {"control": override.control, "override_id": override.override_id, "by": officer}


def _why_not_here(override: Override, log: Vkey | None, book: Book) -> str | None:
    """Why the override does not count at this gateway as it runs; None: it does."""
    if log is None or override.log != str(log):
        return "override-other-log: it is for another gateway's log"
    if override.mode != book.mode:
        return f"override-other-mode: it is for {override.mode}, and the mode is {book.mode}"
    return None


def _why_not(override: Override, officer: str | None, order: Order, wall_us: int) -> str | None:
    """Why the override does not count for the order; None: it does, if it was not used."""
    if officer is None:
        return "override-not-trusted: no officer signed it"
    if not 0 < override.expires_us - wall_us <= LIFETIME_MAX_US:
        return "override-expired: it has expired, or lasts for more than a day from now"
    if not _names(override, order):
        return "override-other-order: it is for another order"
    return None


def _names(override: Override, order: Order) -> bool:
    """Whether the override is for exactly this order."""
    return (
        (override.account, override.symbol, override.side)
        == (order.account, order.symbol, order.side.value)
        and override.client_order_id == order.client_order_id
        and override.principal in (ANYBODY, order.principal)
        and Decimal(override.qty) == Decimal(format_scaled(order.qty, order.qty_decimals))
    )
