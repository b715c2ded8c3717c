"""Cancels that were asked for and have not come true: which they are, and when to ask again.

A cancel may be repeated, an order never. One that the broker did not take, or took and does not
confirm, is asked for again after a while: a caller's a few times, one that a standing halt demands
until the order is over or the halt is lifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.domain.book import NONE, OrderState
from gateway.domain.halt import GLOBAL, Scope
from gateway.ports import Clock
from signing.lifecycle import State

AGAIN_MS: Final = 1_000
"""After the first time; every further one doubles it."""
AGAIN_MAX_MS: Final = 30_000
TIMES_MAX: Final = 8
"""How often a cancel is asked for that no halt demands: for about a minute and a half."""

_MS_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Outstanding:
    """An open order whose cancel was asked for; ``code`` says why the broker did not take it.

    ``none``: it took the request and has not confirmed that the order is over. ``times`` is how
    often it was asked, ``asked_us`` when last (wall). ``again``: whether it will be by itself.
    """

    order_id: str
    account: str
    symbol: str
    strategy_id: str
    by: str
    cause: str
    times: int
    code: str
    asked_us: int
    again: bool


@dataclass(slots=True)
class _Wanted:
    by: str
    cause: str
    times: int = 0
    code: str = NONE
    asked_us: int = 0
    due_ns: int | None = None
    """When it is to be asked for again; ``None`` while nobody has asked, or no answer has come."""
    pending: bool = False
    """Whether the order was seen as being cancelled: one that works again was refused it."""


class OutstandingCancels:
    """The cancels that are wanted; holds no more than there are open orders."""

    def __init__(
        self,
        orders: Callable[[], Mapping[str, OrderState]],
        demanded: Callable[[OrderState], bool],
        clock: Clock,
    ) -> None:
        """``orders`` is the book's, ``demanded`` whether a halt that stands wants one cancelled."""
        self._orders = orders
        self._demanded = demanded
        self._clock = clock
        self._wanted: dict[str, _Wanted] = {}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._wanted

    def want(self, order_id: str, by: str, cause: str) -> None:
        """A cancel is asked for; whoever asks anew begins to count anew."""
        self._wanted[order_id] = _Wanted(by, cause)

    def asking(self, order_id: str, by: str, cause: str) -> None:
        """The broker is being asked: once more of those that are wanted already."""
        wanted = self._wanted.setdefault(order_id, _Wanted(by, cause))
        wanted.times += 1
        wanted.asked_us = self._clock.wall_us()
        wanted.due_ns = None

    def answered(self, order_id: str, code: str) -> None:
        """What the broker made of it: ``none``, or why it did not take it."""
        if (wanted := self._wanted.get(order_id)) is not None:
            wanted.code = code
            pause_ms = min(AGAIN_MS << min(wanted.times - 1, 16), AGAIN_MAX_MS)
            wanted.due_ns = self._clock.monotonic_ns() + pause_ms * _MS_NS

    def standing(self, scope: Scope = GLOBAL) -> list[Outstanding]:
        """What has not come true yet, in a scope."""
        self._let_go()
        found = [(self._orders()[order_id], wanted) for order_id, wanted in self._wanted.items()]
        return [
            Outstanding(
                order.order_id,
                order.account,
                order.symbol,
                order.strategy_id,
                wanted.by,
                wanted.cause,
                wanted.times,
                wanted.code,
                wanted.asked_us,
                again=self._again(order, wanted),
            )
            for order, wanted in found
            if scope.covers(order.account, order.symbol, order.strategy_id)
        ]

    def pause_ms(self) -> int | None:
        """How long until one is to be asked for again; ``None``: there is none."""
        self._let_go()
        due = [due_ns for _, due_ns in self._to_come()]
        if not due:
            return None
        left_ms = -(-(min(due) - self._clock.monotonic_ns()) // _MS_NS)
        return min(max(left_ms, 1), AGAIN_MS)  # another one may be wanted meanwhile

    def due(self) -> list[OrderState]:
        """The orders that are to be asked for again now."""
        self._let_go()
        now_ns = self._clock.monotonic_ns()
        return [order for order, due_ns in self._to_come() if due_ns <= now_ns]

    def _to_come(self) -> list[tuple[OrderState, int]]:
        orders = self._orders()
        return [
            (orders[order_id], wanted.due_ns)
            for order_id, wanted in self._wanted.items()
            if wanted.due_ns is not None and self._again(orders[order_id], wanted)
        ]

    def _again(self, order: OrderState, wanted: _Wanted) -> bool:
        # One that is on its way is asked for when its submission has an answer.
        if order.status is State.CREATED:
            return False
        return wanted.times < TIMES_MAX or self._demanded(order)

    def _let_go(self) -> None:
        """Forget orders that are over, and those whose cancel the broker refused."""
        orders = self._orders()
        for order_id in [*self._wanted]:
            order, wanted = orders.get(order_id), self._wanted[order_id]
            if order is None or not order.reserves:
                del self._wanted[order_id]
            elif order.status is State.PENDING_CANCEL:
                wanted.pending = True
            elif wanted.pending and not self._demanded(order):
                del self._wanted[order_id]
