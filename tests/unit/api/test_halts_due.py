"""A halt is due whenever mode or limits change, not only when the market moves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.mode import Mode
from gateway.policy.release import load_release
from support.doors import Door, opened
from support.release_folder import write_release

INDEX_E4 = 177_900
"""The VIX of 2015-01-02, times 10,000."""


async def halts(door: Door) -> list[tuple[str, int | None, int | None]]:
    standing = (await door.call("GET", "/v1/halts")).json()["halts"]
    return [(halt["cause"], halt["observed"], halt["limit"]) for halt in standing]


async def switched(door: Door, release: Path, **limits: int) -> Any:  # noqa: ANN401  JSON
    """Put a release of other limits into the folder and into force."""

    shutil.rmtree(release)
    write_release(release, **limits)
    body = {"digest": load_release(release).digest}
    answer = await door.call("POST", "/v1/policy/switch", scope="admin", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.requirement("S2-03")
async def test_a_tighter_release_halts_at_once_and_cancels_what_works(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        order = (await door.propose(limit_price="23.90", time_in_force="gtc")).json()
        await door.app.pipeline.quiesce()
        await switched(door, tmp_path / "release", volatility_index_max_e4=INDEX_E4)
        assert await halts(door) == [], "at its limit the index is calm"
        await switched(door, tmp_path / "release", volatility_index_max_e4=INDEX_E4 - 1)
        assert await halts(door) == [("OMEGA2_VOLATILITY", INDEX_E4, INDEX_E4 - 1)]
        answer = await door.call("GET", f"/v1/orders/{order['order_id']}")
        assert answer.json()["status"] in ("PENDING_CANCEL", "CANCELED")


@pytest.mark.requirement("S2-03")
async def test_leaving_research_halts_where_a_halt_is_due(tmp_path: Path) -> None:
    limits = {"volatility_index_max_e4": INDEX_E4 - 1}
    async with opened(tmp_path, limits=limits, mode=Mode.RESEARCH) as door:
        assert await halts(door) == []
        answer = await door.call("POST", "/v1/mode", scope="admin", json={"mode": "SIMULATION"})
        assert answer.json()["halted"] is True
        assert await halts(door) == [("OMEGA2_VOLATILITY", INDEX_E4, INDEX_E4 - 1)]


@pytest.mark.requirement("S2-03")
async def test_a_start_halts_where_a_halt_is_due(tmp_path: Path) -> None:
    limits = {"volatility_index_max_e4": INDEX_E4 - 1}
    async with opened(tmp_path, limits=limits) as door:
        assert await halts(door) == [("OMEGA2_VOLATILITY", INDEX_E4, INDEX_E4 - 1)]
