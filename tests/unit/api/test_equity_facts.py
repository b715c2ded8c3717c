"""A pushed quote or rate that moves what an account is worth: the halt is there with the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.doors import Door, opened
from support.release_folder import foreign_release

FILLED = "2015-01-05T15:30:00-05:00"
MORNING = "2015-01-06T10:00:00-05:00"
"""The feed's quotes are of the day before: pushed ones take their place."""
LIMITS = {"drawdown_max_bps": 500, "quote_age_max_ms": 900_000}


QUOTE = {
    "value": {"bid": "23.80", "ask": "23.82", "last": "23.81"},
    "ttl_ms": "604800000",
    "source": "desk",
}


async def put(door: Door, name: str, value: object, at: str = MORNING) -> None:
    body = QUOTE | {"value": value, "at": at}
    answer = await door.call("PUT", f"/v1/facts/{name}", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text


def prices(bid: str, ask: str, last: str) -> dict[str, str]:
    return {"bid": bid, "ask": ask, "last": last}


async def halts(door: Door) -> list[tuple[str, str, str]]:
    standing = (await door.call("GET", "/v1/halts")).json()["halts"]
    return [(halt["cause"], halt["scope"], halt["name"]) for halt in standing]


DRAWDOWN = ("OMEGA2_DRAWDOWN", "account", "primary")
LOSS = ("OMEGA2_DAILY_LOSS", "account", "primary")


@asynccontextmanager
async def holding_apple(folder: Path) -> AsyncGenerator[Door]:
    """A gateway whose account holds 1,000 AAPL, about a quarter of its equity, in the morning."""
    async with opened(folder, limits=LIMITS) as door:
        bought = await door.propose(qty="1000")
        assert bought.status_code == 201, bought.text
        assert (await door.clock(FILLED)).status_code == 200
        assert (await door.clock(MORNING)).status_code == 200
        held = (await door.call("GET", "/v1/positions?account=primary")).json()["positions"]
        assert [position["qty"] for position in held] == ["1000"]
        assert await halts(door) == []
        yield door


@pytest.mark.requirement("S2-03")
async def test_a_pushed_quote_that_ruins_an_account_is_a_halt_before_the_answer(
    tmp_path: Path,
) -> None:
    async with holding_apple(tmp_path) as door:
        await put(door, "quote.AAPL", prices("23.80", "23.82", "23.81"))
        assert await halts(door) == []
        await put(door, "quote.KO", prices("1", "1.01", "1"))  # nobody holds it
        assert await halts(door) == []
        later = "2015-01-06T10:00:01-05:00"
        await put(door, "quote.AAPL", prices("14.00", "14.02", "23.81"), at=later)
        assert await halts(door) == [DRAWDOWN]  # the last price does not hide the bid


async def test_many_quotes_at_once_are_no_failure_of_the_engine(tmp_path: Path) -> None:
    async with holding_apple(tmp_path) as door:
        told = await asyncio.gather(
            *(
                door.call("PUT", "/v1/facts/quote.AAPL", scope="facts:write", json=body)
                for body in (
                    QUOTE | {"at": f"2015-01-06T09:59:{second:02}-05:00"} for second in range(40)
                )
            )
        )
        assert {answer.status_code for answer in told} <= {200, 409}  # 409: overtaken on the way
        assert any(answer.status_code == 200 for answer in told)
        assert await halts(door) == []


@pytest.mark.requirement("S4-02")
async def test_a_pushed_rate_that_ruins_an_account_is_a_halt_before_the_answer(
    tmp_path: Path,
) -> None:
    release = foreign_release(tmp_path / "foreign", drawdown_max_bps=500)
    async with opened(tmp_path, release=release) as door:
        await put(door, "fx.EUR", "1.1", at="2015-01-02T15:30:00-05:00")
        bought = await door.propose(qty="100")
        assert bought.status_code == 201, bought.text
        assert (await door.clock(FILLED)).status_code == 200
        assert await halts(door) == []
        await put(door, "fx.EUR", "1.09", at=FILLED)
        assert await halts(door) == []
        await put(door, "fx.GBP", "0.01", at=FILLED)  # nothing held goes through it
        assert await halts(door) == []
        await put(door, "fx.EUR", "0.7", at="2015-01-05T15:30:01-05:00")
        assert await halts(door) == [DRAWDOWN]


@pytest.mark.requirement("S4-02")
async def test_a_rate_that_is_taken_back_leaves_nobody_to_prove_calm(tmp_path: Path) -> None:
    release = foreign_release(tmp_path / "foreign", drawdown_max_bps=500)
    async with opened(tmp_path, release=release) as door:
        await put(door, "fx.EUR", "1.1", at="2015-01-02T15:30:00-05:00")
        assert (await door.propose(qty="100")).status_code == 201
        assert (await door.clock(FILLED)).status_code == 200
        assert await halts(door) == []
        gone = await door.call(
            "DELETE",
            "/v1/facts/fx.EUR",
            scope="facts:write",
            params={"at": FILLED, "source": "desk"},
        )
        assert gone.status_code == 200, gone.text
        assert await halts(door) == [LOSS, DRAWDOWN]


async def test_after_a_restart_the_first_rate_is_not_blamed_for_the_second(tmp_path: Path) -> None:
    release = foreign_release(tmp_path / "foreign", {"KO": "GBP"}, drawdown_max_bps=500)
    async with opened(tmp_path, release=release) as door:
        await put(door, "fx.EUR", "1.1", at="2015-01-02T15:30:00-05:00")
        await put(door, "fx.GBP", "1.5", at="2015-01-02T15:30:00-05:00")
        assert (await door.propose(qty="100")).status_code == 201
        bought = await door.propose(symbol="KO", limit_price="32.20", qty="10")
        assert bought.status_code == 201, bought.text
        assert (await door.clock(FILLED)).status_code == 200
        held = (await door.call("GET", "/v1/positions?account=primary")).json()["positions"]
        assert [position["symbol"] for position in held] == ["AAPL", "KO"]

    async with opened(tmp_path, release=release) as door:
        await put(door, "fx.EUR", "1.1", at=FILLED)
        assert await halts(door) == []  # nobody knows yet what KO is worth
        await put(door, "fx.GBP", "1.5", at=FILLED)
        assert await halts(door) == []
        await put(door, "fx.GBP", "0.00000001", at="2015-01-05T15:30:01-05:00")
        await put(door, "fx.EUR", "0.00000001", at="2015-01-05T15:30:01-05:00")
        assert await halts(door) == [LOSS, DRAWDOWN]
