"""What holds for every route: keys, scopes, problems, bounds, and a true OpenAPI document."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api import create_api
from gateway.api.access import FILE_NAME, AccessFile
from gateway.api.bounds import Bounds
from support.doors import Door, problem

NEEDS = {
    ("POST", "/v1/orders"): {"propose"},
    ("POST", "/v1/orders/preview"): {"propose"},
    ("GET", "/v1/orders"): {"read"},
    ("GET", "/v1/orders/x"): {"read"},
    ("DELETE", "/v1/orders/x"): {"cancel"},
    ("GET", "/v1/orders/x/attempt"): {"read"},
    ("PATCH", "/v1/orders/x"): {"propose"},
    ("DELETE", "/v1/orders"): {"cancel"},
    ("POST", "/v1/orders/x/settle"): {"operate"},
    ("GET", "/v1/doubt"): {"read"},
    ("GET", "/v1/reconciliation"): {"read"},
    ("POST", "/v1/reconciliation"): {"operate"},
    ("GET", "/v1/brokers/x/history"): {"audit:read"},
    ("GET", "/v1/decisions/x"): {"read"},
    ("GET", "/v1/decisions/x/receipt"): {"read"},
    ("GET", "/log/checkpoint"): {"audit:read"},
    ("GET", "/v1/account"): {"read"},
    ("GET", "/v1/positions"): {"read"},
    ("GET", "/v1/fills"): {"read"},
    ("GET", "/v1/pnl"): {"read"},
    ("GET", "/v1/market/bars"): {"read"},
    ("GET", "/v1/market/quotes"): {"read"},
    ("GET", "/v1/market/clock"): {"read"},
    ("POST", "/v1/market/clock"): {"admin"},
    ("GET", "/v1/facts"): {"read"},
    ("PUT", "/v1/facts/model.drift"): {"facts:write"},
    ("DELETE", "/v1/facts/model.drift"): {"facts:write"},
    ("GET", "/v1/mode"): {"read"},
    ("POST", "/v1/mode"): {"admin"},
    ("POST", "/v1/omega4"): {"admin"},
    ("POST", "/v1/exit-only"): {"admin", "risk"},
    ("GET", "/v1/manifests"): {"read"},
    ("POST", "/v1/kill"): {"operate"},
    ("POST", "/v1/resume"): {"admin", "operate"},
    ("GET", "/v1/halts"): {"read"},
    ("GET", "/v1/policy/active"): {"read"},
    ("GET", "/v1/policy/controls"): {"read"},
    ("GET", "/v1/policy/releases/current/bundle.tar.gz"): {"policy:read"},
    ("POST", "/v1/policy/switch"): {"admin"},
    ("GET", "/v1/secrets"): {"admin", "operate"},
    ("POST", "/v1/live/steps"): {"admin"},
    ("POST", "/v1/live/confirmation"): None,
    ("POST", "/v1/live/confirmation/answer"): None,
    ("POST", "/v1/passkeys/registration"): None,
    ("POST", "/v1/passkeys/registration/answer"): None,
    ("GET", "/v1/alerts"): {"read"},
    ("POST", "/v1/alerts/test"): {"operate"},
    ("GET", "/metrics"): {"read"},
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
}
"""Every route and the scopes of which one is needed; ``None``: no key."""

EXAMPLES = {"path": "checkpoint", "name": "model.drift", "release": "current"}
"""What stands in a path for its parameter; an identifier is ``x``."""


def documented_routes(door: Door) -> dict[tuple[str, str], dict[str, Any]]:
    paths = create_api(door.app).openapi()["paths"]
    return {
        (method.upper(), re.sub(r"{(\w+)}", lambda m: EXAMPLES.get(m[1], "x"), path)): operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


async def test_the_table_of_scopes_names_every_route(door: Door) -> None:
    assert set(documented_routes(door)) == set(NEEDS)


async def test_every_route_wants_a_key_and_its_scope(door: Door) -> None:
    for (method, path), scopes in NEEDS.items():
        if scopes is None:
            continue
        missing = await door.call(method, path, scope=None)
        problem(missing, 401, "key-missing")
        assert missing.headers["www-authenticate"] == "Bearer"
        for bad in ("Bearer writ_aaaaaaaa_" + "A" * 43, "Basic eDp5", "Bearer ", "bearer x"):
            answer = await door.call(method, path, scope=None, headers={"Authorization": bad})
            assert answer.status_code == 401
        for scope in door.keys:
            answer = await door.call(method, path, scope=scope)
            if scope in scopes:
                assert answer.status_code not in (401, 403), (method, path, scope)
            else:
                problem(answer, 403, "scope-missing")


async def test_a_revoked_key_stops_working_with_the_next_request(door: Door) -> None:
    key = door.new_key("temp", "read")
    headers = {"Authorization": f"Bearer {key}"}
    assert (await door.call("GET", "/v1/mode", scope=None, headers=headers)).status_code == 200
    AccessFile(door.app.settings.data / FILE_NAME).revoke("temp", now_us=1)
    answer = await door.call("GET", "/v1/mode", scope=None, headers=headers)
    problem(answer, 401, "key-invalid")


async def test_an_access_file_that_others_can_read_lets_nobody_in(door: Door) -> None:
    path = door.app.settings.data / "access.json"
    path.chmod(0o644)
    problem(await door.call("GET", "/v1/mode"), 503, "access-file-unsafe")
    path.chmod(0o600)
    assert (await door.call("GET", "/v1/mode")).status_code == 200


async def test_unknown_addresses_and_methods_are_problems_too(door: Door) -> None:
    for path in ("/", "/v1", "/v2/orders", "/v1/orders/", "/docs", "/redoc", "/v1/orders/x/y"):
        problem(await door.call("GET", path), 404, "not-found")
    answer = await door.call("PUT", "/v1/orders")
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]
    headers = {"X-HTTP-Method-Override": "DELETE"}
    answer = await door.call("GET", "/v1/orders/x", scope="cancel", headers=headers)
    problem(answer, 403, "scope-missing")  # it stayed a GET


async def test_a_header_that_decides_may_be_sent_once(door: Door) -> None:
    for name in ("Authorization", "Idempotency-Key", "Content-Type", "Prefer", "Host"):
        answer = await door.http.get("/v1/mode", headers=[(name, "a"), (name, "b")])
        problem(answer, 400, "header-duplicate")


async def test_what_is_too_long_is_refused(door: Door) -> None:
    problem(await door.call("GET", "/v1/orders/" + "x" * 3_000), 414, "target-too-long")
    answer = await door.call("GET", "/v1/mode", headers={"X-Long": "x" * 20_000})
    problem(answer, 431, "headers-too-large")
    answer = await door.call("GET", "/v1/mode", headers={f"X-{n}": "1" for n in range(80)})
    problem(answer, 431, "headers-too-large")


async def test_answers_are_not_to_be_kept_or_guessed_at(door: Door) -> None:
    for path in ("/v1/mode", "/v1/orders/nope", "/nope", "/healthz"):
        answer = await door.call("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_a_route_may_give_is_documented(door: Door) -> None:
    api = create_api(door.app).openapi()
    assert api["components"]["schemas"]["Problem"]["properties"]["code"]
    for (method, path), operation in documented_routes(door).items():
        statuses = set(operation["responses"])
        expected = {"400", "408", "413", "414", "431", "500", "503"}
        if NEEDS[method, path] is not None:
            expected |= {"401", "403"}
        if method in ("POST", "PUT"):
            expected |= {"415", "422"}
            assert operation["requestBody"]["content"]["application/json"]["schema"]
        assert expected <= statuses, (method, path)
        for status, response in operation["responses"].items():
            if status >= "400":
                assert set(response["content"]) == {"application/problem+json"}, (path, status)


async def test_the_openapi_document_says_how_a_ticket_looks(door: Door) -> None:
    schema = documented_routes(door)["POST", "/v1/orders"]["requestBody"]["content"][
        "application/json"
    ]["schema"]
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"account", "symbol", "side", "type", "qty"}
    assert schema["properties"]["qty"]["type"] == "string"
    assert schema["properties"]["qty"]["pattern"]
    assert schema["properties"]["side"]["enum"] == ["buy", "sell", "sell_short"]
    assert {"type": "null"} in schema["properties"]["replaces"]["anyOf"]


async def answer_of(app: ASGIApp, messages: Sequence[Message] = (), **scope: Any) -> list[Message]:
    """Drive an ASGI application by hand; with no message left, the body never comes."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    full = {
        "type": "http",
        "method": "POST",
        "path": "/v1/orders",
        "raw_path": b"/v1/orders",
        "query_string": b"",
        "headers": [],
        **scope,
    }
    await app(full, receive, send)
    return sent


