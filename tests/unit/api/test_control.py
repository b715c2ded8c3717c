"""Mode, Ω4, kill and resume over HTTP: who may, what is refused, and what it does at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.halt import Scope
from signing.verify import verify_log
from support.doors import PRICE, Door, opened, problem
from support.tickets import TICKET

REASON = {"reason": "test"}


async def denied_by(door: Door, **changes: Any) -> set[str]:
    """The controls that deny an order now."""
    document = problem(await door.propose(**changes), 403, "order-denied")
    return {reason["control"] for reason in document["reasons"]}


@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("mode", ["PAPER", "LIVE"])
async def test_paper_and_live_are_refused_with_the_reason(door: Door, mode: str) -> None:
    answer = await door.call("POST", "/v1/mode", scope="admin", json={"mode": mode})
    document = problem(answer, 409, "mode-unavailable")
    assert mode in document["detail"]
    assert (await door.call("GET", "/v1/mode")).json()["mode"] == "SIMULATION"


@pytest.mark.requirement("S1-01")
async def test_the_mode_is_changed_on_the_record(door: Door) -> None:
    answer = await door.call("POST", "/v1/mode", scope="admin", json={"mode": "RESEARCH"})
    assert (answer.json()["mode"], answer.json()["forwards"]) == ("RESEARCH", False)
    assert (await door.propose()).json()["label"] == "research"


async def test_an_unknown_mode_is_refused(door: Door) -> None:
    for mode in ("research", "", "DEMO", None, True):
        answer = await door.call("POST", "/v1/mode", scope="admin", json={"mode": mode})
        problem(answer, 422, "invalid-value")


@pytest.mark.requirement("S2-04")
async def test_omega4_denies_until_it_is_lifted_and_again_when_restored(tmp_path: Path) -> None:
    async with opened(tmp_path, lifted=False) as door:
        assert await denied_by(door) == {"OMEGA-4"}
        await door.lift()
        assert (await door.propose()).status_code == 201
        restored = await door.call(
            "POST", "/v1/omega4", scope="admin", json={"lifted": False, **REASON}
        )
        assert restored.json()["omega4"] == {"lifted": False, "until": None}
        assert await denied_by(door) == {"OMEGA-4"}


async def labels(door: Door) -> set[str | None]:
    """The label of a proposal, wherever it is told."""
    proposed = (await door.propose()).json()
    decision_id, order_id = proposed["decision_id"], proposed["order_id"]
    detail = (await door.call("GET", f"/v1/decisions/{decision_id}")).json()
    ticket = {**TICKET, "limit_price": PRICE}
    told = [
        proposed,
        detail,
        (await door.call("GET", f"/v1/orders/{order_id}")).json(),
        (await door.call("GET", f"/v1/orders/{order_id}/attempt")).json(),
        (await door.call("POST", "/v1/orders/preview", scope="propose", json=ticket)).json(),
    ]
    recorded = detail["record"]["label"]
    return {one["label"] for one in told} | {None if recorded == "none" else recorded}


@pytest.mark.requirement("S2-04")
async def test_every_output_is_labelled_research_until_omega4_is_lifted(tmp_path: Path) -> None:
    async with opened(tmp_path, lifted=False) as door:
        assert await labels(door) == {"research"}
        await door.lift()
        assert await labels(door) == {"unsigned"}
        await door.call("POST", "/v1/mode", scope="admin", json={"mode": "RESEARCH"})
        assert await labels(door) == {"research"}
        await door.app.ledger.publish_now()
        assert verify_log(door.app.log_dir, door.app.vkey).ok


@pytest.mark.requirement("S2-04")
async def test_a_lift_may_have_an_end(door: Door) -> None:
    body = {"lifted": True, "until": "2090-01-01T00:00:00+02:00", **REASON}
    answer = await door.call("POST", "/v1/omega4", scope="admin", json=body)
    assert answer.json()["omega4"]["until"] == "2089-12-31T22:00:00.000000Z"
    body["until"] = "2015-01-01T00:00:00Z"
    problem(await door.call("POST", "/v1/omega4", scope="admin", json=body), 422, "time-past")
    for until in ("2090-01-01", "2090-01-01T00:00:00", "soon", "9" * 40, "1969-01-01T00:00:00Z"):
        answer = await door.call("POST", "/v1/omega4", scope="admin", json={**body, "until": until})
        problem(answer, 422, "time-malformed")


@pytest.mark.requirement("S2-03")
async def test_a_kill_denies_the_next_request_and_cancels_open_orders(door: Door) -> None:
    resting = await door.propose(limit_price="23.90", time_in_force="gtc")
    order_id = resting.json()["order_id"]
    await door.propose(headers={"Prefer": "wait=30"})
    killed = await door.call("POST", "/v1/kill", scope="operate", json=REASON)
    halt = killed.json()
    assert (halt["scope"], halt["name"], halt["cancels"]) == ("global", "*", True)
    assert (halt["clear_by"], halt["by"]) == ("admin", "operate-user")
    assert await denied_by(door) == {"OMEGA-2"}
    [standing] = (await door.call("GET", "/v1/halts")).json()["halts"]
    # What was not cancelled yet when the kill answered may have been cancelled since.
    whichever = {"uncancelled_count": 0, "uncancelled": []}
    assert standing | whichever == halt | whichever
    assert (await door.call("GET", "/v1/mode")).json()["halted"] is True
    order = (await door.call("GET", f"/v1/orders/{order_id}")).json()
    assert order["status"] in ("PENDING_CANCEL", "CANCELED")


@pytest.mark.requirement("S2-03")
async def test_only_an_admin_resumes_and_by_name(door: Door) -> None:
    halt = (await door.call("POST", "/v1/kill", scope="operate", json=REASON)).json()
    body = {"halt_id": halt["halt_id"], **REASON}
    for scope, code in (("propose", "scope-missing"), ("read", "scope-missing")):
        problem(await door.call("POST", "/v1/resume", scope=scope, json=body), 403, code)
    answer = await door.call("POST", "/v1/resume", scope="operate", json=body)
    problem(answer, 409, "halt-not-yours")
    assert await denied_by(door) == {"OMEGA-2"}
    answer = await door.call("POST", "/v1/resume", scope="admin", json=body)
    assert answer.json()["halts"] == [halt]
    assert (await door.propose()).status_code == 201
    answer = await door.call("POST", "/v1/resume", scope="admin", json=body)
    problem(answer, 404, "halt-not-standing")


async def test_all_halts_are_resumed_at_once(door: Door) -> None:
    for scope in ({"kind": "symbol", "name": "KO"}, {"kind": "strategy", "name": "s-1"}):
        body = {"scope": scope, **REASON}
        await door.call("POST", "/v1/kill", scope="operate", json=body)
    answer = await door.call("POST", "/v1/resume", scope="admin", json={"halt_id": "all", **REASON})
    assert len(answer.json()["halts"]) == 2
    assert (await door.call("GET", "/v1/halts")).json()["halts"] == []


async def test_whoever_may_not_lift_every_halt_lifts_none_of_them(door: Door) -> None:
    """An operator's halt came first; the one behind it is an admin's."""
    await door.app.halting.halt(
        cause="DRIFT", scope=Scope("symbol", "KO"), by="test", clear_by="operator"
    )
    await door.call("POST", "/v1/kill", scope="operate", json=REASON)
    entries = await door.entries()
    body = {"halt_id": "all", **REASON}
    answer = await door.call("POST", "/v1/resume", scope="operate", json=body)
    problem(answer, 409, "halt-not-yours")
    assert len((await door.call("GET", "/v1/halts")).json()["halts"]) == 2
    assert await door.entries() == entries


async def test_two_who_lift_all_halts_at_once_both_succeed(door: Door) -> None:
    for name in ("KO", "AAPL", "MSFT"):
        body = {"scope": {"kind": "symbol", "name": name}, **REASON}
        await door.call("POST", "/v1/kill", scope="operate", json=body)
    body = {"halt_id": "all", **REASON}
    answers = await asyncio.gather(
        *(door.call("POST", "/v1/resume", scope="admin", json=body) for _ in range(2))
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    lifted = [halt["name"] for answer in answers for halt in answer.json()["halts"]]
    assert sorted(lifted) == ["AAPL", "KO", "MSFT"], "each by one of them"
    assert (await door.call("GET", "/v1/halts")).json()["halts"] == []


@pytest.mark.requirement("S2-03")
async def test_a_stricter_kill_stands_beside_the_one_that_lets_exits_through(door: Door) -> None:
    kinds = ({"reduce_allowed": True}, {}, {}, {"reduce_allowed": True})
    answers = [
        (await door.call("POST", "/v1/kill", scope="operate", json=REASON | kind)).json()
        for kind in kinds
    ]
    lax, strict, again, _ = (answer["halt_id"] for answer in answers)
    assert (strict != lax, again == strict) == (True, True)
    assert [answer["reduce_allowed"] for answer in answers[:2]] == [True, False]
    standing = (await door.call("GET", "/v1/halts")).json()["halts"]
    assert [halt["halt_id"] for halt in standing] == [lax, strict]


@pytest.mark.parametrize(
    ("scope", "covered", "free"),
    [
        ({"kind": "account", "name": "primary"}, {}, None),
        ({"kind": "symbol", "name": "AAPL"}, {}, {"symbol": "KO", "limit_price": "32.20"}),
        ({"kind": "strategy", "name": "s-1"}, {"strategy_id": "s-1"}, {"strategy_id": "s-2"}),
    ],
)
async def test_a_kill_may_be_narrow(
    door: Door, scope: dict[str, str], covered: dict[str, Any], free: dict[str, Any] | None
) -> None:
    await door.call("POST", "/v1/kill", scope="operate", json={"scope": scope, **REASON})
    assert await denied_by(door, **covered) == {"OMEGA-2"}
    if free is not None:
        assert (await door.propose(**free)).status_code == 201


async def test_a_narrow_kill_cancels_what_it_covers_and_nothing_else(door: Door) -> None:
    covered = (await door.propose(limit_price="23.90", time_in_force="gtc")).json()
    spared = (await door.propose(symbol="KO", limit_price="31.20", time_in_force="gtc")).json()
    await door.app.pipeline.quiesce()
    body = {"scope": {"kind": "symbol", "name": "AAPL"}, **REASON}
    await door.call("POST", "/v1/kill", scope="operate", json=body)
    statuses = [
        (await door.call("GET", f"/v1/orders/{order['order_id']}")).json()["status"]
        for order in (covered, spared)
    ]
    assert statuses[0] in ("PENDING_CANCEL", "CANCELED")
    assert statuses[1] == "ACKNOWLEDGED"


async def test_a_reason_is_one_line_of_text(door: Door) -> None:
    headers = {"Content-Type": "application/json"}
    for reason in ("", " ", "x" * 201, "two\nlines", "NUL\x00", "\u202eevil", "\ud800", None, 5):
        content = json.dumps({"reason": reason})
        answer = await door.call(
            "POST", "/v1/kill", scope="operate", content=content, headers=headers
        )
        problem(answer, 422, "invalid-value")
    assert (await door.call("GET", "/v1/halts")).json()["halts"] == []


UNKNOWN_SCOPES: list[Any] = [
    {"kind": "venue", "name": "x"},
    {"kind": "symbol"},
    {"kind": "symbol", "name": ""},
    {"kind": "symbol", "name": "a b"},
    {"kind": "symbol", "name": "AAPL", "more": "x"},
    "global",
]


async def test_an_unknown_scope_of_a_kill_is_refused(door: Door) -> None:
    for scope in UNKNOWN_SCOPES:
        body = {"scope": scope, **REASON}
        answer = await door.call("POST", "/v1/kill", scope="operate", json=body)
        assert answer.status_code == 422, scope
    assert (await door.propose()).status_code == 201


async def test_halts_the_lift_and_the_keys_survive_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        halt = (await door.call("POST", "/v1/kill", scope="operate", json=REASON)).json()
        old_key = door.keys["read"]
        order = (await door.propose(key="k")).json()
    async with opened(tmp_path, lifted=False) as door:
        door.keys["read"] = old_key
        assert (await door.call("GET", "/v1/halts")).json()["halts"] == [halt]
        assert (await door.call("GET", "/v1/mode")).json()["omega4"]["lifted"] is True
        assert await denied_by(door) == {"OMEGA-2"}
        kept = await door.call("GET", f"/v1/orders/{order['order_id']}")
        assert kept.json()["status"] == "DENIED"
