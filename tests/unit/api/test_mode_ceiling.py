"""``broker.yaml`` says what the gateway does at most: at its start, and ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.mode import Mode
from support.doors import Door, opened, problem


async def to_simulation(door: Door) -> Any:  # noqa: ANN401  an HTTP answer
    """Ask for the mode that forwards."""
    return await door.call("POST", "/v1/mode", scope="admin", json={"mode": "SIMULATION"})


@pytest.mark.requirement("S0-02")
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize(
    "text",
    [
        "execution:\n  mode: RESEARCH\n",
        "broker:\n  mode: disabled\n",
        "broker:\n  execution_enabled: false\n",
        "execution:\n  mode: PAPER\naccounts:\n  primary:\n    mode: RESEARCH\n",
    ],
)
async def test_a_file_that_allows_research_alone_holds_while_the_gateway_runs(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "broker.yaml").write_text(text, encoding="utf-8")
    given = {"broker_file": tmp_path / "broker.yaml", "mode": Mode.RESEARCH}
    async with opened(tmp_path, **given) as door:
        refused = problem(await to_simulation(door), 409, "mode-unavailable")
        assert "broker.yaml allows RESEARCH at most" in refused["detail"]
        assert (await door.propose()).json()["label"] == "research"


@pytest.mark.requirement("S1-01")
async def test_a_file_that_allows_paper_trading_lets_the_simulation_begin(tmp_path: Path) -> None:
    (tmp_path / "broker.yaml").write_text("execution:\n  mode: PAPER\n", encoding="utf-8")
    given = {"broker_file": tmp_path / "broker.yaml", "mode": Mode.RESEARCH}
    async with opened(tmp_path, **given) as door:
        assert (await to_simulation(door)).json()["mode"] == "SIMULATION"
