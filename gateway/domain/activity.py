"""What was done lately, counted over windows of market time that are fixed.

Only what moved counts: orders that were allowed and reserve, and the cancels that callers asked
for. The counts are a function of the log's entries alone, so a book that is built anew has the
same ones. Times are integer microseconds of the market clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.domain.windows import Window

SECOND_US: Final = 1_000_000
MESSAGES_WINDOW_US: Final = 60 * SECOND_US
IDENTICAL_WINDOW_US: Final = 60 * SECOND_US
REPEATED_WINDOW_US: Final = 300 * SECOND_US

REQUESTED: Final = "REQUESTED"
"""The cause of a cancel that a caller asked for; every other cancel is the gateway's own."""
REPEATED_EXECUTION: Final = "REPEATED_EXECUTION"
"""The cause of the halt whose end lets the count of executions begin anew."""

Content = tuple[str | int | None, ...]
"""All that a caller asked for, except how the order is called and whose strategy it is."""
Doer = tuple[str, str]
"""The strategy that an order is of, or the account where it names none: as a halt's scope."""

_NO_STRATEGY: Final = "none"


class Countable(Protocol):
    """What is read of an order, before its decision and after."""

    @property
    def account(self) -> str:
        """The alias."""
        ...

    @property
    def strategy_id(self) -> str | None:
        """Whose strategy it is; ``None`` or ``"none"``: nobody said."""
        ...

    @property
    def symbol(self) -> str:
        """What is traded."""
        ...

    @property
    def side(self) -> str:
        """Buy or sell."""
        ...

    @property
    def type(self) -> str:
        """Market, limit or stop."""
        ...

    @property
    def time_in_force(self) -> str:
        """How long it is to stand."""
        ...

    @property
    def qty(self) -> int:
        """At ``qty_decimals``."""
        ...

    @property
    def qty_decimals(self) -> int:
        """The scale of the quantity."""
        ...

    @property
    def price_decimals(self) -> int:
        """The scale of the prices."""
        ...

    @property
    def limit_price(self) -> int | None:
        """At ``price_decimals``."""
        ...

    @property
    def stop_price(self) -> int | None:
        """At ``price_decimals``."""
        ...


@dataclass(frozen=True, slots=True)
class Act:
    """An order as activity counts it."""

    account: str
    doer: Doer
    content: Content


def act_of(order: Countable) -> Act:
    """What counting an order needs of it; a strategy of ``None`` or ``"none"`` is none."""
    named = order.strategy_id is not None and order.strategy_id != _NO_STRATEGY
    return Act(
        order.account,
        ("strategy", str(order.strategy_id)) if named else ("account", order.account),
        (
            order.account,
            order.symbol,
            order.side,
            order.type,
            order.time_in_force,
            order.qty,
            order.qty_decimals,
            order.price_decimals,
            order.limit_price,
            order.stop_price,
        ),
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """What would have been done with one order more, it included; ``None``: cannot be told."""

    messages_1s: int | None
    messages_60s: int | None
    identical_60s: int | None
    repeated_300s: int | None


@dataclass(slots=True)
class Activity:
    """The windows of one gateway, and the orders that are supposed allowed within a turn."""

    messages: Window[str] = field(default_factory=lambda: Window[str](MESSAGES_WINDOW_US))
    """By account: allowed orders and callers' cancels."""
    identical: Window[Content] = field(default_factory=lambda: Window[Content](IDENTICAL_WINDOW_US))
    """By content: allowed orders."""
    repeated: Window[Doer] = field(default_factory=lambda: Window[Doer](REPEATED_WINDOW_US))
    """By strategy or account: allowed orders since its count began anew."""
    supposed: dict[str, Act] = field(default_factory=dict[str, Act])
    """order_id -> an order of the turn under way, as if it had been allowed; a few at most."""

    def order(self, act: Act, at_us: int) -> None:
        """Count an order that was allowed."""
        self.messages.add(act.account, at_us)
        self.identical.add(act.content, at_us)
        self.repeated.add(act.doer, at_us)

    def cancel(self, account: str, at_us: int) -> None:
        """Count a cancel that a caller asked for."""
        self.messages.add(account, at_us)

    def suppose(self, order_id: str, act: Act) -> None:
        """Count an order as if it had been allowed, until :meth:`unsuppose`."""
        self.supposed[order_id] = act

    def unsuppose(self, order_id: str) -> None:
        """Take a supposition back; one that never was is none."""
        self.supposed.pop(order_id, None)

    def begin_anew(self, doer: Doer) -> None:
        """A named person let a halt for repeated execution end: its count starts at nothing."""
        self.repeated.forget(doer)

    def counts(self, act: Act, now_us: int) -> Counts:
        """What the windows that end now hold with this order among them."""
        mates = self.supposed.values()
        messages = 1 + sum(mate.account == act.account for mate in mates)
        identical = 1 + sum(mate.content == act.content for mate in mates)
        repeated = 1 + sum(mate.doer == act.doer for mate in mates)
        return Counts(
            _plus(messages, self.messages.count(act.account, now_us, SECOND_US)),
            _plus(messages, self.messages.count(act.account, now_us)),
            _plus(identical, self.identical.count(act.content, now_us)),
            _plus(repeated, self.repeated.count(act.doer, now_us)),
        )


def _plus(more: int, counted: int | None) -> int | None:
    return None if counted is None else counted + more
