"""A decision is told in the words of the release that it names, whatever is in force by now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import RefusedError
from signing import canonical
from support.doors import Door, opened, problem
from support.release_folder import write_release
from support.switch_desk import Desk, desk_in

pytestmark = pytest.mark.requirement("S1-08")

REMEDY = "Send a smaller order, or ask the risk officers for a release with a higher"
OTHER = {
    "# title: Order notional": "# title: Size of an order",
    REMEDY: "Speak to the desk, and no more to ask for a release with a higher",
    "#   unit: micros": "#   unit: bps",
}
LIMIT = "order_notional_max_micros"
TOLD = ("title", "unit", "limit_name", "limit", "remedy")


async def denied(door: Door, key: str) -> dict[str, Any]:
    """Propose under a caller's key what ORD-01 denies."""
    return problem(await door.propose(key=key), 403, "order-denied")


async def explained(door: Door, decision_id: str) -> dict[str, Any]:
    """ORD-01 as the decision is told now; its reasons and its controls say the same."""
    answer = await door.call("GET", f"/v1/decisions/{decision_id}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    [reason] = [one for one in told["reasons"] if one["control"] == "ORD-01"]
    assert reason in told["controls"]
    return reason


async def test_an_old_denial_keeps_its_words_over_a_switch_and_a_restart(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.turned("tight")
        problem_of_then = await denied(desk.door, "first")
        then = await explained(desk.door, problem_of_then["decision_id"])
        assert [then[name] for name in TOLD[:4]] == ["Order notional", "micros", LIMIT, 1_000]
        assert REMEDY in then["remedy"]

        await reworded(desk)
        assert await explained(desk.door, problem_of_then["decision_id"]) == then
        again = await denied(desk.door, "first")
        assert (again["detail"], again["reasons"]) == (
            problem_of_then["detail"],
            problem_of_then["reasons"],
        )
        new = await explained(desk.door, (await denied(desk.door, "second"))["decision_id"])
        assert [new[name] for name in TOLD[:4]] == ["Size of an order", "bps", LIMIT, 1_000]
        assert REMEDY not in new["remedy"]
        release = desk.releases.path
    async with opened(tmp_path, release=release, lifted=False) as door:
        assert await explained(door, problem_of_then["decision_id"]) == then


async def reworded(desk: Desk) -> None:
    """Put the same limits into force under other words."""
    desk.releases.built("reworded", "tight", "controls/order_notional.rego", OTHER)
    await desk.turned("reworded")


async def test_words_that_retention_removed_are_not_made_up(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.turned("tight")
        decision_id = (await denied(desk.door, "first"))["decision_id"]
        old = desk.door.app.release.digest
        await reworded(desk)
        desk.door.app.book().catalogues[old] = "0" * 64
        told = await explained(desk.door, decision_id)
        assert [told[name] for name in TOLD[:3]] == ["ORD-01", None, None]
        assert told["limit"] == 1_000


async def test_a_control_of_several_limits_names_the_one_whose_value_it_tells(
    tmp_path: Path,
) -> None:
    """The first of them is compared; the others only say how old a reading may be."""
    apart = {"drift_max_e4": 1_001, "entropy_max_e4": 1_002, "volatility_index_max_e4": 1_003}
    async with opened(tmp_path, limits={**apart, "model_age_max_ms": 7}) as door:
        denial = await denied(door, "first")
        answer = await door.call("GET", f"/v1/decisions/{denial['decision_id']}")
        told = answer.json()["controls"]
        signed = door.app.release.limits.base
        several = {
            one["control"]: (one["limit_name"], one["limit"])
            for one in told
            if len(door.app.catalogue.controls[one["control"]].limits) > 1
        }
        assert several == {
            "MOD-01": ("volatility_index_max_e4", 1_003),
            "MOD-03": ("entropy_max_e4", 1_002),
            "MOD-04": ("drift_max_e4", 1_001),
        }
        for one in told:
            if one["limit"] is not None:
                assert signed[one["limit_name"]] == one["limit"], one


async def test_a_start_takes_no_words_of_other_rules(tmp_path: Path) -> None:
    catalogue = write_release(tmp_path / "release") / "catalogue.json"
    others = json.loads(catalogue.read_bytes()) | {"revision": "r" + "0" * 16}
    catalogue.write_bytes(canonical.encode(others))
    with pytest.raises(RefusedError, match="other rules"):
        async with opened(tmp_path):
            raise AssertionError("it started")
