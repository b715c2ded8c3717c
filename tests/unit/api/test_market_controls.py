"""Hours, stale quotes and their second source, floors and venues, as a caller meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.build import DATA, DESCRIPTOR
from signing import canonical
from support.doors import Door, opened
from support.edited_release import write_edited
from support.release_folder import write_release


async def denied_by(door: Door, **changes: Any) -> dict[str, dict[str, Any]]:
    """The reasons of a denial by control; none of an order that was allowed."""
    answer = await door.propose(**changes)
    assert answer.status_code in {201, 403}, answer.text
    if answer.status_code == 201:
        return {}
    return {reason["control"]: reason for reason in answer.json()["reasons"]}


async def document(door: Door) -> dict[str, Any]:
    """The input document of a new decision."""
    answer = await door.propose()
    _, decision = await door.app.ledger.entry(answer.json()["decision_id"]) or (0, {})
    data = await door.app.ledger.document(decision["input_digest"])
    assert data is not None
    return json.loads(data)


@pytest.mark.requirement("S3-07")
async def test_orders_end_a_quarter_of_an_hour_before_the_close(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"quote_age_max_ms": 10**9}) as door:
        assert await denied_by(door) == {}
        await door.clock("2015-01-02T15:45:00-05:00")
        assert await denied_by(door) == {}
        await door.clock("2015-01-02T15:45:00.001-05:00")
        reasons = await denied_by(door)
        assert set(reasons) == {"MKT-03"}
        assert (reasons["MKT-03"]["observed"], reasons["MKT-03"]["limit"]) == (899_999, 900_000)
        assert reasons["MKT-03"]["fix103"] == 2
        await door.clock("2015-01-02T16:00:00-05:00")
        assert set(await denied_by(door)) == {"MKT-03"}


@pytest.mark.requirement("S3-18")
async def test_a_second_source_stands_in_for_a_stale_first_one(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"quote_age_max_ms": 15_000}) as door:
        assert (await document(door))["market"]["source"] == "primary"
        await door.clock("2015-01-02T15:30:15.001-05:00")
        assert set(await denied_by(door)) == {"MKT-01"}
        pushed = {
            "value": {"bid": "24.50", "ask": "24.54", "last": "24.53"},
            "at": "2015-01-02T15:30:15-05:00",
            "ttl_ms": "60000",
            "source": "second",
        }
        answer = await door.call("PUT", "/v1/facts/quote.AAPL", scope="facts:write", json=pushed)
        assert answer.status_code == 200, answer.text
        assert await denied_by(door) == {}
        market = (await document(door))["market"]
        assert (market["source"], market["bid"], market["age_ms"]) == ("secondary", 245_000, 1)
        await door.clock("2015-01-02T15:30:30.001-05:00")  # by now the second is stale too
        assert set(await denied_by(door)) == {"MKT-01"}


@pytest.mark.requirement("S4-08")
async def test_an_order_below_the_floor_is_denied_as_below_floor(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release")
    data = json.loads((release / DATA).read_bytes())
    data["instruments"]["AAPL"]["min_notional_micros"] = 248_000_000
    encoded = canonical.encode(data)
    (release / DATA).write_bytes(encoded)
    descriptor = json.loads((release / DESCRIPTOR).read_bytes())
    descriptor["data_sha256"] = canonical.digest(encoded)
    (release / DESCRIPTOR).write_bytes(canonical.encode(descriptor))
    async with opened(tmp_path) as door:
        assert await denied_by(door, qty="10") == {}  # worth 248 at its limit of 24.80
        reasons = await denied_by(door, qty="9")
        assert set(reasons) == {"ORD-06"}
        assert reasons["ORD-06"]["title"] == "Below floor"
        assert reasons["ORD-06"]["fix103"] == 20


@pytest.mark.requirement("S1-06")
async def test_what_the_broker_does_not_take_is_denied_before_it_is_sent(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        assert set(await denied_by(door, extended_hours=True)) == {"VEN-02"}
        short = await denied_by(door, side="sell_short", limit_price="24.00")
        assert "VEN-02" in short
        assert "SHT-04" not in short


@pytest.mark.requirement("W-06")
async def test_an_order_far_from_where_the_market_was_is_denied(tmp_path: Path) -> None:
    """AAPL closed at 24.77 and then at 24.53; five minutes ago the first was all there was."""
    limits = {"price_collar_short_max_bps": 12, "price_collar_long_max_bps": 12}
    async with opened(tmp_path, limits=limits) as door:
        assert await denied_by(door, limit_price="24.79") == {}
        reasons = await denied_by(door, limit_price="24.80")
        assert set(reasons) == {"ORD-04", "ORD-05"}
        assert {reason["observed"] for reason in reasons.values()} == {13}
        await door.clock("2015-01-02T15:35:00-05:00")
        later = await denied_by(door, limit_price="24.80")
        assert later["ORD-04"]["observed"] == 111  # from the 24.53 of five minutes ago
        assert later["ORD-05"]["observed"] == 13


@pytest.mark.requirement("W-06")
async def test_a_market_that_is_too_wide_is_denied(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"spread_max_bps": 8}) as door:
        reasons = await denied_by(door)
        assert set(reasons) == {"MKT-02"}
        assert (reasons["MKT-02"]["observed"], reasons["MKT-02"]["limit"]) == (9, 8)


def _fine_tick(data: dict[str, Any]) -> None:
    data["instruments"]["AAPL"]["tick"] = 1


@pytest.mark.requirement("W-05")
async def test_no_figure_of_a_denial_looks_as_if_it_had_passed(tmp_path: Path) -> None:
    """Off the venue's tick, and without a regime: neither age nor share is what denies."""
    async with opened(tmp_path, release=write_edited(tmp_path / "tick", _fine_tick)) as door:
        off_tick = await denied_by(door, limit_price="24.8001")
        assert set(off_tick) == {"VEN-01"}
        body = {"value": "NORMAL", "at": "2015-01-02T15:30:00-05:00", "ttl_ms": "1000"}
        await door.call(
            "PUT", "/v1/facts/model.regime", scope="facts:write", json={**body, "source": "t"}
        )
        await door.clock("2015-01-02T15:30:02-05:00")
        silent = await denied_by(door)
        assert "REG-01" in silent
        for reason in (*off_tick.values(), *silent.values()):
            known = (reason["observed"], reason["limit"])
            assert None in known or known[0] > known[1], reason
