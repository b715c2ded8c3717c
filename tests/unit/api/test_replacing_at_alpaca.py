"""Replacements and cancels that a venue leaves open, refuses, or answers to nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from peers.alpaca_venue import Fault
from signing.lifecycle import State
from support.alpaca import until
from support.paper_venue import Paper, ready, venue

ORDERS = "/v2/orders"


@pytest.fixture
async def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Paper]:
    with venue(tmp_path, monkeypatch) as there:
        async with ready(there, tmp_path) as made:
            yield made


async def resting(paper: Paper) -> tuple[str, str]:
    order_id, client_id = await paper.buy()
    await paper.is_now(order_id, State.ACKNOWLEDGED)
    return order_id, client_id


async def replaced(paper: Paper, old: str) -> str:
    """Ask for another quantity; the new order's id."""
    answer = await paper.door.call(
        "PATCH",
        f"/v1/orders/{old}",
        scope="propose",
        json={"qty": "6"},
        headers={"Idempotency-Key": f"replaces-{old}"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["order_id"]


def working(paper: Paper) -> list[str]:
    """What works at the venue, by our id."""
    orders = paper.account.orders.values()
    return [each["client_order_id"] for each in orders if each["status"] in ("accepted", "new")]


@pytest.mark.requirement("S3-06")
@pytest.mark.parametrize("kind", ["reset", 504], ids=str)
async def test_a_replacement_that_was_taken_without_an_answer_never_leaves_two_live_orders(
    paper: Paper, kind: int | str
) -> None:
    """NautilusTrader#4288, #4564: a replacement in doubt, and both orders alive."""
    old, _ = await resting(paper)
    paper.peer.faults.append(Fault("PATCH", ORDERS, kind, after=True))
    new = await replaced(paper, old)
    await paper.is_now(new, State.ACKNOWLEDGED)
    await paper.is_now(old, State.REPLACED)
    assert working(paper) == [paper.order(new).broker_client_id]
    assert sum(asked.method == "PATCH" for asked in paper.peer.asked) == 1
    assert paper.door.app.book().doubtful == {}


@pytest.mark.requirement("S3-06")
async def test_a_replacement_that_never_arrived_leaves_the_old_order_at_work(paper: Paper) -> None:
    old, old_client_id = await resting(paper)
    paper.peer.faults.append(Fault("PATCH", ORDERS, "reset"))
    new = await replaced(paper, old)
    await paper.is_now(new, State.CANCELED)
    await paper.is_now(old, State.ACKNOWLEDGED)
    assert working(paper) == [old_client_id]
    paper.peer.fill(old_client_id, "10", "24.70")
    await paper.is_now(old, State.FILLED)
    assert (paper.held(), paper.causes()) == ({"AAPL": (10, 0)}, set())


@pytest.mark.requirement("S3-05")
async def test_a_replacement_that_is_rejected_later_gives_the_old_order_its_state_back(
    paper: Paper,
) -> None:
    old, old_client_id = await resting(paper)
    paper.peer.decides = False
    new = await replaced(paper, old)
    await paper.is_now(new, State.ACKNOWLEDGED)
    await paper.is_now(old, State.PENDING_REPLACE)
    paper.peer.decide(old_client_id, done=False)
    await paper.is_now(new, State.REJECTED)
    await paper.is_now(old, State.ACKNOWLEDGED)
    assert paper.order(old).code == "ERR_REPLACE_REJECTED"
    paper.peer.decides = True
    again = await paper.door.call("DELETE", f"/v1/orders/{old}", scope="cancel")
    assert again.status_code in (200, 202), again.text
    await paper.is_now(old, State.CANCELED)
    assert paper.causes() == set()


@pytest.mark.requirement("S3-05")
async def test_a_cancel_that_the_venue_refuses_gives_the_order_its_state_back(
    paper: Paper,
) -> None:
    old, client_id = await resting(paper)
    paper.peer.decides = False
    asked = await paper.door.call("DELETE", f"/v1/orders/{old}", scope="cancel")
    assert asked.status_code in (200, 202), asked.text
    await paper.is_now(old, State.PENDING_CANCEL)

    def refused() -> bool:
        """A cancel that is not confirmed is asked for again: each of them is refused."""
        order = paper.account.by_client_id(client_id)
        if order is not None and order["status"] == "pending_cancel":
            paper.peer.decide(client_id, done=False)
        return paper.order(old).status is State.ACKNOWLEDGED

    await until(refused)
    assert paper.order(old).code == "ERR_CANCEL_REJECTED"
    assert paper.causes() == set()
