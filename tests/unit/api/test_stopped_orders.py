"""What closes the gate: an order that is stopped reaches no broker, whatever stopped it.

The simulated broker's own book is read from its file: it knows what it was sent.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened, problem

NOW = "2015-01-02T15:30:00-05:00"
"""Where the market clock of a test stands."""
REASON = {"reason": "test"}


async def put(door: Door, name: str, value: object, at: str = NOW) -> None:
    """State a fact as a service upstream."""
    body = {"value": value, "at": at, "ttl_ms": "60000", "source": "monitor"}
    answer = await door.call("PUT", f"/v1/facts/{name}", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text


async def denied_by(door: Door, **order: Any) -> set[str]:
    """The controls that deny an order now; none where it is allowed."""
    answer = await door.propose(headers={"Prefer": "wait=30"}, **order)
    if answer.status_code == 201:
        assert answer.json()["status"] == "ACKNOWLEDGED", answer.text
        return set()
    return {one["control"] for one in problem(answer, 403, "order-denied")["reasons"]}


def sent(folder: Path) -> list[str]:
    """The client ids of every order that the broker of a stopped gateway was ever sent."""
    with closing(sqlite3.connect(folder / "data" / "simulator.db")) as book:
        return [row[0] for row in book.execute("SELECT broker_client_id FROM orders ORDER BY row")]


@pytest.mark.requirement("S1-07")
@pytest.mark.requirement("S1-08")
async def test_what_is_denied_reaches_no_broker(tmp_path: Path) -> None:
    """One order is allowed before, one after, and nothing of what was denied between them."""
    async with opened(tmp_path) as door:
        first = (await door.propose()).json()["broker_client_id"]
        assert await denied_by(door, qty="5000") >= {"ORD-01", "ORD-02"}
        assert await denied_by(door, symbol="NOPE") >= {"INS-01"}
        for scope in (
            None,
            {"kind": "account", "name": "primary"},
            {"kind": "symbol", "name": "AAPL"},
            {"kind": "strategy", "name": "s-1"},
        ):
            body = REASON if scope is None else REASON | {"scope": scope}
            kill = (await door.call("POST", "/v1/kill", scope="operate", json=body)).json()
            assert await denied_by(door, strategy_id="s-1") == {"OMEGA-2"}, scope
            resume = {"halt_id": kill["halt_id"], **REASON}
            await door.call("POST", "/v1/resume", scope="admin", json=resume)
        restored = {"lifted": False, **REASON}
        await door.call("POST", "/v1/omega4", scope="admin", json=restored)
        assert await denied_by(door) == {"OMEGA-4"}
        await door.lift()
        last = (await door.propose(headers={"Prefer": "wait=30"})).json()["broker_client_id"]
    assert sent(tmp_path) == [first, last]


MODELS = {
    # fact: a value at its limit, one beyond, the control, the row
    "model.entropy": ("0.8", "0.80001", "MOD-03", "S1-09"),
    "model.drift": ("0.5", "0.50001", "MOD-04", "S1-09"),
    "model.data_integrity": (True, False, "MOD-05", "S1-10"),
    "model.protocol_firing": (True, False, "MOD-06", "S1-11"),
}


@pytest.mark.parametrize(
    ("name", "good", "bad", "control"),
    [
        pytest.param(name, good, bad, control, id=name, marks=pytest.mark.requirement(row))
        for name, (good, bad, control, row) in MODELS.items()
    ],
)
async def test_an_unwell_or_silent_model_stops_the_order(
    tmp_path: Path, name: str, good: object, bad: object, control: str
) -> None:
    """At its limit it passes; beyond it, past its time to live and taken back it does not."""
    async with opened(tmp_path) as door:
        await put(door, name, good)
        assert await denied_by(door) == set()
        await put(door, name, bad, at="2015-01-02T15:30:00.001-05:00")
        assert await denied_by(door) == {control}
        await put(door, name, good, at="2015-01-02T15:30:00.002-05:00")
        assert await denied_by(door) == set()
        await door.clock("2015-01-02T15:31:00-05:00")
        assert await denied_by(door) == set(), "the last instant of its time to live"
        await door.clock("2015-01-02T15:31:00.001-05:00")
        assert await denied_by(door) == {control}
        await put(door, name, good, at="2015-01-02T15:31:00.001-05:00")
        assert await denied_by(door) == set()
        query = {"at": "2015-01-02T20:31:00.001Z", "source": "monitor"}
        taken = await door.call("DELETE", f"/v1/facts/{name}", scope="facts:write", params=query)
        assert taken.status_code == 200, taken.text
        assert await denied_by(door) == {control}
    assert len(sent(tmp_path)) == 4


@pytest.mark.requirement("S3-18")
async def test_the_second_source_is_held_to_the_same(tmp_path: Path) -> None:
    """It is asked once the first is too old, and then its age and its spread count."""
    limits = {"quote_age_max_ms": 15_000}
    good = {"bid": "24.50", "ask": "24.54", "last": "24.53"}
    async with opened(tmp_path, limits=limits) as door:
        await put(door, "quote.AAPL", {"bid": "20.00", "ask": "30.00", "last": "25.00"})
        assert await denied_by(door) == set(), "the first is young: the second is not asked"
        await door.clock("2015-01-02T15:30:15-05:00")
        assert await denied_by(door) == set(), "fifteen seconds are not more than fifteen"
        await door.clock("2015-01-02T15:30:15.001-05:00")
        assert await denied_by(door) == {"MKT-01"}, "both are too old"
        await put(door, "quote.AAPL", good, at="2015-01-02T15:30:00.001-05:00")
        assert await denied_by(door) == set(), "the second is young enough by its last instant"
        wide = good | {"bid": "24.00"}
        await put(door, "quote.AAPL", wide, at="2015-01-02T15:30:15.001-05:00")
        assert await denied_by(door) == {"MKT-02"}
    assert len(sent(tmp_path)) == 3
