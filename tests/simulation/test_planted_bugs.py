"""The simulation is tested itself: each of these defects is planted, and has to be found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from gateway.brokers.gate import Gate
from gateway.control.halting import Halting
from gateway.domain.book import AccountBook, Book, OrderState
from gateway.domain.execution import Execution
from gateway.domain.reservations import Reservations
from gateway.forwarding import Forwarding
from gateway.ledger.journal import Journal
from gateway.ledger.reader import Reader
from gateway.tracking import settlement, updates
from gateway.tracking.cancels import Cancels
from signing import lifecycle
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
    send: Any = Gate._send  # noqa: SLF001

    async def sends_again(self: Gate, *given: Any) -> Any:  # noqa: ANN401
        answer = await send(self, *given)
        return answer if answer.outcome != "unknown" else await send(self, *given)

    patch.setattr(Gate, "_send", sends_again)


def spent_permit_accepted(patch: pytest.MonkeyPatch) -> None:
    """The gate forgets which permits it has seen, and somebody shows one twice."""
    through: Any = Forwarding._through_the_gate  # noqa: SLF001

    async def twice(self: Forwarding, *given: Any) -> Any:  # noqa: ANN401
        await through(self, *given)
        return await through(self, *given)

    patch.setattr(Forwarding, "_through_the_gate", twice)
    patch.setattr(Gate, "_spend", lambda *_: None)


def sent_before_durable(patch: pytest.MonkeyPatch) -> None:
    """The journal says that a decision is durable while it is still on its way to the disk."""
    commit: Any = Journal._commit  # noqa: SLF001

    async def hurries(self: Journal, batch: Any, *, owed: bool) -> Any:  # noqa: ANN401
        task = asyncio.create_task(commit(self, batch, owed=owed))
        if any(draft.kind == "decision" for draft in batch.drafts):
            return await task
        return await task

    patch.setattr(Journal, "_commit", hurries)


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
    target: Any = lifecycle._target  # noqa: SLF001

    def ends(current: State, kind: str, payload: Mapping[str, Any], leaves: int | None) -> State:
        after = target(current, kind, payload, leaves)
        return State.CANCELED if kind == "cancel" and after is State.PENDING_CANCEL else after

    patch.setattr(lifecycle, "_target", ends)


PLANTS: Final[tuple[Plant, ...]] = (
    dropped_reservation,
    resend_after_time_out,
    spent_permit_accepted,
    late_kill,
    halt_forgotten_by_restart,
    kill_that_leaves_orders,
    cancel_that_ends_at_once,
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
