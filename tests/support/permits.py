"""What officers permit, as a test says it: a value behind the port that facts and gate ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.control.permission import venue_of
from gateway.domain.mode import Mode
from gateway.domain.permission import Permission, Route
from signing.manifest import Account, Ceilings, manifest_digest
from signing.overlay import Overlay
from signing.permission import leads_there
from support.manifests import DAY_US, manifest

HOST = "paper-api.example.com:443"
PAPER_ROUTE = Route("primary", "alpaca", "PA1234", Mode.PAPER, (HOST,))
LIVE_ROUTE = Route("primary", "alpaca", "123456", Mode.LIVE, ("api.example.com:443",))


@dataclass
class Said:
    """One manifest or none, overlays, and whether LIVE is open; nothing is refused at the gate."""

    standing: Permission | None = None
    signed: Sequence[Overlay] = ()
    opened: bool = False
    lapsed: Permission | None = None
    """The manifest accepted last, where none stands."""

    def permission(self) -> Permission | None:
        return self.standing

    def names(self, route: Route) -> bool:
        """As the acceptance compares them: broker, number, hosts and mode."""
        last = self.standing or self.lapsed
        return last is not None and leads_there(last.manifest, route.account, venue_of(route))

    def overlays(self) -> Sequence[Overlay]:
        return self.signed

    def live_open(self) -> bool:
        return self.opened

    def refusal(self, route: Route, *, release_digest: str, exits: bool) -> str | None:
        return None


def permitting(
    route: Route,
    *,
    around_us: int,
    orders: int = 500,
    notional_micros: int = 250_000_000_000,
    strategies: tuple[str, ...] = ("*",),
) -> Permission:
    """A manifest for one account's route that stands for a day around a wall time."""
    base = manifest()
    made = replace(
        base,
        mode=route.mode.value,
        accounts={route.account: Account(route.broker, route.broker_account, route.hosts)},
        strategies=strategies,
        ceilings=Ceilings(orders, notional_micros),
        valid_from_us=around_us - DAY_US // 2,
        valid_until_us=around_us + DAY_US // 2,
    )
    return Permission(manifest_digest(made), made)
