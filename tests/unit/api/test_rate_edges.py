"""A rate at the edge of its age, from ahead of the clock, taken back, or never told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited

LIMIT_MS = 1_000
AT = "2015-01-02T15:30:00-05:00"
KO: dict[str, Any] = {"symbol": "KO", "limit_price": "32.20", "qty": "1"}


def foreign(data: dict[str, Any]) -> None:
    data["instruments"]["AAPL"]["currency"] = "EUR"


async def push(door: Door, value: str, at: str, currency: str = "EUR") -> int:
    body = {"value": value, "at": at, "ttl_ms": "604800000", "source": "treasury"}
    answer = await door.call("PUT", f"/v1/facts/fx.{currency}", scope="facts:write", json=body)
    return answer.status_code


async def proposed(door: Door, **ticket: Any) -> dict[str, Any]:
    """What denies a ticket: observed values by control; nothing if it was allowed."""
    answer = await door.propose(**ticket)
    if answer.status_code == 201:
        return {}
    reasons = problem(answer, 403, "order-denied")["reasons"]
    return {reason["control"]: reason["observed"] for reason in reasons}


@pytest.mark.requirement("S4-02")
async def test_a_rate_holds_to_the_last_millisecond_of_its_age(tmp_path: Path) -> None:
    limits = {"exchange_rate_age_max_ms": LIMIT_MS}
    async with opened(tmp_path, release=write_edited(tmp_path / "eur", foreign, **limits)) as door:
        assert await push(door, "0", AT) == 422
        assert await push(door, "1.1", AT, currency="USD") == 404, "the base needs no rate"
        assert await push(door, "1.1", "2015-01-02T15:30:02.000001-05:00") == 422
        assert {"RAT-01", "ORD-01"} <= set(await proposed(door))
        # From two seconds ahead at most, and then it counts from when it came.
        assert await push(door, "1.1", "2015-01-02T15:30:02-05:00") == 200
        assert await proposed(door) == {}
        await door.clock("2015-01-02T15:30:01-05:00")
        assert await proposed(door, qty="9") == {}
        await door.clock("2015-01-02T15:30:01.000001-05:00")
        assert await proposed(door, qty="8") == {"RAT-01": LIMIT_MS + 1}, "ages are rounded up"
        assert await proposed(door, **KO) == {"RAT-01": LIMIT_MS + 1}, "what works counts in EUR"


@pytest.mark.requirement("S4-02")
async def test_a_rate_of_zero_age_is_no_proof_under_a_limit_of_zero(tmp_path: Path) -> None:
    limits = {"exchange_rate_age_max_ms": 0}
    async with opened(tmp_path, release=write_edited(tmp_path / "eur", foreign, **limits)) as door:
        assert await push(door, "1.1", AT) == 200
        assert await proposed(door) == {"RAT-01": 0}
        assert await proposed(door, **KO) == {}, "money that needs no rate needs no limit"


@pytest.mark.requirement("S4-02")
async def test_a_rate_taken_back_leaves_what_goes_through_it_unproven(tmp_path: Path) -> None:
    async with opened(tmp_path, release=write_edited(tmp_path / "eur", foreign)) as door:
        assert await push(door, "1.1", AT) == 200
        assert await proposed(door) == {}
        await door.app.pipeline.quiesce()  # the simulator, too, needs the rate to take it
        gone = "/v1/facts/fx.EUR?at=2015-01-02T20:30:00Z&source=treasury"
        assert (await door.call("DELETE", gone, scope="facts:write")).status_code == 200
        assert {"RAT-01", "ORD-01", "EXP-02"} <= set(await proposed(door, qty="9"))
        others = await proposed(door, **KO)
        assert {"EXP-01", "EXP-02", "MGN-02"} <= set(others), "what works in EUR has no worth"
        assert None in others.values()
        assert await push(door, "1.1", AT) == 409, "not newer than what was taken back"
        assert await push(door, "1.1", "2015-01-02T15:30:00.001-05:00") == 200
        assert await proposed(door, **KO | {"qty": "2"}) == {}
