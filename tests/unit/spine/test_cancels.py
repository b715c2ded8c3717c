"""Cancelling many orders at once: every one of them, some at a time."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest

from gateway.bootstrap import running
from gateway.config import AccountSettings, Settings
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from gateway.domain.order import OrderType
from gateway.intake.idempotency import CallerKey
from gateway.tracking.cancels import CANCELS_AT_ONCE
from signing.lifecycle import State
from support.facts import order
from support.releases import write_release

ORDERS = 2 * CANCELS_AT_ONCE + 6


@pytest.mark.requirement("S1-01")
async def test_a_kill_cancels_every_order_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        data=tmp_path / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=write_release(tmp_path / "release"),
        accounts={"primary": AccountSettings(opening_cash="300000")},
    )
    async with running(settings) as app:
        await app.modes.lift_omega4("ada", "test", None)
        numbers = count()

        async def propose() -> None:
            name = f"o{next(numbers)}"
            limit = order(
                "AAPL", qty=1, type=OrderType.LIMIT, limit_price=240_000, order_id=f"ord_{name}"
            )
            await app.pipeline.propose(limit, [CallerKey("idempotency", name, "0" * 64)])

        await asyncio.gather(*(propose() for _ in range(ORDERS)))
        await app.pipeline.quiesce()
        assert len(app.book().open_orders()) == ORDERS
        at_once, most, asked = 0, 0, 0
        cancel = app.cancels._door.cancel

        async def counted(account: str, broker_client_id: str) -> None:
            nonlocal at_once, most, asked
            at_once, asked = at_once + 1, asked + 1
            most = max(most, at_once)
            try:
                await cancel(account, broker_client_id)
            finally:
                at_once -= 1

        monkeypatch.setattr(app.cancels._door, "cancel", counted)
        assert await app.cancels.cancel_all("ada", "OMEGA2_MANUAL", GLOBAL) == ORDERS
        assert (asked, most) == (ORDERS, CANCELS_AT_ONCE)
        await app.trackers["simulator"].pull()
        statuses = {state.status for state in app.book().orders.values()}
        assert statuses == {State.CANCELED}
