"""Wires what follows orders after they were sent: updates, settlements, and brokers' health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.bootstrap.following import follow
from gateway.brokers.contract import OpenBroker, Probing, Prompt
from gateway.control.halting import Halting
from gateway.domain.book import OrderState
from gateway.domain.execution import Submission
from gateway.ports import Clock, Journal, Ledger
from gateway.tracking.by_hand import SettledByHand
from gateway.tracking.cancels import Cancels
from gateway.tracking.funds import stop_without_funds
from gateway.tracking.health import BROKER_DOWN, Health
from gateway.tracking.settlement import Settlement
from gateway.tracking.told import LIVE_AFTER_ABSENT
from gateway.tracking.updates import BY, Heard, Tracker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackingParts:
    """What it is wired with."""

    brokers: Mapping[str, OpenBroker]
    """By account alias."""
    settle_ms: int
    """For how long *not found* must stand, of a broker that is not within this process."""
    journal: Journal
    ledger: Ledger
    clock: Clock
    halting: Halting
    cancels: Cancels


class Tracking:
    """Every broker's tracker and health, and every account's settlement; one per process."""

    def __init__(self, parts: TrackingParts) -> None:
        """Wire them; the spine, which comes later, says when a submission is recorded."""
        self._parts = parts
        self.answered: Callable[[str, int], Awaitable[object]] = _at_once
        """Waits until a submission under way is recorded (``Pipeline.first_answer``)."""
        self.drifted: Callable[[str], object] = _ignored
        """Told of an account whose state at the broker has to be looked at."""
        self.settlements = {
            account: self._settlement(account, broker) for account, broker in parts.brokers.items()
        }
        """By account alias."""
        self.trackers: dict[str, Tracker] = {}
        """By broker name."""
        self.health: dict[str, Health] = {}
        """By broker name."""
        for broker in set(parts.brokers.values()):
            accounts = self._accounts_of(broker)
            self.trackers[broker.name] = self._tracker(broker, accounts)
            self.health[broker.name] = Health(
                broker.name, accounts, _probe_of(broker), parts.halting, parts.clock
            )
        for account, settlement in self.settlements.items():
            settlement.pull = self.trackers[parts.brokers[account].name].pull
        self.by_hand = SettledByHand(parts.brokers, parts.journal, parts.clock, self.settlements)
        """Settles by a person's word."""

    async def settle_restart(self) -> None:
        """After a start: settle what is in doubt, as far as that can be waited for."""
        for settlement in self.settlements.values():
            await settlement.settle_restart()

    async def settle(self, order: OrderState) -> None:
        """Find out what became of an order whose submission ended unknown."""
        await self.settlements[order.account].begin(order)

    async def heard(self, submission: Submission) -> None:
        """Follow up what a broker answered: it lives, or it does not, or funds are missing."""
        if submission.outcome == "rejected":
            await self._rejected(submission.order_id, submission.code)
        health = self.health.get(submission.broker)
        if health is not None:
            await health.heard(submission)

    async def follow(self, stack: contextlib.AsyncExitStack) -> None:
        """Follow the brokers for as long as the gateway runs, and take up what stands."""
        clock, book = self._parts.clock, self._parts.journal.book
        down = [halt.scope for halt in book.halts.values() if halt.cause == BROKER_DOWN]
        for broker in set(self._parts.brokers.values()):
            self.health[broker.name].take_up(down)
            tracker, health = self.trackers[broker.name], self.health[broker.name]
            follow(broker, tracker, health, clock, stack, self._drifted)
        for settlement in self.settlements.values():
            stack.callback(asyncio.create_task(settlement.keep_asking()).cancel)
        for order in book.open_orders():
            if order.anomaly == LIVE_AFTER_ABSENT:  # we may have died before it was asked for
                try:
                    await self._withdraw(order.order_id)
                except Exception:  # noqa: BLE001  the anomaly stands; a person cancels it
                    _log.exception("order %s could not be cancelled", order.order_id)

    async def close(self) -> None:
        """Leave the questions that are still open to the next start."""
        await asyncio.gather(*(each.close() for each in self.settlements.values()))

    def _settlement(self, account: str, broker: OpenBroker) -> Settlement:
        parts = self._parts
        settle_ms = broker.settle_ms if isinstance(broker, Prompt) else parts.settle_ms
        return Settlement(account, broker, parts.journal, parts.halting, parts.clock, settle_ms)

    def _tracker(self, broker: OpenBroker, accounts: list[str]) -> Tracker:
        heard = Heard(
            answered=self._answered,
            drifted=self._drifted,
            withdraw=self._withdraw,
            rejected=self._rejected,
        )
        parts = self._parts
        now_ns, halting = parts.clock.monotonic_ns, parts.halting
        return Tracker(broker, accounts, parts.journal, parts.ledger, halting, heard, now_ns)

    def _accounts_of(self, broker: OpenBroker) -> list[str]:
        return [alias for alias, each in self._parts.brokers.items() if each is broker]

    async def _answered(self, order_id: str, timeout_ms: int) -> None:
        await self.answered(order_id, timeout_ms)

    def _drifted(self, account: str) -> None:
        self.drifted(account)

    async def _withdraw(self, order_id: str) -> None:
        await self._parts.cancels.cancel(order_id, BY, LIVE_AFTER_ABSENT)

    async def _rejected(self, order_id: str, code: str) -> None:
        book, stops = self._parts.journal.book, self._parts.halting
        await stop_without_funds(book, stops, order_id, code)


def _probe_of(broker: OpenBroker) -> Callable[[str], Awaitable[object]]:
    """The broker's cheapest question."""
    return broker.probe if isinstance(broker, Probing) else broker.statement


async def _at_once(_order_id: str, _timeout_ms: int) -> None:
    """What is waited for before there is a spine: nothing is under way."""


def _ignored(_account: str) -> None:
    """What is told where nobody reconciles."""
