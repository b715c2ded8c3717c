"""What no proposal may look like: refused with its code, before anything is recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from support.doors import Door, opened, problem
from support.tickets import BAD_NUMBERS, BAD_SYMBOLS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    """One gateway for all of them: none may leave a trace in it."""
    async with opened(tmp_path_factory.mktemp("gateway")) as door:
        before = await door.entries()
        yield door
        assert await door.entries() == before


@pytest.mark.parametrize("field", ["qty", "limit_price"])
@pytest.mark.parametrize("name", [name for name in BAD_NUMBERS if name != "lone surrogate"])
async def test_bad_numbers_are_refused_and_leave_no_trace(
    door: Door, field: str, name: str
) -> None:
    answer = await door.propose(**{field: BAD_NUMBERS[name]})
    document = answer.json()
    assert answer.status_code == 422
    assert document["code"].startswith(("invalid-", "number-", "price-missing"))


@pytest.mark.parametrize("name", [name for name in BAD_SYMBOLS if name != "lone surrogate"])
async def test_bad_symbols_are_refused(door: Door, name: str) -> None:
    answer = await door.propose(symbol=BAD_SYMBOLS[name])
    document = problem(answer, 422, "invalid-value")
    assert document["errors"][0]["field"] == "symbol"


BODIES = {
    "lone surrogate": (b'{"symbol": "\\ud800"}', 422, "invalid-missing-field"),
    "unknown field": (b'{"account": "primary", "extra": "1"}', 422, "invalid-missing-field"),
    "duplicate key": (b'{"qty": "1", "qty": "1"}', 400, "json-duplicate-key"),
    "NaN": (b'{"qty": NaN}', 400, "json-malformed"),
    "BOM": (b"\xef\xbb\xbf{}", 400, "json-malformed"),
    "deep": (b"[" * 30_000, 400, "json-too-deep"),
    "empty": (b"", 400, "body-empty"),
    "list": (b"[]", 400, "json-not-an-object"),
    "too large": (b'{"qty": "' + b"1" * 70_000 + b'"}', 413, "body-too-large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
async def test_bad_bodies_are_refused(door: Door, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    answer = await door.call("POST", "/v1/orders", scope="propose", content=body, headers=headers)
    problem(answer, status, code)


async def test_unknown_fields_are_named_without_their_values(door: Door) -> None:
    unknown: dict[str, Any] = {"sEcret\u202e": "value"}
    answer = await door.propose(**unknown)
    document = problem(answer, 422, "invalid-unknown-field")
    assert document["errors"][0]["field"] == "sEcret\\u202e"
    assert "value" not in answer.text


async def test_only_so_many_errors_are_told(door: Door) -> None:
    unknown: dict[str, Any] = {f"field{n}": "1" for n in range(1_000)}
    answer = await door.propose(**unknown)
    assert len(problem(answer, 422, "invalid-unknown-field")["errors"]) == 16


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": ""},
    ],
)
async def test_other_media_types_are_refused(door: Door, headers: dict[str, str]) -> None:
    answer = await door.call("POST", "/v1/orders", scope="propose", content=b"{}", headers=headers)
    problem(answer, 415, "media-type-unsupported")


async def test_a_key_is_needed_and_must_be_one(door: Door) -> None:
    problem(await door.propose(key=None), 400, "idempotency-key-missing")
    for key in ("a b", "x" * 65, "a/b", "a\tb"):
        problem(await door.propose(key=key), 400, "idempotency-key-malformed")
