"""Each role at each address: what it may not do it cannot, and leaves no trace of having tried."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
import pytest_asyncio

from gateway.api.access import FILE_NAME, AccessFile
from gateway.api.roles import SCOPES_OF, KeyScope, Role
from support.bad_input import unchanged
from support.doors import Door, opened, problem

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.requirement("S3-14"),
]

ROOT = Path(__file__).parents[3]
EXAMPLES = {"path:path": "checkpoint", "name:path": "model.drift", "release": "current"}
DECIDES = {KeyScope.OPERATE, KeyScope.RISK, KeyScope.ADMIN}


def script() -> ModuleType:
    """The program that writes the table."""
    spec = importlib.util.spec_from_file_location("roles_script", ROOT / "scripts" / "roles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its own module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


TABLE = script()
ENDPOINTS = list(TABLE.endpoints())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    async with opened(tmp_path_factory.mktemp("gateway")) as door:
        file = AccessFile(door.app.settings.data / FILE_NAME)
        for number, role in enumerate(Role):
            entropy = bytes([number + 1]) * 37
            door.keys[role.name] = file.add(f"{role}-role", role=role, entropy=entropy, now_us=1)
        yield door


async def ask(door: Door, key: str | None, method: str, path: str) -> httpx2.Response:
    """A request whose body says nothing: whoever is let in gets no further."""
    target = re.sub(r"{([\w:]+)}", lambda found: EXAMPLES.get(found[1], "x"), path)
    body = {} if method in ("POST", "PUT") else None
    return await door.call(method, target, scope=key, json=body)


def refused(answer: httpx2.Response, method: str, status: int, code: str) -> None:
    if method == "HEAD":  # it has no body
        assert answer.status_code == status
    else:
        problem(answer, status, code)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_what_the_table_says_and_nothing_else(door: Door, role: Role) -> None:
    tried = {True: 0, False: 0}
    for one in ENDPOINTS:
        opens = one.opens_to(role)
        tried[opens] += 1
        async with unchanged(door):
            answer = await ask(door, role.name, one.method, one.path)
        if opens:
            assert answer.status_code not in (401, 403), (one, answer.text)
            assert answer.status_code < 500, (one, answer.text)
        else:
            refused(answer, one.method, 403, "scope-missing")
    assert min(tried.values()) > 5


async def test_without_a_key_only_what_the_table_says_answers(door: Door) -> None:
    for one in ENDPOINTS:
        answer = await ask(door, None, one.method, one.path)
        if one.needs is None:
            assert answer.status_code not in (401, 403), one
        else:
            refused(answer, one.method, 401, "key-missing")


async def test_every_address_of_the_application_is_in_the_table(door: Door) -> None:
    """Asked of the application itself, so that none can be added beside the routers."""
    described = (await door.call("GET", "/openapi.json", scope=None)).json()["paths"]
    documented = {(method.upper(), path) for path, ways in described.items() for method in ways}
    named = {(one.method, one.path.replace(":path", "")) for one in ENDPOINTS}
    pages = {path for method, path in named - documented if method == "GET"}
    assert documented <= named
    loaded = {f"/console/{name}" for name in ("page.js", "console.js", "page.css")}
    assert pages == {"/console", "/live", "/passkey", "/openapi.json"} | loaded


async def test_the_document_is_the_routes() -> None:
    written = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")
    assert written == TABLE.render(), "run `python scripts/roles.py`"


async def test_nobody_both_proposes_and_decides_whether_there_is_trading() -> None:
    for role, scopes in SCOPES_OF.items():
        assert KeyScope.PROPOSE not in scopes or scopes.isdisjoint(DECIDES), role
    assert {role for role, scopes in SCOPES_OF.items() if KeyScope.ADMIN in scopes} == {Role.ADMIN}
    assert set(SCOPES_OF) == set(Role)


REASON = {"reason": "let me in"}
DANGEROUS = [
    ("/v1/mode", {"mode": "LIVE"}),
    ("/v1/mode", {"mode": "PAPER"}),
    ("/v1/mode", {"mode": "SIMULATION"}),
    ("/v1/live/steps", {"step": "configuration", "manifest_digest": "0" * 64}),
    ("/v1/live/steps", {"step": "acknowledgement", "acknowledgement": "v1"}),
    ("/v1/live/steps", {"step": "risk"}),
    ("/v1/live/steps", {"step": "credentials"}),
    ("/v1/live/steps", {"step": "enable"}),
    ("/v1/omega4", {"lifted": True, **REASON}),
    ("/v1/omega4", {"lifted": False, **REASON}),
    ("/v1/policy/switch", {"digest": "0" * 64}),
    ("/v1/exit-only", {"opened": True, **REASON}),
    ("/v1/kill", REASON),
    ("/v1/resume", {"halt_id": "all", **REASON}),
    ("/v1/market/clock", {"now": "2015-01-05T15:30:00-05:00"}),
]


@pytest.mark.attack
@pytest.mark.requirement("S1-15")
async def test_a_stolen_key_of_a_trader_moves_nothing_but_orders(door: Door) -> None:
    stopped = {"reason": "a drill", "scope": {"kind": "symbol", "name": "XOM"}}
    halt = await door.call("POST", "/v1/kill", scope="operate", json=stopped)
    assert halt.status_code == 200, halt.text
    before = (await door.call("GET", "/v1/mode")).json()
    bearer = {"Authorization": f"Bearer {door.keys['TRADER']}"}
    for path, body in DANGEROUS:
        for headers in ({}, {"X-HTTP-Method-Override": "PUT"}, {"X-Forwarded-For": "127.0.0.1"}):
            async with unchanged(door):
                answer = await door.http.post(path, json=body, headers=bearer | headers)
            problem(answer, 403, "scope-missing")
        # Not by another spelling of the address, and not with an Admin's key in the address.
        for spelled in (f"/{path}", f"{path}/", path.upper(), path.replace("/v1/", "/v1/x/../")):
            async with unchanged(door):
                answer = await door.http.post(spelled, json=body, headers=bearer)
            assert answer.status_code in (403, 404, 405), spelled
        async with unchanged(door):
            query = {"key": door.keys["admin"], "role": "admin"}
            answer = await door.http.post(path, json=body, headers=bearer, params=query)
        assert answer.status_code in (403, 422), path
    assert (await door.call("GET", "/v1/mode")).json() == before
    [standing] = (await door.call("GET", "/v1/halts")).json()["halts"]
    assert standing["halt_id"] == halt.json()["halt_id"]
