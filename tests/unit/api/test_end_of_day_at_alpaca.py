"""The end of the day at a venue in real time."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.lifecycle import State
from support.paper_venue import Paper, ready, venue
from support.real_time import at_us


@pytest.mark.requirement("S3-20")
async def test_what_a_day_order_has_left_is_cancelled_before_the_venue_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        async with ready(there, tmp_path) as at_alpaca:
            await _ends_the_day(at_alpaca)


async def _ends_the_day(at_alpaca: Paper) -> None:
    ends = at_alpaca.door.app.end_of_day
    assert ends is not None
    order_id, client_id = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    at_alpaca.peer.fill(client_id, "4", "24.70")
    await at_alpaca.is_now(order_id, State.PARTIALLY_FILLED)
    standing = (await at_alpaca.door.propose(time_in_force="gtc", qty="3")).json()["order_id"]
    await at_alpaca.is_now(standing, State.ACKNOWLEDGED)
    assert await ends.look(at_us("2027-11-24T15:58:59")) == 0
    assert await ends.look(at_us("2027-11-24T15:59")) == 1
    await at_alpaca.is_now(order_id, State.CANCELED)
    assert at_alpaca.order(order_id).filled_qty == 4
    assert at_alpaca.order(standing).status is State.ACKNOWLEDGED
    assert await ends.look(at_us("2027-11-24T15:59:05")) == 0
