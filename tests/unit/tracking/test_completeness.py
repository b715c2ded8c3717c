"""`writ audit complete`: what only one of log and broker has is named, both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.domain.quantities import format_scaled
from support.desk import Desk

pytestmark = [pytest.mark.requirement("W-09")]

PERIOD = {"from": "2014-01-01T00:00:00Z", "to": "2014-12-31T00:00:00Z"}
Audit = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def audit(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Publishes nothing; runs `writ audit complete` on what is, and returns its status and word."""
    vkey = tmp_path / "log.vkey"
    vkey.write_text(f"{desk.door.app.vkey}\n")

    def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        given = ["audit", "complete", desk.door.app.log_dir, "--vkey", vkey, *arguments]
        with pytest.raises(SystemExit) as ended:
            main([*map(str, given), "-o", "json"])
        assert isinstance(ended.value.code, int)
        told = capsys.readouterr().out
        return ended.value.code, json.loads(told) if told else {}

    return run


async def exported(desk: Desk, folder: Path, **period: str) -> Path:
    """The broker's list as the gateway saves it."""
    await desk.entries()
    answer = await desk.door.call(
        "GET", "/v1/brokers/primary/history", scope="audit:read", params=PERIOD | period
    )
    assert answer.status_code == 200, answer.text
    saved = folder / "list.json"
    saved.write_text(answer.text)
    return saved