async def test_a_body_that_does_not_arrive_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.bounds.BODY_TIMEOUT_MS", 50)
    headers = [
        (b"authorization", f"Bearer {door.keys['propose']}".encode()),
        (b"content-type", b"application/json"),
        (b"idempotency-key", b"k"),
    ]
    first: Message = {"type": "http.request", "body": b'{"acc', "more_body": True}
    start, body = await answer_of(create_api(door.app), [first], headers=headers)
    assert start["status"] == 408
    assert b"body-slow" in body["body"]


async def test_a_body_that_grows_is_cut_off_while_it_is_read(door: Door) -> None:
    headers = [
        (b"authorization", f"Bearer {door.keys['propose']}".encode()),
        (b"content-type", b"application/json"),
    ]
    part: Message = {"type": "http.request", "body": b"x" * 40_000, "more_body": True}
    start, body = await answer_of(create_api(door.app), [part] * 5, headers=headers)
    assert start["status"] == 413
    assert b"body-too-large" in body["body"]


@pytest.mark.parametrize("length", [b"70000", b"9" * 5_000, b"-1", b"1e3", b"+5", "１".encode()])
async def test_a_body_is_refused_by_its_announced_length(length: bytes) -> None:
    async def never(*_args: Any) -> None:
        raise AssertionError

    start, _ = await answer_of(Bounds(never), headers=[(b"content-length", length)])
    assert start["status"] in (400, 413)


