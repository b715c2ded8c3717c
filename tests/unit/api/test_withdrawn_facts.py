"""Facts taken back over HTTP: who may, as of when, and what it does to the next order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.doors import Door, opened, problem

NOW = "2015-01-02T15:30:00-05:00"
"""Where the market clock of a test stands."""


async def put(door: Door, name: str, value: object, at: str = NOW, **more: Any) -> httpx2.Response:
    body = {"value": value, "at": at, "ttl_ms": "60000", "source": "monitor"} | more
    return await door.call("PUT", f"/v1/facts/{name}", scope="facts:write", json=body)


async def withdraw(
    door: Door, name: str, *, scope: str = "facts:write", key: str | None = None, **query: str
) -> httpx2.Response:
    params = {"at": NOW, "source": "monitor"} | query
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    asked = None if key else scope
    path = f"/v1/facts/{name}"
    return await door.call("DELETE", path, scope=asked, headers=headers, params=params)


async def denied_by(door: Door) -> set[str]:
    """The controls that deny an order now; none where it is allowed."""
    answer = await door.propose()
    if answer.status_code == 201:
        return set()
    return {one["control"] for one in problem(answer, 403, "order-denied")["reasons"]}


@pytest.mark.requirement("S1-09")
async def test_a_fact_taken_back_is_not_known_and_nothing_speaks_for_it(door: Door) -> None:
    assert (await put(door, "model.drift", "0.01")).status_code == 200
    assert await denied_by(door) == set()
    await door.app.pipeline.quiesce()
    entries = await door.entries()
    answer = await withdraw(door, "model.drift")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "name": "model.drift",
            "at": "2015-01-02T20:30:00.000000Z",
            "source": "monitor",
            "principal": "facts:write-user",
        },
    )
    assert (await door.call("GET", "/v1/facts")).json()["facts"] == []
    assert await denied_by(door) == {"MOD-04"}, "the stated model does not stand in"
    again = await withdraw(door, "model.drift")
    assert (again.status_code, again.json()) == (200, answer.json()), "sent twice is one"
    assert await door.entries() == entries + 1, "the denial; facts are no entries"
    later = "2015-01-02T15:30:01-05:00"
    problem(await put(door, "model.drift", "0.01"), 409, "fact-out-of-order")
    assert (await put(door, "model.drift", "0.01", at=later)).status_code == 200
    assert await denied_by(door) == set()


async def test_a_fact_is_taken_back_by_whoever_said_it_and_not_before_it_was_said(
    door: Door,
) -> None:
    assert (await put(door, "model.drift", "0.01")).status_code == 200
    other = door.new_key("other", "facts:write")
    for code, status, more in (
        ("fact-source", 409, {"source": "another"}),
        ("fact-source", 409, {"key": other}),
        ("fact-out-of-order", 409, {"at": "2015-01-02T15:29:59-05:00"}),
        ("fact-from-future", 422, {"at": "2015-01-02T15:30:02.000001-05:00"}),
        ("fact-source-reserved", 422, {"source": "historical"}),
        ("time-malformed", 422, {"at": "now"}),
        ("invalid-value", 422, {"source": "a b"}),
        ("invalid-unknown-field", 422, {"value": "0.2"}),
        ("scope-missing", 403, {"scope": "operate"}),
    ):
        problem(await withdraw(door, "model.drift", **more), status, code)
        assert len((await door.call("GET", "/v1/facts")).json()["facts"]) == 1, code
    problem(await withdraw(door, "model.entropy"), 404, "fact-not-held")
    problem(await withdraw(door, "no.fact"), 404, "fact-not-held")
    bare = await door.call("DELETE", "/v1/facts/model.drift", scope="facts:write")
    problem(bare, 422, "invalid-missing-field")
    assert await denied_by(door) == set()


@pytest.mark.requirement("S2-03")
async def test_where_nothing_else_tells_of_calm_its_end_is_a_halt_before_the_answer(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    null = {"primary": {"broker": "null", "opening_cash": "100000"}}
    async with opened(tmp_path, market="none", accounts=null) as door:
        answer = await put(door, "model.volatility", "12.5", at=now.isoformat())
        assert answer.status_code == 200, answer.text
        before = (await door.call("GET", "/v1/halts")).json()["halts"]
        assert before == [], "its day is not open, which is not the doing of a word of volatility"
        taken = await withdraw(door, "model.volatility", at=now.isoformat())
        assert taken.status_code == 200, taken.text
        after = (await door.call("GET", "/v1/halts")).json()["halts"]
        [halt] = [halt for halt in after if halt["cause"] == "OMEGA2_VOLATILITY"]
        assert (halt["cause"], halt["cancels"]) == ("OMEGA2_VOLATILITY", True)
        assert halt["observed"] is None, "nobody knows"


async def test_where_an_index_tells_of_calm_the_end_of_a_pushed_value_denies_and_halts_nothing(
    door: Door,
) -> None:
    assert (await put(door, "model.volatility", "12.5")).status_code == 200
    assert (await withdraw(door, "model.volatility")).status_code == 200
    assert (await door.call("GET", "/v1/halts")).json()["halts"] == []
    assert await denied_by(door) == {"MOD-01"}
