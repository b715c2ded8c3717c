"""The three-way table of one comparison: the record's word, the broker's, and the difference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.execution import BrokerOrderRecord


class Reach(StrEnum):
    """How much one comparison asks the broker for."""

    ORDERS = "orders"
    """Its open orders."""
    POSITIONS = "positions"
    """Those, its positions and its cash."""
    FULL = "full"
    """As positions, and entered into the log whatever it finds."""


class Finding(StrEnum):
    """What is not alike about an order."""

    AGREES = "agrees"
    MISSING = "missing"
    """Ours works, the broker does not list it: it has to be asked for by its id."""
    ENDED = "ended"
    """Ours works, the broker says that it is over."""
    NOT_AT_BROKER = "not-at-broker"
    """Ours works, the broker knows none by its id. That alone proves nothing."""
    FILLED_MORE = "filled-more"
    """The broker counts more of it as filled than it has told of."""
    FILLED_LESS = "filled-less"
    """The broker counts less of it as filled than it has told of."""
    OPEN_AFTER_END = "open-after-end"
    """Ours is over, and works at the broker."""
    EXTERNAL = "external"
    """Somebody else's, not recorded as it is now."""
    EXTERNAL_GONE = "external-gone"
    """Somebody else's, which the broker lists no longer."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order; quantities at ``qty_decimals``, ``none`` and ``None`` where a side has no word."""

    finding: Finding
    order_id: str
    broker_client_id: str
    broker_order_id: str
    symbol: str
    ours: str
    theirs: str
    ours_filled: int | None
    theirs_filled: int | None
    qty_decimals: int
    told: BrokerOrderRecord | None = None
    """The broker's own line, where it listed the order."""
    questioned: bool = False
    """Whether it waits for a person already: then nothing is done about it here."""
    inferred: int = 0
    """Of what is filled by the record, what was inferred and not told since."""

    @property
    def taken_back(self) -> bool:
        """Whether what the broker counts less was only inferred: it is corrected, whoever waits."""
        if self.finding is not Finding.FILLED_LESS:
            return False
        if self.ours_filled is None or self.theirs_filled is None:
            return False
        return self.ours_filled - self.theirs_filled <= self.inferred

    @property
    def differs(self) -> bool:
        """Whether it is not alike."""
        return self.finding is not Finding.AGREES


@dataclass(frozen=True, slots=True)
class PositionRow:
    """One symbol, both sides at the finer of their two scales; flat is zero."""

    symbol: str
    ours: int
    theirs: int
    qty_decimals: int

    @property
    def differs(self) -> bool:
        """Whether it is not alike."""
        return self.ours != self.theirs


@dataclass(frozen=True, slots=True)
class CashRow:
    """Cash in micros; a difference up to ``tolerance_micros`` is none."""

    ours_micros: int
    theirs_micros: int
    tolerance_micros: int

    @property
    def differs(self) -> bool:
        """Whether it is not alike."""
        return abs(self.theirs_micros - self.ours_micros) > self.tolerance_micros

    @property
    def key(self) -> tuple[str, int]:
        """What is the same of it in two looks: other symbols may trade meanwhile."""
        return ("cash", self.theirs_micros - self.ours_micros)


Difference = OrderRow | PositionRow | tuple[str, int]
"""An order's row, a position's, or the key of the cash."""


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison as of one moment; ``cash`` and positions are absent if nobody asked."""

    orders: tuple[OrderRow, ...]
    positions: tuple[PositionRow, ...]
    cash: CashRow | None
    busy: frozenset[str]
    """Symbols of orders on their way, or of unknown fate: their positions may be either's."""
    unsure: frozenset[str]
    """Symbols of such orders that were waited for long enough: what differs of them, and of the
    cash, is reported, and nothing of it is corrected."""

    differing: frozenset[Difference]
    """Every difference that can be told apart, so that two looks can be held to each other.

    Of a position both sides count: while one of them moves it is still being traded.
    """

    @property
    def unsettled(self) -> int:
        """How many differences may be of orders on their way, or were not asked for yet."""
        held = sum(row.differs and row.symbol in self.busy for row in self.positions)
        missing = sum(row.finding is Finding.MISSING for row in self.orders)
        cash = self.cash is not None and self.cash.differs and bool(self.busy)
        return held + missing + cash

    @property
    def questioned(self) -> int:
        """How many orders wait for a person."""
        return sum(row.questioned for row in self.orders)


@dataclass(frozen=True, slots=True)
class Correction:
    """What was put right: of cash (``symbol`` is ``none``, in micros) or of a position."""

    cause: str
    symbol: str
    before: int
    after: int
    qty_decimals: int


@dataclass(frozen=True, slots=True)
class Result:
    """What one reconciliation of one account found and did."""

    reconciliation_id: str
    account: str
    broker: str
    cause: str
    by: str
    reach: Reach
    at_us: int
    """Wall time of its end."""
    outcome: str
    """agreed; corrected: all of it explained; drifted: something was found that nothing explains;
    unsettled: a difference did not stand still; failed: the broker could not be asked."""
    code: str
    differences: int
    drift_bps: int | None
    look: Look | None
    corrections: tuple[Correction, ...] = ()
    held_back: tuple[Correction, ...] = ()
    """What differs and is not corrected: an order that nobody knows the truth of may be why."""
    statement_us: int | None = None
    """Wall time at which positions and cash were asked for; ``None``: they were not."""

    @property
    def failed(self) -> bool:
        """Whether nothing was compared."""
        return self.outcome == "failed"
