"""What the policy is told of a signed override: that a valid one was given, or nothing.

An override counts only for the order that it names, signed by an officer whom the operator
trusts, before it expires on the wall clock, and once. In every other case the document says
nothing of it, and the control that would have needed it is not proven.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from gateway.domain.order import Order
from gateway.domain.overrides import Overrides
from gateway.domain.quantities import format_scaled
from signing.override import ANYBODY, LIFETIME_MAX_US, Override, OverrideError, read_override
from signing.trusted import TrustedKeys

_log = logging.getLogger(__name__)


def override_facts(
    order: Order, officers: TrustedKeys, overrides: Overrides, wall_us: int
) -> dict[str, Any] | None:
    """The ``override`` section: absent unless a valid override for exactly this order was given.

    Args:
        order: the order, with the override's text as it came.
        officers: whose overrides count.
        overrides: which ones were used.
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
    why_not = _why_not(override, officer, order, overrides, wall_us)
    if officer is None or why_not is not None:
        _log.warning("override %s of order %s: %s", override.override_id, order.order_id, why_not)
        return None
    return {"control": override.control, "override_id": override.override_id, "by": officer}


def _why_not(
    override: Override, officer: str | None, order: Order, overrides: Overrides, wall_us: int
) -> str | None:
    """Why the override does not count for the order; None: it counts."""
    if officer is None:
        return "no officer signed it"
    if not 0 < override.expires_us - wall_us <= LIFETIME_MAX_US:
        return "it has expired, or lasts for more than a day from now"
    if not _names(override, order):
        return "it is for another order"
    if not overrides.free(override.override_id, override.expires_us):
        return "it was used"
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
