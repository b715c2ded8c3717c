"""An order that reaches the broker while a kill is under way, on a ledger that then fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import App, running
from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.config import AccountSettings, Settings
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder
from gateway.intake.idempotency import CallerKey
from gateway.ports import Batch, Committed
from support.facts import order
from support.releases import write_release


@pytest.fixture
async def app(tmp_path: Path) -> AsyncGenerator[App]:
    settings = Settings(
        data=tmp_path / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=write_release(tmp_path / "release"),
        accounts={"primary": AccountSettings(opening_cash="300000")},
    )
    async with running(settings) as made:
        await made.modes.lift_omega4("ada", "test", None)
        yield made


@pytest.mark.requirement("S1-01")
async def test_it_is_cancelled_although_the_answer_cannot_be_recorded(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, commit = SimulatorBroker.submit, app.ledger.commit
    sent: list[SimulatorBroker] = []
    client_ids: list[str] = []

    async def submit_late(self: SimulatorBroker, sending: BrokerOrder) -> Accepted | Rejected:
        """The kill comes after the gate has compared and before the broker has the order."""
        halt: dict[str, Any] = {"cause": "OMEGA2_MANUAL", "by": "ada", "clear_by": "admin"}
        await app.halting.halt(**halt, scope=GLOBAL, cancels=True)
        sent.append(self)
        client_ids.append(sending.broker_client_id)
        return await submit(self, sending)

    async def commit_no_submission(batch: Batch) -> Committed:
        if any(draft.kind == "submission" for draft in batch.drafts):
            raise UnavailableError("ledger-latched", "the disk is broken", "")
        return await commit(batch)

    monkeypatch.setattr(SimulatorBroker, "submit", submit_late)
    monkeypatch.setattr(app.ledger, "commit", commit_no_submission)
    claim = CallerKey("idempotency", "key-1", "0" * 64)
    await app.pipeline.propose(order("AAPL", qty=10, order_id="ord_1"), [claim])
    await app.pipeline.quiesce()
    known = await sent[0].order(client_ids[0])
    assert known is not None
    assert known.status == "CANCELED"
