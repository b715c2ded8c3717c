"""Deciding and acting: the engine, brokers, the door, and who can stop trading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Rejected,
    Submission,
)
from gateway.domain.halt import Halt, Scope
from gateway.domain.order import BrokerOrder
from gateway.domain.permission import Permission, Route
from gateway.ports.market import Venue
from signing.overlay import Overlay


class PolicyEngine(Protocol):
    """A policy decision point holding exactly one release."""

    @property
    def name(self) -> str:
        """``opa-wasm`` or ``opa-server``; recorded in each decision."""
        ...

    @property
    def version(self) -> str:
        """The engine's version as recorded in each decision."""
        ...

    async def decide(self, documents: Sequence[bytes]) -> list[Verdict | EngineFailure]:
        """Decide up to 16 canonical input documents in one call, in order.

        Never raises for an engine's fault: what cannot be decided is an ``EngineFailure``.
        """
        ...

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        """Ask which halts are due; an ``EngineFailure`` means: treat as a halt."""
        ...

    async def readiness(self) -> str | None:
        """Why it cannot decide at this moment, as a sentence; ``None`` when it can."""
        ...


class Broker(Venue, Protocol):
    """An order's destination. Its answers are facts about the broker, never about us."""

    @property
    def name(self) -> str:
        """Recorded in every submission."""
        ...

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        """Send once. Raises ``OutcomeUnknownError`` when the answer is not known."""
        ...

    async def cancel(self, broker_client_id: str) -> None:
        """Ask for a cancel; the result arrives as an update. Unknown ids are not an error."""
        ...

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        """Put an order in the place of another one, once: both, or neither, is never left working.

        ``broker_client_id`` names the order that works, of which ``filled_qty`` was filled when the
        replacement was decided; ``order`` is for what is to remain. A broker that finds another
        quantity filled rejects with ``ERR_TOO_LATE``, one that cannot replace with
        ``ERR_REPLACE_UNSUPPORTED``: then the old order works on. What becomes of the old one comes
        as updates. Raises ``OutcomeUnknownError`` when the answer is not known.
        """
        ...

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """What the broker knows of the order; ``None``: it knows none by that id."""
        ...

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        """Every order of the account that may still fill, whoever placed it.

        All of them or an error: a list that is cut off is none.
        """
        ...

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """Every order placed and every execution from one instant to another (wall time).

        All of them or an error, as :meth:`open_orders`.
        """
        ...

    async def statement(self, account: str) -> BrokerStatement:
        """Cash and positions of an account as of now."""
        ...

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """Events with a cursor above ``after``, oldest first, at most ``limit``."""
        ...


class Door(Protocol):
    """The gate as the rooms see it: the only way to a broker."""

    async def forward(self, permit: bytes, approved_ns: int) -> Submission:
        """Send what a permit says, once; see ``gateway.brokers.gate``."""
        ...

    async def cancel(self, account: str, broker_client_id: str) -> None:
        """The second door: take risk off, whatever else stands still.

        Raises ``OutcomeUnknownError`` when the broker did not take the request in time.
        """
        ...


class Permits(Protocol):
    """What officers and an Admin permit as of now; ``gateway.control``. Every answer is instant."""

    def permission(self) -> Permission | None:
        """The manifest that stands at this moment; ``None``: there is none, or it has lapsed."""
        ...

    def names(self, route: Route) -> bool:
        """Whether the manifest accepted last, standing or lapsed, names exactly this route."""
        ...

    def overlays(self) -> Sequence[Overlay]:
        """The overlays that a risk officer signed; some may not stand yet, or no longer."""
        ...

    def live_open(self) -> bool:
        """Whether LIVE is open at this moment."""
        ...

    def refusal(self, route: Route, *, release_digest: str, exits: bool) -> str | None:
        """Why the gate must not forward an order there in the mode as it is, or ``None``.

        One of GATE_VENUE, GATE_MANIFEST and GATE_LIVE. ``exits``: the order can only reduce, and
        an exit-only state that a named person opened covers it.
        """
        ...


class Stops(Protocol):
    """Who can stop trading; ``gateway.control.halting``."""

    async def halt(  # noqa: PLR0913  each is a field of the entry
        self,
        *,
        cause: str,
        scope: Scope,
        by: str,
        clear_by: str,
        cancels: bool = False,
        reduce_allowed: bool = False,
        observed: int | None = None,
        limit: int | None = None,
        reason: str | None = None,
    ) -> Halt:
        """Engage a halt, unless one of this cause and scope stands already."""
        ...

    async def recover(self, *, cause: str, scope: Scope, by: str, reason: str) -> Halt | None:
        """Lift the halt of this cause and scope, if one stands that a probe may clear."""
        ...


class Cancelling(Protocol):
    """Who can take working orders off; ``gateway.tracking.cancels``."""

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        """Cancel every open order in the scope; returns how many were asked for."""
        ...
