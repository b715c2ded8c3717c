"""Allowed and durable, and yet without a permit: nothing is sent, and the order is given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.errors import UnavailableError
from gateway.ledger.faults import Nature, StoreError
from gateway.ports import Batch, Committed
from signing.verify import verify_log
from support.doors import Door, opened

Receipt = Callable[[int], Awaitable[bytes]]


@pytest.fixture(autouse=True)
def never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def submit(*_: object) -> None:
        pytest.fail("an order without a permit was sent")

    monkeypatch.setattr(SimulatorBroker, "submit", submit)


def unreadable(_: Receipt) -> Receipt:
    async def receipt(_index: int) -> bytes:
        raise UnavailableError("ledger-unreadable", "the disk does not answer", "check the disk")

    return receipt


def of_another_entry(real: Receipt) -> Receipt:
    async def receipt(index: int) -> bytes:
        return await real(index - 1)

    return receipt


async def given_up(door: Door, evidence: str) -> None:
    """An order is allowed, and its caller learns that it went nowhere; nothing stays reserved."""
    answer = await door.propose(headers={"Prefer": "wait=30"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["code"]) == ("FATAL_ERROR", evidence)
    await door.app.pipeline.quiesce()
    await door.app.journal.settled()
    assert door.app.book().account("primary").working == {}
    stored = (await door.call("GET", f"/v1/orders/{answer.json()['order_id']}")).json()
    assert (stored["status"], stored["code"]) == ("FATAL_ERROR", evidence)
    await door.app.ledger.publish_now()
    assert verify_log(door.app.log_dir, door.app.vkey).ok


@pytest.mark.requirement("S3-05")
@pytest.mark.requirement("W-01")
@pytest.mark.parametrize(
    ("broken", "evidence"), [(unreadable, "NO_RECEIPT"), (of_another_entry, "PERMIT_REFUSED")]
)
async def test_it_is_given_up_on_the_record_and_the_gateway_halts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Receipt], Receipt],
    evidence: str,
) -> None:
    async with opened(tmp_path) as door:
        monkeypatch.setattr(door.app.ledger, "receipt", broken(door.app.ledger.receipt))
        await given_up(door, evidence)
        [halt] = door.app.book().halts.values()
        assert (halt.cause, halt.scope.kind, halt.cancels) == ("NO_PERMIT", "global", False)
        assert (halt.by, halt.clear_by) == ("gate", "operator")
        denied = await door.propose()
        assert [reason["control"] for reason in denied.json()["reasons"]] == ["OMEGA-2"]


async def test_while_the_server_is_away_the_ledger_answers_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as door:

        async def away(_index: int) -> bytes:
            raise StoreError(Nature.AWAY, "no server")

        with monkeypatch.context() as patched:
            patched.setattr(door.app.ledger, "receipt", away)
            await given_up(door, "NO_RECEIPT")
        assert door.app.book().halts == {}


@pytest.mark.requirement("W-01")
async def test_what_the_ledger_cannot_take_is_entered_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as door:
        commit = door.app.ledger.commit

        async def decisions_only(batch: Batch) -> Committed:
            if any(draft.kind != "decision" for draft in batch.drafts):
                raise UnavailableError("ledger-busy", "too much waits", "try again")
            return await commit(batch)

        with monkeypatch.context() as patched:
            patched.setattr(door.app.ledger, "receipt", unreadable(door.app.ledger.receipt))
            patched.setattr(door.app.ledger, "commit", decisions_only)
            order_id = (await door.propose()).json()["order_id"]
            await door.app.pipeline.quiesce()
        await door.app.journal.repair()
        await door.app.journal.settled()
        log = await door.app.ledger.replay()
        assert log.orders[order_id].status == "FATAL_ERROR"
        assert [halt.cause for halt in log.halts.values()] == ["NO_PERMIT"]
