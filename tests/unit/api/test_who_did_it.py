"""Who did it stands in every entry: each address that makes one records the name of its caller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.access import FILE_NAME, AccessFile
from gateway.api.application import ROUTERS
from gateway.api.auth import required_by
from gateway.ports import Draft
from signing import records
from support.doors import PRICE, Door
from support.switch_desk import SWITCH, Desk, desk_in
from support.tickets import TICKET

pytestmark = [pytest.mark.requirement("S1-13")]

ADMIN, TRADER, OFFICER = "ada", "tom", "rita"
ROLES = {ADMIN: "admin", TRADER: "trader", OFFICER: "risk"}
REASON = {"reason": "a drill"}
TAKES_NO_PART = {
    ("POST", "/v1/alerts/test"): "a message to channels; nothing is recorded",
    ("POST", "/v1/orders/preview"): "nothing is recorded",
    ("POST", "/v1/market/clock"): "the prices' own clock of a simulation; entries hold its time",
    ("PUT", "/v1/facts/{name:path}"): "kept beside the log, with its principal",
    ("DELETE", "/v1/facts/{name:path}"): "kept beside the log",
}
"""Addresses that change something and make no entry of the log."""

Call = Callable[["Doing"], Awaitable[httpx2.Response]]


class Doing:
    """People at a gateway, each with a key of a role."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        data = desk.door.app.settings.data
        self.keys = {name: _key(data, name, role) for name, role in ROLES.items()}

    async def by(self, who: str, method: str, path: str, body: object = None) -> httpx2.Response:
        """Call with somebody's key."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        parts: dict[str, Any] = {} if body is None else {"json": body}
        if path == "/v1/orders" and method == "POST":
            headers["Idempotency-Key"] = f"by-{who}"
        return await self.desk.door.http.request(method, path, headers=headers, **parts)


def _key(data: Path, name: str, role: str) -> str:
    entropy = name.encode().ljust(37, b".")
    return AccessFile(data / FILE_NAME).add(name, role=role, entropy=entropy, now_us=1)


@pytest.fixture
async def doing(tmp_path: Path) -> AsyncGenerator[Doing]:
    async with desk_in(tmp_path) as desk:
        yield Doing(desk)


async def order(doing: Doing) -> httpx2.Response:
    ticket = {**TICKET, "limit_price": PRICE, "time_in_force": "gtc"}
    return await doing.by(TRADER, "POST", "/v1/orders", ticket)


async def cancel(doing: Doing) -> httpx2.Response:
    made = (await order(doing)).json()
    await doing.desk.door.app.pipeline.first_answer(made["order_id"], 10_000)
    return await doing.by(TRADER, "DELETE", f"/v1/orders/{made['order_id']}")


async def replace(doing: Doing) -> httpx2.Response:
    made = (await order(doing)).json()
    await doing.desk.door.app.pipeline.first_answer(made["order_id"], 10_000)
    path = f"/v1/orders/{made['order_id']}"
    return await doing.by(TRADER, "PATCH", path, {"qty": "9", "client_order_id": "another"})


async def cancel_all(doing: Doing) -> httpx2.Response:
    made = (await order(doing)).json()
    await doing.desk.door.app.pipeline.first_answer(made["order_id"], 10_000)
    return await doing.by(TRADER, "DELETE", "/v1/orders?all=true")


async def settle(doing: Doing) -> httpx2.Response:
    made = (await order(doing)).json()
    app = doing.desk.door.app
    await app.pipeline.first_answer(made["order_id"], 10_000)
    ids = {name: made[name] for name in ("order_id", "broker_client_id")}
    lost = ids | {"status": "UNKNOWN", "code": "TEST", "source": "broker"}
    await app.journal.record([Draft("status", lost)])
    body = {"outcome": "adopted", "evidence": "its desk said so", **REASON}
    return await doing.by(OFFICER, "POST", f"/v1/orders/{made['order_id']}/settle", body)


async def resume(doing: Doing) -> httpx2.Response:
    stopped = await doing.desk.door.call("POST", "/v1/kill", scope="operate", json=REASON)
    assert stopped.status_code == 200
    return await doing.by(ADMIN, "POST", "/v1/resume", {"halt_id": "all", **REASON})


async def switch(doing: Doing) -> httpx2.Response:
    digest = doing.desk.releases.turn("tight")
    return await doing.by(ADMIN, "POST", SWITCH, {"digest": digest})


def posts(who: str, path: str, body: dict[str, Any]) -> Call:
    return lambda doing: doing.by(who, "POST", path, body)


CASES: dict[str, tuple[tuple[str, str], Call, str, str, str]] = {
    "order": (("POST", "/v1/orders"), order, "decision", "principal", TRADER),
    "replace": (("PATCH", "/v1/orders/{order_id}"), replace, "replace", "by", TRADER),
    "cancel": (("DELETE", "/v1/orders/{order_id}"), cancel, "cancel", "by", TRADER),
    "cancel all": (("DELETE", "/v1/orders"), cancel_all, "cancel", "by", TRADER),
    "mode": (
        ("POST", "/v1/mode"), posts(ADMIN, "/v1/mode", {"mode": "RESEARCH"}), "mode", "by", ADMIN,
    ),
    "omega4 restored": (
        ("POST", "/v1/omega4"),
        posts(ADMIN, "/v1/omega4", {"lifted": False, **REASON}), "omega4", "by", ADMIN,
    ),
    "omega4 lifted": (
        ("POST", "/v1/omega4"),
        posts(ADMIN, "/v1/omega4", {"lifted": True, **REASON}), "omega4", "by", ADMIN,
    ),
    "exit-only": (
        ("POST", "/v1/exit-only"),
        posts(OFFICER, "/v1/exit-only", {"opened": True, **REASON}), "exit-only", "by", OFFICER,
    ),
    "reconcile": (
        ("POST", "/v1/reconciliation"),
        posts(OFFICER, "/v1/reconciliation", {"account": "*"}), "reconciliation", "by", OFFICER,
    ),
    "settle": (
        ("POST", "/v1/orders/{order_id}/settle"), settle, "settlement", "by", OFFICER,
    ),
    "kill": (("POST", "/v1/kill"), posts(OFFICER, "/v1/kill", REASON), "halt", "by", OFFICER),
    "resume": (("POST", "/v1/resume"), resume, "resume", "by", ADMIN),
    "switch": (("POST", SWITCH), switch, "release", "by", ADMIN),
    "a step to LIVE": (
        ("POST", "/v1/live/steps"),
        posts(ADMIN, "/v1/live/steps", {"step": "risk"}), "unlock", "by", ADMIN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
async def test_the_entry_names_whoever_called(doing: Doing, name: str) -> None:
    _, call, kind, field, who = CASES[name]
    before = len(await doing.desk.log())
    answer = await call(doing)
    assert answer.status_code < 500, answer.text
    made = (await doing.desk.log())[before:]
    said = [payload[field] for found, payload in made if found == kind]
    assert said, (answer.text, made)
    assert said[-1] == who
    assert not {"api", "none", ""} & {payload.get("by", "part") for _, payload in made}


def test_every_address_that_changes_something_has_a_case() -> None:
    changing = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        for method in route.methods - {"GET", "HEAD"}
        if required_by(route) is not None
    }
    assert changing == {address for address, *_ in CASES.values()} | set(TAKES_NO_PART)


async def test_a_fact_names_who_stated_it(doing: Doing) -> None:
    door: Door = doing.desk.door
    body = {"value": "0.1", "at": "2015-01-02T15:30:00-05:00", "ttl_ms": "60000", "source": "m"}
    put = await door.call("PUT", "/v1/facts/model.drift", scope="facts:write", json=body)
    assert put.status_code in (200, 201), put.text
    assert put.json()["principal"] == "facts:write-user"


def test_every_kind_of_entry_says_whose_it_is_or_is_nobodys_doing() -> None:
    """A new kind has to be put here with the reason why nobody's name is in it."""
    nobody = {
        "genesis": "the keys that it pins",
        "certificate": "the identity key that signed it",
        "trust": "the officers' signatures in its evidence",
        "manifest": "the officers' signatures in the evidence of its trust entry",
        "day": "follows from the entries before it",
        "statement": "the broker's word: its source",
        "submission": "done for its decision, which names a principal",
        "execution": "the broker's word about an order",
        "trade-correction": "the broker's word about an execution",
        "anomaly": "the broker's word, as it does not fit the record",
        "external": "the broker's word about an order that is not ours",
        "feed": "the market's own clock and quotes",
        "status": "the broker's word about an order: its source",
        "settlement": "follows from its evidence, unless it names whose word it is",
    }
    named = {
        kind for kind, (fields, _) in records._FIELDS.items() if fields.keys() & {"by", "principal"}
    }
    assert named | set(nobody) == set(records.KINDS)
    assert not named & set(nobody)
