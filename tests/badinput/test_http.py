"""Every class of bad input in every field that HTTP takes: a problem with a code, and no trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx2
import pytest
import pytest_asyncio

from support.bad_input import unchanged
from support.bad_requests import BadRequest, credentials, everything
from support.doors import Door, opened, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER_TIMEOUT_S = 30
CASES = everything()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    """One gateway that would trade, were it asked properly."""
    async with opened(tmp_path_factory.mktemp("gateway")) as door:
        taken = await door.propose(headers={"Prefer": "wait=5"})
        assert (taken.status_code, taken.json()["status"]) == (201, "ACKNOWLEDGED")
        yield door


async def send(door: Door, case: BadRequest) -> httpx2.Response:
    sent = [(b"authorization", f"Bearer {door.keys[case.scope]}".encode()), *case.headers]
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        return await door.http.request(case.method, case.target, headers=sent, content=case.content)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
async def test_it_is_refused_and_leaves_no_trace(door: Door, case: BadRequest) -> None:
    async with unchanged(door):
        answer = await send(door, case)
    assert 400 <= answer.status_code < 500, answer.text
    document = problem(answer, answer.status_code, answer.json()["code"])
    assert document["code"] in case.codes
    assert document["remedy"]


async def test_no_key_that_is_almost_one_gets_in(door: Door) -> None:
    for kind, value in credentials(door.keys["propose"]):
        async with unchanged(door):
            answer = await door.http.get("/v1/mode", headers=[(b"authorization", value)])
        code = answer.json()["code"]
        assert code in ("key-missing", "key-invalid", "headers-too-large"), kind
        problem(answer, 431 if code == "headers-too-large" else 401, code)


async def test_there_are_cases_for_every_class() -> None:
    assert len(CASES) == len({case.name for case in CASES})
    assert len(CASES) > 900
