"""The simulation is tested itself: each of these defects is planted, and has to be found."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from gateway.brokers.gate import Gate
from gateway.brokers.permitted import read_permit
from gateway.control.halting import Halting
from gateway.domain import trade_entries
from gateway.domain.book import Book, OrderState
from gateway.domain.execution import Execution, StatusChange, TradeCorrection
from gateway.domain.reservations import Reservations
from gateway.forwarding import Forwarding
from gateway.ledger.reader import Reader
from gateway.tracking import told
from gateway.tracking.cancels import Cancels
from gateway.tracking.reconciliation.job import _Run
from gateway.tracking.settlement import Settlement
from gateway.tracking.told import Page
from signing import lifecycle, receipt
from signing.lifecycle import State
from simulation.runs import prepare, simulate

SEEDS_MAX: Final = 60
"""A planted defect has to be found within so many worlds."""

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


def dropped_reservation(patch: pytest.MonkeyPatch) -> None:
    """What an order may still buy counts for nothing until it is filled."""
    put = Reservations.put

    def forgets(self: Reservations, order_id: str, side: str, _leaves: int, *rest: Any) -> None:
        put(self, order_id, side, 0, *rest)

    patch.setattr(Reservations, "put", forgets)


def resend_after_time_out(patch: pytest.MonkeyPatch) -> None:
    """An outcome that is not known is taken for a failure, and the order is sent once more."""
    send: Any = Gate._send

    async def sends_again(self: Gate, *given: Any) -> Any:  # noqa: ANN401
        answer = await send(self, *given)
        return answer if answer.outcome != "unknown" else await send(self, *given)

    patch.setattr(Gate, "_send", sends_again)


def spent_permit_accepted(patch: pytest.MonkeyPatch) -> None:
    """The gate takes any permit that verifies, and somebody shows one twice."""
    through: Any = Forwarding._through_the_gate

    async def twice(self: Forwarding, *given: Any) -> Any:  # noqa: ANN401
        await through(self, *given)
        return await through(self, *given)

    patch.setattr(Forwarding, "_through_the_gate", twice)
    patch.setattr(Gate, "_open", lambda self, data: read_permit(receipt.verify(data, self._vkey)))


def late_kill(patch: pytest.MonkeyPatch) -> None:
    """A halt stands two seconds after it was asked for."""
    halt = Halting.halt

    async def dawdles(self: Halting, **given: Any) -> Any:  # noqa: ANN401
        await asyncio.sleep(2)
        return await halt(self, **given)

    patch.setattr(Halting, "halt", dawdles)


def halt_forgotten_by_restart(patch: pytest.MonkeyPatch) -> None:
    """A book that is read back from the log knows of no halt."""
    replay = Reader.replay

    def forgets(self: Reader, size: int) -> Book:
        book = replay(self, size)
        book.halts.clear()
        return book

    patch.setattr(Reader, "replay", forgets)


def kill_that_leaves_orders(patch: pytest.MonkeyPatch) -> None:
    """A kill denies, and cancels nothing."""

    async def nothing(*_: Any, **__: Any) -> int:
        return 0

    patch.setattr(Cancels, "cancel_all", nothing)
    patch.setattr(Cancels, "run", nothing)
    patch.setattr(Cancels, "take_up", nothing)


def cancel_that_ends_at_once(patch: pytest.MonkeyPatch) -> None:
    """To ask for a cancel is taken for the cancel: the reservation goes before the order does."""
    target: Any = lifecycle._target

    def ends(current: State, kind: str, payload: Mapping[str, Any], leaves: int | None) -> State:
        after = target(current, kind, payload, leaves)
        return State.CANCELED if kind == "cancel" and after is State.PENDING_CANCEL else after

    patch.setattr(lifecycle, "_target", ends)


def not_found_is_absent(patch: pytest.MonkeyPatch) -> None:
    """An order that the broker does not find at once counts as one that never arrived."""

    async def settles(self: Settlement, order: OrderState) -> State:
        known: Any = await self._asked(order)
        if known is None:
            return await self._record(order, "absent", "NOT_FOUND")
        if not isinstance(known, Exception):
            await self._take(order, known)
        return self._now(order).status

    patch.setattr(Settlement, "settle", settles)


def doubt_forgotten_by_crash(patch: pytest.MonkeyPatch) -> None:
    """After a crash nobody asks what became of the orders that were on their way."""

    async def nothing(_: Settlement) -> int:
        return 0

    patch.setattr(Settlement, "settle_restart", nothing)


def lost_fill(patch: pytest.MonkeyPatch) -> None:
    """A trade whose update is lost is put right in the account, and its order never hears of it."""

    def nothing(*_: Any) -> list[Any]:
        return []

    patch.setattr(_Run, "_about", nothing)


def inferred_and_real_fill_both_counted(patch: pytest.MonkeyPatch) -> None:
    """What was inferred is not taken back when the broker's own word comes."""

    def nothing(_order: OrderState, _qty: int) -> int:
        return 0

    patch.setattr(trade_entries, "mergeable_qty", nothing)
    patch.setattr(told, "mergeable_qty", nothing)


def duplicate_fill_counted(patch: pytest.MonkeyPatch) -> None:
    """A trade that is told twice is taken for two, as if each telling were one of its own."""
    read = Page.read
    tellings = itertools.count()

    def counts(self: Page, event: Execution | StatusChange | TradeCorrection) -> None:
        if isinstance(event, Execution):
            event = replace(event, execution_id=f"{event.execution_id}-{next(tellings)}")
        read(self, event)

    patch.setattr(Page, "read", counts)


PLANTS: Final[tuple[Plant, ...]] = (
    dropped_reservation,
    resend_after_time_out,
    spent_permit_accepted,
    late_kill,
    halt_forgotten_by_restart,
    kill_that_leaves_orders,
    cancel_that_ends_at_once,
    not_found_is_absent,
    doubt_forgotten_by_crash,
    lost_fill,
    inferred_and_real_fill_both_counted,
    duplicate_fill_counted,
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for seed in range(SEEDS_MAX):
        [*broken] = simulate([seed]).broken
        if broken:
            return
    raise AssertionError(f"not found in {SEEDS_MAX} worlds: {plant.__doc__}")