async def now_around(desk: Desk) -> dict[str, str]:
    """A period that the test's entries lie well within."""
    return {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


async def checked(audit: Audit, saved: Path) -> tuple[int, list[str], dict[str, Any]]:
    """The exit status, the findings' codes, and everything that was said."""
    status, told = await asyncio.to_thread(audit, "--broker-list", saved)
    return status, [one["code"] for one in told["findings"]], told


async def test_a_log_that_has_what_the_broker_has_is_complete(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    status, codes, told = await checked(audit, await exported(desk, tmp_path))
    assert (status, codes) == (0, [])
    assert (told["complete"], told["orders"], told["fills"]) == (True, 1, 1)


async def test_an_order_and_a_fill_past_the_gateway_are_named(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    desk.books.other("ext-9")
    desk.books.trade_past(5, client_id="theirs-ext-9")
    status, codes, told = await checked(audit, await exported(desk, tmp_path))
    assert (status, sorted(codes)) == (1, ["FILL_NOT_IN_LOG", "ORDER_NOT_IN_LOG"])
    assert "theirs-ext-9 ext-9" in [one["name"] for one in told["findings"]]


async def test_an_order_of_others_that_the_log_knows_is_named_as_external(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    desk.books.other("ext-9")
    await desk.run()
    desk.books.trade_past(5, client_id="theirs-ext-9")
    status, codes, told = await checked(audit, await exported(desk, tmp_path))
    assert (status, codes, told["external"]) == (0, [], 1)


async def test_an_order_and_a_fill_that_the_broker_lacks_are_named(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.orders.clear()
    desk.books.executions.clear()
    saved = await exported(desk, tmp_path, **(await now_around(desk)))
    status, codes, _ = await checked(audit, saved)
    assert (status, sorted(codes)) == (1, ["FILL_NOT_AT_BROKER", "ORDER_NOT_AT_BROKER"])


async def test_a_fill_that_was_inferred_is_not_the_brokers_word(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    late = desk.books.fill(client_id, 40, told=False)
    await desk.run()
    _, codes, _ = await checked(audit, await exported(desk, tmp_path))
    assert sorted(codes) == ["FILL_INFERRED", "FILL_NOT_IN_LOG"]
    desk.books.tell(late)
    await desk.pull()
    assert (await checked(audit, await exported(desk, tmp_path)))[0] == 0


async def test_a_fill_at_another_price_is_named(desk: Desk, audit: Audit, tmp_path: Path) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    saved = await exported(desk, tmp_path)
    fields = json.loads(saved.read_text())
    fields["executions"][0]["price"] += 1
    saved.write_text(json.dumps(fields))
    assert (await checked(audit, saved))[1] == ["FILL_DIFFERS"]


async def test_an_order_that_was_never_sent_by_the_log_and_is_at_the_broker_is_named(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    await desk.door.call("POST", "/v1/mode", scope="admin", json={"mode": "RESEARCH"})
    answer = await desk.door.propose(qty="10")
    client_id = answer.json()["broker_client_id"]
    desk.books.other("b9", broker_client_id=client_id)
    assert (await checked(audit, await exported(desk, tmp_path)))[1] == ["ORDER_NEVER_SENT"]


async def test_alpacas_own_answers_are_read_without_the_gateway(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    fill = desk.books.fill(client_id, 40, name="20150102::a")
    await desk.pull()
    await desk.entries()
    (tmp_path / "orders.json").write_text(
        json.dumps(
            [
                {"id": "b0", "client_order_id": client_id, "symbol": "AAPL", "side": "buy",
                 "qty": "100", "submitted_at": "2015-01-02T15:00:00.123456789Z"},
            ]
        )
    )  # fmt: skip
    activity = {
        "id": fill.execution_id, "order_id": "b0", "symbol": "AAPL", "side": "buy", "qty": "40",
        "price": format_scaled(fill.price, 4), "transaction_time": "2015-01-02T15:00:01Z",
    }  # fmt: skip
    (tmp_path / "fills.json").write_text(json.dumps([activity]))
    given = (
        "--alpaca-orders", tmp_path / "orders.json", "--alpaca-fills", tmp_path / "fills.json",
        "--period", "2015-01-01T00:00:00Z/2015-02-01T00:00:00Z",
    )  # fmt: skip
    status, told = await asyncio.to_thread(audit, *given)
    assert (status, told["orders"], told["fills"]) == (0, 1, 1)
    activity["price"] = "24.81"
    (tmp_path / "fills.json").write_text(json.dumps([activity]))
    status, told = await asyncio.to_thread(audit, *given)
    assert (status, [one["code"] for one in told["findings"]]) == (1, ["FILL_DIFFERS"])


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[]",
        '{"format": "another"}',
        '{"format": "writ-broker-history/1", "account": "primary", "from_us": 0}',
    ],
    ids=["empty", "no-object", "another-format", "cut-off"],
)
async def test_a_list_that_is_not_whole_is_no_list(
    desk: Desk, audit: Audit, tmp_path: Path, bad: str
) -> None:
    await desk.entries()
    (tmp_path / "list.json").write_text(bad)
    status, _ = await asyncio.to_thread(audit, "--broker-list", tmp_path / "list.json")
    assert status == 2


async def test_a_log_that_does_not_verify_is_compared_with_nothing(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    saved = await exported(desk, tmp_path)
    bundle = next((desk.door.app.log_dir / "tile" / "entries").rglob("*.p/*"))
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.chmod(0o600)
    bundle.write_bytes(bytes(data))
    status, _ = await asyncio.to_thread(audit, "--broker-list", saved)
    assert status == 1


async def test_what_a_person_said_counts_until_the_broker_tells_it(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    late = desk.books.fill(client_id, 40, told=False)
    word = {"outcome": "filled", "qty": "40", "price": "24.80", "evidence": "by telephone"}
    answer = await desk.door.call(
        "POST",
        f"/v1/orders/{desk.state(client_id).order_id}/settle",
        scope="operate",
        json=word | {"reason": "it had to be settled", "contradicts": True},
    )
    assert answer.status_code == 200, answer.text
    _, codes, _ = await checked(audit, await exported(desk, tmp_path))
    assert codes == ["FILL_NOT_IN_LOG"]
    desk.books.tell(late)
    await desk.pull()
    period = await now_around(desk)
    assert (await checked(audit, await exported(desk, tmp_path)))[0] == 0
    desk.books.executions.clear()
    _, codes, _ = await checked(audit, await exported(desk, tmp_path, **period))
    assert codes.count("FILL_NOT_AT_BROKER") == 1  # the broker's own; the person's is no more


async def test_what_was_inferred_and_taken_back_is_no_fill(
    desk: Desk, audit: Audit, tmp_path: Path
) -> None:
    client_id = await desk.order()
    lost = desk.books.fill(client_id, 40, told=False)
    await desk.run()
    desk.books.correct(lost, 0, name="c-1", told=False)
    await desk.run()
    assert (await checked(audit, await exported(desk, tmp_path)))[0] == 0
