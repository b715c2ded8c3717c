"""What a simulated account is granted by its settings, and what says nothing to other brokers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import AccountSettings
from gateway.domain.execution import Accepted, Rejected
from support.brokers import limit_order
from support.doors import opened


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(
    ("granted", "shortable", "answer"),
    [
        pytest.param({}, False, Rejected("ERR_INSUFFICIENT_FUNDS"), id="cash"),
        pytest.param(
            {"short_allowed": True, "margin_multiple_bps": 20_000},
            True,
            Accepted("sim-00000001"),
            id="margin and shorts",
        ),
    ],
)
async def test_the_simulator_grants_an_account_what_its_settings_say(
    tmp_path: Path, granted: dict[str, Any], *, shortable: bool, answer: object
) -> None:
    accounts = {"primary": {"broker": "simulator", "opening_cash": "1000", **granted}}
    async with opened(tmp_path, accounts=accounts) as door:
        broker = door.app.facts.venues["primary"]
        terms = broker.terms("primary", "AAPL")
        assert terms is not None
        assert terms.shortable is shortable
        dear = limit_order(qty=70, limit_price=247_000)  # 1,729 of 1,000
        assert await broker.submit(dear) == answer  # pyright: ignore[reportAttributeAccessIssue]  it is the broker itself


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"broker": "null", "short_allowed": True}, id="at the null broker"),
        pytest.param({"broker": "null", "margin_multiple_bps": 20_000}, id="margin there"),
        pytest.param({"margin_multiple_bps": 9_999}, id="less than cash"),
        pytest.param({"margin_multiple_bps": 100_001}, id="more than ten times"),
        pytest.param({"margin_multiple_bps": "20000"}, id="a text"),
        pytest.param({"short_allowed": 1}, id="no truth"),
    ],
)
def test_what_grants_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccountSettings(**fields)
