"""Facts over HTTP: who may push what, what is refused, and what it does to the next order."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.doors import Door, opened, problem

NOW = datetime.fromisoformat("2015-01-02T15:30:00-05:00")
"""Where the market clock of a test stands."""
WEEK_MS = "604800000"
GOOD: dict[str, Any] = {
    "model.volatility": "12.5",
    "model.regime": "CALM",
    "model.entropy": "0.1",
    "model.drift": "0.02",
    "model.data_integrity": True,
    "model.protocol_firing": True,
}


async def put(
    door: Door,
    name: str,
    value: object,
    *,
    late_ms: int = 0,
    scope: str = "facts:write",
    **more: Any,
) -> httpx2.Response:
    at = (NOW - timedelta(milliseconds=late_ms)).isoformat()
    body = {"value": value, "at": at, "ttl_ms": "60000", "source": "monitor"} | more
    return await door.call("PUT", f"/v1/facts/{name}", scope=scope, json=body)


async def denied_by(door: Door) -> set[str]:
    """The controls that deny an order now; none where it is allowed."""
    answer = await door.propose()
    if answer.status_code == 201:
        return set()
    document = problem(answer, 403, "order-denied")
    return {reason["control"] for reason in document["reasons"]}


async def standing(door: Door) -> list[str]:
    answer = await door.call("GET", "/v1/facts")
    assert answer.status_code == 200, answer.text
    return [fact["name"] for fact in answer.json()["facts"]]


async def test_a_fact_is_answered_and_listed_as_it_stands(door: Door) -> None:
    answer = await put(door, "model.drift", "0.12341", late_ms=1_500, sequence="7")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "name": "model.drift",
        "value": "0.1235",
        "at": "2015-01-02T20:29:58.500000Z",
        "until": "2015-01-02T20:30:58.500000Z",
        "age_ms": 1_500,
        "ttl_ms": 60_000,
        "source": "monitor",
        "principal": "facts:write-user",
        "sequence": 7,
    }
    listed = await door.call("GET", "/v1/facts")
    assert listed.json() == {"facts": [answer.json()], "next": None}


async def test_a_quote_and_a_rate_are_listed_as_they_were_sent(door: Door) -> None:
    prices = {"bid": "24.5", "ask": "24.51", "last": "24.505"}
    assert (await put(door, "quote.AAPL", prices)).json()["value"] == prices
    assert (await put(door, "fx.EUR", "1.20461234")).json()["value"] == "1.20461234"
    assert (await put(door, "close.AAPL", "24.505")).json()["value"] == "24.505"


async def test_the_list_has_pages(door: Door) -> None:
    for name, value in GOOD.items():
        assert (await put(door, name, value)).status_code == 200
    seen: list[str] = []
    after = ""
    while True:
        query = "?limit=4" + (f"&after={after}" if after else "")
        page = (await door.call("GET", f"/v1/facts{query}")).json()
        seen += [fact["name"] for fact in page["facts"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(GOOD)


async def test_pushing_leaves_no_entry_in_the_log(door: Door) -> None:
    before = await door.entries()
    await put(door, "model.drift", "0.1")
    assert await door.entries() == before


async def test_no_other_key_pushes_facts(door: Door) -> None:
    for scope in set(door.keys) - {"facts:write"}:
        problem(await put(door, "model.drift", "0.1", scope=scope), 403, "scope-missing")
    assert await standing(door) == []


REFUSED: tuple[tuple[str, object, dict[str, Any], int, str], ...] = (
    ("model.temper", "1", {}, 404, "fact-unknown"),
    ("fx.USD", "1", {}, 404, "fact-unknown"),
    ("quote.GME", {"bid": "1", "ask": "2", "last": "1"}, {}, 404, "fact-unknown"),
    ("model.regime", "PANIC", {}, 422, "fact-value-invalid"),
    ("model.data_integrity", "true", {}, 422, "fact-value-invalid"),
    ("model.drift", True, {}, 422, "fact-value-invalid"),
    ("model.drift", "-0.1", {}, 422, "number-malformed"),
    ("model.drift", "NaN", {}, 422, "number-malformed"),
    ("model.drift", 0.5, {}, 422, "invalid-value"),
    ("model.drift", None, {}, 422, "invalid-value"),
    ("model.volatility", "0", {}, 422, "number-not-positive"),
    ("quote.AAPL", "24.5", {}, 422, "fact-value-invalid"),
    ("quote.AAPL", {"bid": "2", "ask": "1", "last": "1"}, {}, 422, "fact-value-invalid"),
    ("quote.AAPL", {"bid": "1.00001", "ask": "2", "last": "1"}, {}, 422, "fact-value-invalid"),
    ("quote.AAPL", {"bid": "1", "ask": "2"}, {}, 422, "invalid-value"),
    ("close.GME", "24.5", {}, 404, "fact-unknown"),
    ("close.AAPL", {"bid": "1", "ask": "2", "last": "1"}, {}, 422, "fact-value-invalid"),
    ("close.AAPL", "24.50001", {}, 422, "fact-value-invalid"),
    ("close.AAPL", "0", {}, 422, "number-not-positive"),
    ("close.AAPL", True, {}, 422, "fact-value-invalid"),
    ("model.drift", "0.1", {"ttl_ms": "0"}, 422, "number-malformed"),
    ("model.drift", "0.1", {"ttl_ms": "604800001"}, 422, "number-malformed"),
    ("model.drift", "0.1", {"ttl_ms": 60_000}, 422, "invalid-value"),
    ("model.drift", "0.1", {"source": "historical"}, 422, "fact-source-reserved"),
    ("model.drift", "0.1", {"source": "a b"}, 422, "invalid-value"),
    ("model.drift", "0.1", {"sequence": "-1"}, 422, "invalid-value"),
    ("model.drift", "0.1", {"sequence": "9999999999999999"}, 422, "number-malformed"),
    ("model.drift", "0.1", {"at": "2015-01-02T15:30:00"}, 422, "time-malformed"),
    ("model.drift", "0.1", {"at": "2015-01-02T15:30:02.001-05:00"}, 422, "fact-from-future"),
    ("model.drift", "0.1", {"at": "2015-01-02T15:28:59-05:00"}, 422, "fact-expired"),
    ("model.drift", "0.1", {"note": "x"}, 422, "invalid-unknown-field"),
)


async def test_what_is_no_fact_is_refused_and_changes_nothing(door: Door) -> None:
    for name, value, more, status, code in REFUSED:
        assert problem(await put(door, name, value, **more), status, code)["remedy"]
    assert await standing(door) == []


async def test_the_future_is_taken_up_to_two_seconds_ahead(door: Door) -> None:
    answer = await put(door, "model.drift", "0.1", late_ms=-2_000)
    assert (answer.status_code, answer.json()["age_ms"]) == (200, 0)
    assert await denied_by(door) == set()


async def test_what_comes_out_of_order_is_refused(door: Door) -> None:
    assert (await put(door, "model.drift", "0.1", late_ms=500)).status_code == 200
    for late_ms in (500, 501):
        problem(await put(door, "model.drift", "0.2", late_ms=late_ms), 409, "fact-out-of-order")
    assert (await put(door, "model.drift", "0.1", late_ms=500)).status_code == 200  # sent twice
    assert (await put(door, "model.drift", "0.3")).json()["value"] == "0.3"


async def test_a_name_belongs_to_the_first_who_speaks_until_it_falls_silent(door: Door) -> None:
    door.keys["second"] = door.new_key("second", "facts:write")
    assert (await put(door, "model.drift", "0.1", late_ms=500)).status_code == 200
    problem(await put(door, "model.drift", "0.2", scope="second"), 409, "fact-source")
    problem(await put(door, "model.drift", "0.2", source="other"), 409, "fact-source")
    assert (await door.clock("2015-01-02T15:31:00-05:00")).status_code == 200
    later = "2015-01-02T15:31:00-05:00"
    assert (await put(door, "model.drift", "0.2", scope="second", at=later)).status_code == 200


@pytest.mark.requirement("S1-14")
async def test_values_at_their_limits_are_allowed(door: Door) -> None:
    at_limits = {"model.volatility": "40", "model.entropy": "0.8", "model.drift": "0.5"}
    for name, value in at_limits.items():
        assert (await put(door, name, value)).status_code == 200
    for late_ms, regime in ((3, "CALM"), (2, "NORMAL"), (1, "STRESSED")):
        assert (await put(door, "model.regime", regime, late_ms=late_ms)).status_code == 200
        assert await denied_by(door) == set()


@pytest.mark.requirement("S1-14")
@pytest.mark.parametrize(
    ("name", "value", "control"),
    [
        pytest.param(name, value, control, marks=pytest.mark.requirement(row), id=control)
        for name, value, control, row in (
            ("model.entropy", "0.8001", "MOD-03", "S1-09"),
            ("model.drift", "0.5001", "MOD-04", "S1-09"),
            ("model.data_integrity", False, "MOD-05", "S1-10"),
            ("model.protocol_firing", False, "MOD-06", "S1-11"),
        )
    ],
)
async def test_a_pushed_fact_counts_with_the_next_order(
    door: Door, name: str, value: object, control: str
) -> None:
    assert await denied_by(door) == set()
    assert (await put(door, name, value)).status_code == 200
    assert await denied_by(door) == {control}


@pytest.mark.requirement("W-05")
@pytest.mark.requirement("S1-14")
async def test_a_denial_says_what_was_observed_and_what_to_do(door: Door) -> None:
    await put(door, "model.drift", "0.75")
    [reason] = problem(await door.propose(), 403, "order-denied")["reasons"]
    assert reason["control"] == "MOD-04"
    assert reason["title"] == "Drift check"
    assert (reason["observed"], reason["limit"]) == (7_500, 5_000)
    assert "validated anew" in reason["remedy"]
    assert reason["fix103"] == 21


@pytest.mark.requirement("S2-03")
async def test_a_pushed_volatility_above_the_limit_is_a_halt_that_cancels(door: Door) -> None:
    waiting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
    assert waiting.json()["status"] == "ACKNOWLEDGED", waiting.text
    assert (await put(door, "model.volatility", "40.0001")).status_code == 200
    halts = (await door.call("GET", "/v1/halts")).json()["halts"]
    assert [(halt["cause"], halt["observed"]) for halt in halts] == [("OMEGA2_VOLATILITY", 400_001)]
    assert {"MOD-01", "OMEGA-2"} <= await denied_by(door)
    order = await door.call("GET", f"/v1/orders/{waiting.json()['order_id']}")
    for _ in range(6_000):
        if order.json()["status"] == "CANCELED":
            break
        await asyncio.sleep(0.01)
        order = await door.call("GET", f"/v1/orders/{waiting.json()['order_id']}")
    assert order.json()["status"] == "CANCELED"


@pytest.mark.requirement("S2-03")
async def test_a_low_pushed_volatility_does_not_hide_the_index(door: Door) -> None:
    assert (await door.clock("2015-08-24T15:30:00-04:00")).status_code == 200
    for halt in (await door.call("GET", "/v1/halts")).json()["halts"]:
        body = {"halt_id": halt["halt_id"], "reason": "test"}
        assert (await door.call("POST", "/v1/resume", scope="admin", json=body)).status_code == 200
    answer = await put(door, "model.volatility", "10", at="2015-08-24T15:30:00-04:00")
    assert answer.status_code == 200
    halts = (await door.call("GET", "/v1/halts")).json()["halts"]
    assert [(halt["cause"], halt["observed"]) for halt in halts] == [("OMEGA2_VOLATILITY", 407_400)]


@pytest.mark.requirement("S1-09")
async def test_a_service_that_falls_silent_stops_trading_and_is_not_replaced(door: Door) -> None:
    await put(door, "model.drift", "0.01", ttl_ms="1000")
    assert (await door.clock("2015-01-02T15:30:01-05:00")).status_code == 200
    assert await denied_by(door) == set()
    assert (await door.clock("2015-01-02T15:30:01.001-05:00")).status_code == 200
    assert await denied_by(door) == {"MOD-04"}
    assert await standing(door) == []


async def test_the_value_that_counted_stands_in_the_input_of_the_decision(door: Door) -> None:
    await put(door, "model.entropy", "0.9", late_ms=250)
    document = problem(await door.propose(), 403, "order-denied")
    model = (await inputs(door, document["decision_id"]))["model"]
    assert model["entropy_e4"] == {"value": 9_000, "age_ms": 250, "source": "monitor"}
    assert model["drift_e4"]["source"] == "historical"


@pytest.mark.requirement("S3-18")
async def test_a_pushed_quote_stands_in_for_one_that_is_too_old(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"quote_age_max_ms": 15_000}) as door:
        await put(door, "quote.AAPL", {"bid": "24.5", "ask": "24.6", "last": "24.55"})
        fresh = (await door.propose(qty="1")).json()
        assert (await inputs(door, fresh["decision_id"]))["market"]["source"] == "primary"
        assert (await door.clock("2015-01-02T15:31:00-05:00")).status_code == 200
        assert "MKT-01" in await denied_by(door)
        now = "2015-01-02T15:31:00-05:00"
        sent = {"bid": "24.51", "ask": "24.53", "last": "24.52"}
        assert (await put(door, "quote.AAPL", sent, at=now)).status_code == 200
        answer = await door.propose(qty="1")
        assert answer.status_code == 201, answer.text
        market = (await inputs(door, answer.json()["decision_id"]))["market"]
        assert (market["source"], market["bid"], market["ask"]) == ("secondary", 245_100, 245_300)
        assert market["age_ms"] == 0


async def inputs(door: Door, decision_id: str) -> dict[str, Any]:
    """The input document of a recorded decision."""
    found = await door.app.ledger.entry(decision_id)
    assert found is not None
    blob = await door.app.ledger.document(found[1]["input_digest"])
    assert blob is not None
    return json.loads(blob)


async def test_a_restart_knows_nothing_that_was_pushed(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await put(door, "model.drift", "0.9", ttl_ms=WEEK_MS)
        assert await denied_by(door) == {"MOD-04"}
    async with opened(tmp_path, lifted=False) as door:
        assert await standing(door) == []


async def test_without_a_market_nothing_is_known_until_it_is_pushed(tmp_path: Path) -> None:
    async with opened(tmp_path, market="none", accounts={"primary": {"broker": "null"}}) as door:
        models = {f"MOD-0{number}" for number in range(1, 7)}
        assert models <= await denied_by(door)
        now = (await door.call("GET", "/v1/market/clock")).json()["now"]
        for name, value in GOOD.items():
            if name != "model.volatility":
                answer = await put(door, name, value, at=now, ttl_ms=WEEK_MS)
                assert answer.status_code == 200, answer.text
        assert models & await denied_by(door) == {"MOD-01"}


async def test_racing_writers_leave_one_source_and_the_newest_instant(door: Door) -> None:
    for number in range(4):
        door.keys[f"writer-{number}"] = door.new_key(f"writer-{number}", "facts:write")
    answers = await asyncio.gather(
        *(
            put(
                door,
                "model.drift",
                f"0.{number}{late_ms + 1}",
                late_ms=late_ms,
                scope=f"writer-{number}",
                source=f"source-{number}",
            )
            for late_ms in range(8, -1, -1)
            for number in range(4)
        )
    )
    taken = [answer.json() for answer in answers if answer.status_code == 200]
    refused = {answer.json()["code"] for answer in answers if answer.status_code != 200}
    assert refused <= {"fact-source", "fact-out-of-order"}
    assert len({fact["principal"] for fact in taken}) == 1
    assert len({fact["source"] for fact in taken}) == 1
    instants = [fact["at"] for fact in taken]
    [last] = (await door.call("GET", "/v1/facts")).json()["facts"]
    assert last["at"] == max(instants)
    assert len(set(instants)) == len(instants)


@pytest.mark.requirement("S1-09")
async def test_orders_that_race_a_fact_to_its_end_are_each_decided_by_what_their_input_says(
    door: Door,
) -> None:
    await put(door, "model.drift", "0.01", ttl_ms="1000")

    async def propose() -> tuple[str, bool]:
        answer = await door.propose(qty="1", limit_price="24.00")
        document = answer.json()
        if answer.status_code == 201:
            return document["decision_id"], True
        reasons = {reason["control"] for reason in document["reasons"]}
        assert reasons == {"MOD-04"}, document
        return document["decision_id"], False

    async def expire() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        answer = await door.clock("2015-01-02T15:30:01.001-05:00")
        assert answer.status_code == 200

    first = [asyncio.create_task(propose()) for _ in range(3)]
    await asyncio.sleep(0.02)
    moving = asyncio.create_task(expire())
    second = [asyncio.create_task(propose()) for _ in range(3)]
    await moving
    decided = [await task for task in (*first, *second)] + [await propose()]
    for decision_id, allowed in decided:
        model = (await inputs(door, decision_id))["model"]
        assert ("drift_e4" in model) is allowed
    assert not decided[-1][1]
