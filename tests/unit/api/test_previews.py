"""Previews: the words of a decision, refused where an order is refused, and nobody else's facts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import UnavailableError
from gateway.facts.document import Facts
from gateway.ports import Batch, Committed
from support.doors import PRICE, Door, problem
from support.tickets import TICKET


async def preview(door: Door, *scopes: str, **changes: Any) -> Any:  # noqa: ANN401  the answer
    name = "-".join(scopes)
    if name not in door.keys:
        door.keys[name] = door.new_key(name, *scopes)
    body = {**TICKET, "limit_price": PRICE, **changes}
    return await door.call("POST", "/v1/orders/preview", scope=name, json=body)


def broken(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.requirement("S1-13")
async def test_facts_that_cannot_be_gathered_are_told_as_an_order_would_be(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Facts, "_gather", broken)
    before = await door.entries()
    answer = await preview(door, "propose", "read")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert await door.entries() == before
    denied = problem(await door.propose(), 403, "order-denied")
    assert found["allow"] is False
    assert found["failure"] == denied["failure"]
    assert found["failure"]["code"] == "FACTS_ERROR"
    assert found["reasons"] == denied["reasons"]
    assert "account" not in found["facts"]


async def test_what_fails_beside_the_facts_is_a_503_for_both(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Facts, "moment", broken)
    assert problem(await door.propose(), 503, "gateway-failed")
    assert problem(await preview(door, "propose"), 503, "gateway-failed")
    assert "ZeroDivisionError" in caplog.text


async def test_it_is_decided_on_the_log_and_not_on_what_never_reached_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turnover(answer: Any) -> int:  # noqa: ANN401  an answer
        return answer.json()["facts"]["projected"]["day_turnover_micros"]

    alone = turnover(await preview(door, "propose", "read"))

    async def refuse(_batch: Batch) -> Committed:
        raise UnavailableError("ledger-busy", "too much waits", "try again")

    with monkeypatch.context() as patched:
        patched.setattr(door.app.ledger, "commit", refuse)
        problem(await door.propose(), 503, "ledger-busy")
    assert turnover(await preview(door, "propose", "read")) == alone


async def test_where_no_order_can_be_decided_no_preview_is(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(door.app.ledger), "latched", "fsync failed")
    problem(await door.propose(), 503, "ledger-latched")
    problem(await preview(door, "propose"), 503, "ledger-latched")


async def test_a_proposer_sees_its_own_order_and_nothing_of_the_account(door: Door) -> None:
    desk = (await preview(door, "propose", "read")).json()
    own = (await preview(door, "propose")).json()
    assert {"account", "projected", "control", "activity"} <= desk["facts"].keys()
    assert own["facts"].keys() == {"v", "ids", "time", "order"}
    assert own["facts"]["ids"]["principal"] == "propose-user"
    assert desk["facts"]["order"].keys() - own["facts"]["order"].keys() == {"equity_share_bps"}
    assert [c["control"] for c in own["controls"]] == [c["control"] for c in desk["controls"]]
    assert any(c["observed"] is not None for c in desk["controls"])
    assert {(c["observed"], c["limit"], c["source"]) for c in own["controls"]} == {(None,) * 3}


async def test_a_proposer_sees_why_it_would_be_denied(door: Door) -> None:
    own = (await preview(door, "propose", qty="2000")).json()
    desk = (await preview(door, "propose", "read", qty="2000")).json()
    denied = problem(await door.propose(qty="2000"), 403, "order-denied")
    assert own["reasons"] == desk["reasons"] == denied["reasons"]
    assert "ORD-01" in {reason["control"] for reason in own["reasons"]}
