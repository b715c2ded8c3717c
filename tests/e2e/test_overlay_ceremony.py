"""One risk officer tightens a running gateway; both officers loosen it: as they type it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.ceremony import PLAN, Ceremony
from support.doors import Door, settings
from support.paper import HOST, LOOKS_S, ORIGIN, outside, paper

pytestmark = [pytest.mark.requirement("W-04"), pytest.mark.slow]


def plan() -> str:
    """The officers' plan, for a gateway whose venue is the simulator's."""
    text = PLAN.replace("trading.example/log", ORIGIN).replace('"alpaca"', '"simulator"')
    text = text.replace("paper-api.example.com:443", HOST)
    text = text.replace('["value", "momentum"]', '["*"]')
    return re.sub(r"^broker_account.*\n", "", text, flags=re.MULTILINE)


async def proposed(door: Door) -> tuple[int, dict[str, Any]]:
    """The answer to an order, and what each control says that denied it."""
    answer = await door.propose(limit_price="24.60")
    reasons = answer.json().get("reasons", [])
    return answer.status_code, {reason["control"]: reason for reason in reasons}


async def eventually(door: Door, status: int) -> dict[str, Any]:
    """Propose until the answer is so: the gateway looks at the trust root by itself."""
    for _ in range(LOOKS_S * 4):
        found, reasons = await proposed(door)
        if found == status:
            return reasons
        await asyncio.sleep(0.25)
    raise AssertionError(f"not {status} within {LOOKS_S} s: {await proposed(door)}")


async def test_one_tightens_and_both_loosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(monkeypatch)
    home = tmp_path / "people"
    home.mkdir()
    desk = Ceremony(home, capsys, monkeypatch)
    desk.founded("anna:risk", "ben")
    release = settings(tmp_path / "gateway").release
    draft = desk.draft(plan(), release)
    assert desk.publish(desk.sign("anna", draft), desk.sign("ben", draft)).status == 0
    officers: Any = SimpleNamespace(folder=desk.trust, pinned=home / "anna" / "root.json")
    publisher = ("--publisher-key", desk.key("pub"), *desk.at("pub"))
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")

    async with paper(tmp_path / "gateway", officers) as door:
        assert await proposed(door) == (201, {})
        out = home / "calm.draft"
        desk.must(
            *("trust", "overlay", "calm", *desk.at("anna"), "--out", out, "--until", until),
            *("--restrict", "AAPL", "--cap", "order_notional_max=1 USD", "--reason", "news"),
        )
        assert await proposed(door) == (201, {})  # a draft is nothing yet
        desk.must("trust", "publish", desk.sign("anna", out), *publisher)
        reasons = await eventually(door, 403)
        assert {"LST-01", "ORD-01"} <= reasons.keys()

        lift = home / "lift.draft"
        desk.must("manifest", "lift", "calm", *desk.at("ben"), "--out", lift)
        one = desk.publish(desk.sign("anna", lift))
        assert (one.status, "draft-short" in one.err) == (1, True)
        assert (await proposed(door))[0] == 403
        assert desk.publish(desk.sign("anna", lift), desk.sign("ben", lift)).status == 0
        assert await eventually(door, 201) == {}
