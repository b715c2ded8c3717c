"""What people do when a world comes to rest: they look, ask the broker, and settle what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.domain.book import OrderState
from gateway.domain.errors import WritError
from gateway.tracking.by_hand import PersonsWord

if TYPE_CHECKING:
    from simulation.world import World

PERSON: Final = "risk-officer"


async def settle_by_hand(world: World) -> None:
    """Settle every order that waits for a person, by what the broker's own people say of it."""
    app = world.life.app
    doubtful = [
        order
        for order in app.journal.book.orders.values()
        if order.allow and (order.doubtful or order.status == "UNKNOWN")
    ]
    for order in doubtful:
        word = _word(world, order)
        world.note(f"{order.order_id[-6:]} {order.status} is settled by hand: {word.outcome}")
        world.counts["settled by hand"] += 1
        try:
            await world.ask(app.tracking.by_hand.settle(order.order_id, word))
        except WritError as error:
            world.note(f"{order.order_id[-6:]} not settled: {error.code} {error}")
            world.counts[f"not settled by hand: {error.code}"] += 1


def _word(world: World, order: OrderState) -> PersonsWord:
    held = world.venue.orders.get(order.broker_client_id)
    if held is None:
        outcome = "absent"
    elif held.status == "CANCELED" or order.status == "REJECTED":
        outcome = "canceled"  # what is over on the record stays as it is
    else:
        outcome = "adopted"
    return PersonsWord(PERSON, outcome, "the broker's trading desk, by telephone", "simulation")


async def reconcile(world: World) -> None:
    """Have every account compared with its broker now."""
    reconciliations = world.life.app.reconciliations
    for account in list(reconciliations.accounts()):
        result = await world.ask(reconciliations.run(account, "requested", PERSON))
        world.note(f"reconciled {account}: {result.outcome}")
