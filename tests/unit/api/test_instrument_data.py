"""The signed list and the venue both say what an order may look like: the stricter counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited


def listed(data: dict[str, Any]) -> None:
    """A finer tick than the venue's, a coarser lot, another scale, and a share without a market."""
    shares = data["instruments"]
    shares["AAPL"]["tick"] = 1
    shares["KO"] |= {"lot": 7, "tick": 500}
    shares["PFE"] |= {"price_decimals": 2, "tick": 1}
    shares["NONE"] = dict(shares["AAPL"])


async def proposed(door: Door, **ticket: Any) -> set[str]:
    """The controls that deny a ticket; none if it was allowed."""
    answer = await door.propose(**ticket)
    if answer.status_code == 201:
        return set()
    return {one["control"] for one in problem(answer, 403, "order-denied")["reasons"]}


@pytest.mark.requirement("S4-06")
@pytest.mark.requirement("S4-07")
async def test_of_list_and_venue_the_stricter_step_counts(tmp_path: Path) -> None:
    async with opened(tmp_path, release=write_edited(tmp_path / "listed", listed)) as door:
        assert await proposed(door, limit_price="24.80") == set()
        # A hundredth of a cent is a tick of the list, and none of the venue's.
        assert await proposed(door, limit_price="24.8001") == {"VEN-01"}
        coarse = await door.propose(symbol="KO", limit_price="32.24", qty="13")
        assert coarse.status_code == 201, coarse.text
        assert (coarse.json()["qty"], coarse.json()["limit_price"]) == ("7", "32.2")
        below = await door.propose(symbol="KO", limit_price="32.20", qty="6")
        problem(below, 422, "qty-below-lot")


@pytest.mark.requirement("S4-06")
async def test_what_feed_or_venue_do_not_know_as_the_list_does_is_denied(tmp_path: Path) -> None:
    """The list alone says the scale: a venue at another one has said nothing of the order."""
    async with opened(tmp_path, release=write_edited(tmp_path / "listed", listed)) as door:
        missing = {"MKT-01", "VEN-01", "VEN-02"}
        other_scale = await proposed(door, symbol="PFE", limit_price="21.50", qty="1")
        assert missing <= other_scale
        assert "INS-01" not in other_scale
        assert missing <= await proposed(door, symbol="NONE", limit_price="24.80")
        unlisted = await proposed(door, symbol="NOPE", limit_price="24.80")
        assert missing | {"INS-01", "PRM-02", "ORD-01"} <= unlisted


@pytest.mark.requirement("S4-06")
async def test_what_the_venue_said_may_not_be_of_no_age_at_all(tmp_path: Path) -> None:
    """The simulated venue answers as of now: only a limit of zero is younger than that."""
    async with opened(tmp_path / "zero", limits={"venue_age_max_ms": 0}) as door:
        assert await proposed(door) == {"VEN-01"}
    async with opened(tmp_path / "one", limits={"venue_age_max_ms": 1}) as door:
        assert await proposed(door) == set()
