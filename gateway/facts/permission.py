"""What officers permit of an order: manifest, venue, LIVE, the day's ceilings, overlays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.book import NONE, Book
from gateway.domain.order import Order
from gateway.domain.permission import Route
from gateway.ports import Permits
from signing.manifest import Manifest
from signing.overlay import Overlay


@dataclass(frozen=True, slots=True)
class Permitted:
    """Who says what is permitted, and where each account leads."""

    permits: Permits | None = None
    routes: Mapping[str, Route] = field(default_factory=dict[str, "Route"])

    def overlays(self, wall_us: int) -> tuple[Overlay, ...]:
        """The overlays that stand at this wall time."""
        if self.permits is None:
            return ()
        return tuple(one for one in self.permits.overlays() if one.stands(wall_us))

    def facts(
        self, order: Order, notional_micros: int | None, book: Book, wall_us: int
    ) -> dict[str, Any]:
        """The ``permission`` section; without a manifest it permits nothing.

        Args:
            order: the order.
            notional_micros: its value, if it is known; without it the day's is left out.
            book: the mode, exit-only states, and what was allowed in the UTC day.
            wall_us: the wall clock, microseconds UTC.
        """
        route, permits = self.routes.get(order.account), self.permits
        strategy = order.strategy_id or NONE
        totals = book.day.with_one_more(wall_us, notional_micros)
        return {
            "venue": route is not None and route.mode is book.mode,
            "account": route is not None and permits is not None and permits.names(route),
            "live_open": permits is not None and permits.live_open(),
            "exit_open": book.exit_only_open(order.account, order.symbol, strategy, wall_us),
            "day_orders": totals.orders,
            "day_notional_micros": totals.notional_micros,
        } | _manifest_facts(self._manifest(wall_us), strategy)

    def _manifest(self, wall_us: int) -> Manifest | None:
        """The manifest that stands at the instant of the decision as well as now."""
        permission = None if self.permits is None else self.permits.permission()
        stands = permission is not None and permission.stands(wall_us)
        return permission.manifest if permission is not None and stands else None


def overlay_facts(order: Order, overlays: Sequence[Overlay]) -> dict[str, Any]:
    """The ``overlay`` section: whether a standing overlay restricts the order's symbol."""
    return {"restricted": any(order.symbol in one.restricted for one in overlays)}


def _manifest_facts(manifest: Manifest | None, strategy: str) -> dict[str, Any]:
    if manifest is None:
        return {
            "standing": False,
            "mode": NONE,
            "epoch": NONE,
            "strategy": False,
            "orders_per_day_max": NONE,
            "notional_per_day_max_micros": NONE,
        }
    return {
        "standing": True,
        "mode": manifest.mode,
        "epoch": manifest.epoch,
        "strategy": manifest.allows_strategy(strategy),
        "orders_per_day_max": manifest.ceilings.orders_per_day,
        "notional_per_day_max_micros": manifest.ceilings.notional_per_day_micros,
    }
