"""The whole ticket over HTTP: what is told back, what is decided on, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import PRICE, Door, opened, problem
from support.tickets import TICKET


async def preview(door: Door, **changes: Any) -> Any:  # noqa: ANN401  the answer's JSON
    body = {**TICKET, "limit_price": PRICE, **changes}
    if "desk" not in door.keys:
        door.keys["desk"] = door.new_key("desk", "propose", "read")
    answer = await door.call("POST", "/v1/orders/preview", scope="desk", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.requirement("S0-03")
async def test_the_whole_ticket_is_in_the_facts_but_for_notes(door: Door) -> None:
    found = await preview(
        door, side="sell_short", intent="OPEN_SHORT", extended_hours=True, locate_id="loc-1",
        source_run="run-1", source_signal_id="sig-1", strategy_id="s-1", metadata={"n": "x" * 99},
    )  # fmt: skip
    order = found["facts"]["order"]
    stated = {
        "side": "sell_short", "extended_hours": True, "locate_id": "loc-1", "reduce_only": False,
        "source_run": "run-1", "strategy_id": "s-1", "replaces": "none",
    }  # fmt: skip
    assert {name: order[name] for name in stated} == stated
    assert "x" * 99 not in str(found)


@pytest.mark.requirement("S1-06")
async def test_a_replace_is_previewed_in_the_place_of_what_it_replaces(door: Door) -> None:
    resting = {"limit_price": "23.90", "time_in_force": "gtc", "qty": "40"}
    old = (await door.propose(**resting, headers={"Prefer": "wait=30"})).json()
    assert old["status"] == "ACKNOWLEDGED", [r["control"] for r in old.get("reasons", [])]
    beside = await preview(door, **resting)
    instead = await preview(door, **resting, replaces=old["order_id"])
    assert instead["facts"]["replaced"] == {
        "order_id": old["order_id"], "working": True, "same": True, "filled_qty": 0,
    }  # fmt: skip
    turnover = [p["facts"]["projected"]["day_turnover_micros"] for p in (beside, instead)]
    assert turnover[0] == 2 * turnover[1]
    assert "RPL-01" not in {reason["control"] for reason in instead["reasons"]}
    other = await preview(door, symbol="KO", limit_price="32.00", replaces=old["order_id"])
    assert "RPL-01" in {reason["control"] for reason in other["reasons"]}
    unknown = await preview(door, replaces="ord_unknown")
    assert "RPL-01" in {reason["control"] for reason in unknown["reasons"]}


@pytest.mark.requirement("S0-03")
async def test_contradictions_are_refused_before_anything_is_recorded(door: Door) -> None:
    before = await door.entries()
    for ticket in (
        {"intent": "close_long", "side": "buy"},
        {"intent": "open_long", "side": "buy", "reduce_only": True},
        {"side": "sell_short", "reduce_only": True},
    ):
        problem(await door.propose(headers=None, **ticket), 422, "intent-contradiction")
    problem(await door.propose(locate_id="loc-1"), 422, "locate-unexpected")
    assert await door.entries() == before


async def test_notes_are_part_of_the_request_that_a_key_stands_for(door: Door) -> None:
    first = await door.propose(key="k", metadata={"note": "one"})
    again = await door.propose(key="k", metadata={"note": "one"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    problem(await door.propose(key="k", metadata={"note": "two"}), 422, "idempotency-key-reused")


@pytest.mark.requirement("S0-13")
async def test_a_sale_that_would_end_short_must_say_so(door: Door) -> None:
    unmarked = problem(await door.propose(side="sell"), 403, "order-denied")
    assert "SHT-02" in {reason["control"] for reason in unmarked["reasons"]}
    marked = await preview(door, side="sell_short")
    assert "SHT-02" not in {reason["control"] for reason in marked["reasons"]}
    assert "SHT-01" in {reason["control"] for reason in marked["reasons"]}


@pytest.mark.requirement("S0-03")
async def test_an_order_tells_how_it_was_marked_wherever_it_is_read(tmp_path: Path) -> None:
    marks = ("reduce_only", "extended_hours")
    async with opened(tmp_path) as door:
        plain = (await door.propose()).json()
        exits = await door.propose(side="sell", reduce_only=True)
        late = await door.propose(extended_hours=True)
        ids = [plain["order_id"], exits.json()["order_id"], late.json()["order_id"]]
        assert [plain[mark] for mark in marks] == [False, False]
    async with opened(tmp_path, lifted=False) as door:
        page = (await door.call("GET", "/v1/orders")).json()["orders"]
        listed = {order["order_id"]: [order[mark] for mark in marks] for order in page}
        assert [listed[one] for one in ids] == [[False, False], [True, False], [False, True]]
        one = (await door.call("GET", f"/v1/orders/{ids[1]}")).json()
        assert one["reduce_only"] is True