async def test_only_so_many_requests_are_under_way() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        entered.set()
        await leave.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    bounded = Bounds(slow, requests_max=1)
    first = asyncio.create_task(answer_of(bounded))
    await entered.wait()
    start, body = await answer_of(bounded)
    assert start["status"] == 503
    assert b"gateway-busy" in body["body"]
    assert (b"retry-after", b"1") in start["headers"]
    leave.set()
    assert (await first)[0]["status"] == 204
    assert (await answer_of(bounded))[0]["status"] == 204


def test_every_code_in_the_sources_is_kebab_case_and_documented() -> None:
    root = Path(__file__).parents[3]
    sources = [*(root / "gateway/api").rglob("*.py"), *(root / "gateway/intake").rglob("*.py")]
    pattern = re.compile(r'(?:Error|problem)\(\s*(?:\d+,\s*)?"([a-z][a-z0-9-]+)"')
    codes = {code for file in sources for code in pattern.findall(file.read_text())}
    assert len(codes) > 30
    text = (root / "docs" / "api.md").read_text()
    assert {code for code in codes if f"`{code}`" not in text} == set()


def test_every_address_and_its_scope_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (GET|POST|PUT|PATCH|DELETE) \| `(\S+)` \| (.+) \|$", text, re.MULTILINE)
    table = {
        (method, re.sub(r"{(\w+)}", lambda m: EXAMPLES.get(m[1], "x"), path)): scopes
        for method, path, scopes in rows
    }
    assert set(table) == set(NEEDS)
    for route, scopes in NEEDS.items():
        assert all(scope in table[route] for scope in scopes or {"none"}), route
