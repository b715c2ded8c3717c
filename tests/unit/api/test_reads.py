"""What callers read: orders, decisions, accounts, the market as of now, and the published log."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from signing.verify import verify_log
from support.doors import CASH, Door, opened, problem

CONTROL_ID = re.compile(r"^#   id: (\S+)$", re.MULTILINE)
"""The line of a control's own annotations that says its id."""


async def test_an_order_is_filled_on_the_next_bar_and_everything_shows_it(door: Door) -> None:
    order = (await door.propose(headers={"Prefer": "wait=30"})).json()
    assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
    filled = (await door.call("GET", f"/v1/orders/{order['order_id']}")).json()
    assert filled["status"] == "FILLED"
    assert (filled["filled_qty"], filled["leaves_qty"]) == ("10", "0")
    [fill] = (await door.call("GET", "/v1/fills")).json()["fills"]
    assert (fill["order_id"], fill["qty"], fill["side"]) == (order["order_id"], "10", "buy")
    assert Decimal(fill["price"]) == Decimal(filled["filled_avg_price"])
    assert Decimal(fill["price"]) <= Decimal("24.80")
    [position] = (await door.call("GET", "/v1/positions")).json()["positions"]
    assert (position["symbol"], position["qty"], position["last"]) == ("AAPL", "10", "23.84")
    account = (await door.call("GET", "/v1/account")).json()
    paid = Decimal(fill["price"]) * 10 + Decimal(fill["fee"])
    assert Decimal(account["cash"]) == Decimal(CASH) - paid
    assert Decimal(account["equity"]) == Decimal(account["cash"]) + Decimal(position["value"])
    pnl = (await door.call("GET", "/v1/pnl")).json()
    assert Decimal(pnl["day_pnl"]) == Decimal(account["equity"]) - Decimal(pnl["day_open_equity"])
    assert pnl["session"] == "2015-01-05"
    assert Decimal(pnl["day_turnover"]) == Decimal(fill["price"]) * 10


async def test_fills_are_paged_by_the_logs_index(door: Door) -> None:
    for _ in range(3):
        await door.propose()
    await door.clock("2015-01-05T15:30:00-05:00")
    page = (await door.call("GET", "/v1/fills?limit=2")).json()
    rest = (await door.call("GET", f"/v1/fills?after={page['next']}")).json()
    assert (len(page["fills"]), len(rest["fills"])) == (2, 1)
    empty = (await door.call("GET", f"/v1/fills?after={rest['next']}")).json()
    assert empty == {"fills": [], "next": rest["next"]}


async def test_orders_are_listed_newest_first_by_account_status_and_page(door: Door) -> None:
    ids = [(await door.propose()).json()["order_id"] for _ in range(5)]
    await door.propose(symbol="NOPE")
    found, path = [], "/v1/orders?status=ACKNOWLEDGED&limit=2"
    await door.app.pipeline.quiesce()
    cursor = ""
    while True:
        page = (await door.call("GET", path + cursor)).json()
        found += [order["order_id"] for order in page["orders"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == ids[::-1]
    denied = (await door.call("GET", "/v1/orders?status=DENIED&account=primary")).json()
    assert [order["symbol"] for order in denied["orders"]] == ["NOPE"]
    assert (await door.call("GET", "/v1/orders?account=other")).json()["orders"] == []


MISTYPED = [
    ("acount=primary", "invalid-unknown-field"),
    ("status=filled", "invalid-value"),
    ("limit=0", "invalid-value"),
    ("limit=501", "invalid-value"),
    ("limit=1e9", "invalid-value"),
    ("limit=", "invalid-value"),
    ("cursor=1", "cursor-malformed"),
    ("cursor=c" + "f" * 20, "cursor-malformed"),
    ("cursor=c-1", "cursor-malformed"),
    ("account=" + "x" * 33, "invalid-value"),
]


async def test_a_mistyped_query_is_refused_not_ignored(door: Door) -> None:
    for query, code in MISTYPED:
        problem(await door.call("GET", f"/v1/orders?{query}"), 422, code)


ABSENT = [
    ("/v1/orders/ord_nope", "order-unknown"),
    ("/v1/decisions/dec_nope", "decision-unknown"),
    ("/v1/decisions/dec_nope/receipt", "decision-unknown"),
    ("/v1/account?account=nope", "account-unknown"),
    ("/v1/positions?account=nope", "account-unknown"),
    ("/v1/pnl?account=nope", "account-unknown"),
    ("/v1/market/quotes?symbol=NOPE", "quote-unknown"),
]


async def test_what_is_not_there_is_a_404(door: Door) -> None:
    for path, code in ABSENT:
        problem(await door.call("GET", path), 404, code)


async def test_an_id_that_cannot_be_is_refused(door: Door) -> None:
    for order_id in ("a b", "%00", "x" * 65, "%2e%2e", "é"):
        answer = await door.call("GET", f"/v1/orders/{order_id}")
        assert answer.status_code in (404, 422)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_open_order_is_cancelled_and_a_closed_one_is_not(door: Door) -> None:
    order = (await door.propose(limit_price="23.90", time_in_force="gtc")).json()
    path = f"/v1/orders/{order['order_id']}"
    await door.app.pipeline.quiesce()
    problem(await door.call("DELETE", path, scope="propose"), 403, "scope-missing")
    answer = await door.call("DELETE", path, scope="cancel")
    assert answer.status_code == 202
    await door.clock("2015-01-05T15:30:00-05:00")
    assert (await door.call("GET", path)).json()["status"] == "CANCELED"
    problem(await door.call("DELETE", path, scope="cancel"), 409, "order-closed")
    denied = (await door.propose(symbol="NOPE")).json()["order_id"]
    answer = await door.call("DELETE", f"/v1/orders/{denied}", scope="cancel")
    problem(answer, 409, "order-closed")
    answer = await door.call("DELETE", "/v1/orders/ord_nope", scope="cancel")
    problem(answer, 404, "order-unknown")


async def test_the_market_is_never_told_from_the_future(door: Door) -> None:
    bars = (await door.call("GET", "/v1/market/bars?symbol=AAPL&limit=1000")).json()["bars"]
    assert [bar["session"] for bar in bars] == ["2014-12-31", "2015-01-02"]
    await door.clock("2015-01-05T15:29:59-05:00")
    assert (await door.call("GET", "/v1/market/bars?symbol=AAPL")).json()["bars"] == bars
    await door.clock("2015-01-05T15:30:00-05:00")
    bars = (await door.call("GET", "/v1/market/bars?symbol=AAPL")).json()["bars"]
    assert [(bar["session"], bar["close"]) for bar in bars] == [
        ("2014-12-31", "24.77"),
        ("2015-01-02", "24.53"),
        ("2015-01-05", "23.84"),
    ]
    quote = (await door.call("GET", "/v1/market/quotes?symbol=AAPL")).json()
    assert Decimal(quote["bid"]) < Decimal(quote["ask"])
    assert (quote["last"], quote["age_ms"]) == ("23.84", 0)
    assert (await door.call("GET", "/v1/market/bars?symbol=NOPE")).json()["bars"] == []


async def test_the_market_clock_moves_forward_only_and_for_admins(door: Door) -> None:
    clock = (await door.call("GET", "/v1/market/clock")).json()
    assert clock == {"now": "2015-01-02T20:30:00.000000Z", "session": "2015-01-02", "movable": True}
    body = {"now": "2015-01-05T15:30:00-05:00"}
    answer = await door.call("POST", "/v1/market/clock", scope="operate", json=body)
    problem(answer, 403, "scope-missing")
    assert (await door.clock(body["now"])).json()["session"] == "2015-01-05"
    problem(await door.clock("2015-01-02T15:30:00-05:00"), 422, "market-clock-backwards")
    problem(await door.clock("2015-01-06"), 422, "time-malformed")


async def test_without_a_feed_there_is_no_market_and_no_clock_to_move(tmp_path: Path) -> None:
    accounts = {"primary": {"broker": "null"}}
    changes = {"market": "none", "mode": "RESEARCH", "accounts": accounts}
    async with opened(tmp_path, lifted=False, **changes) as door:
        problem(await door.call("GET", "/v1/market/bars?symbol=AAPL"), 404, "market-none")
        problem(await door.call("GET", "/v1/market/quotes?symbol=AAPL"), 404, "market-none")
        problem(await door.clock("2090-01-01T00:00:00Z"), 409, "market-clock-real")
        assert (await door.call("GET", "/v1/market/clock")).json()["movable"] is False
        denied = problem(await door.propose(), 403, "order-denied")
        assert "MKT-01" in {reason["control"] for reason in denied["reasons"]}


@pytest.mark.requirement("W-01")
async def test_the_log_read_over_http_verifies(door: Door, tmp_path: Path) -> None:
    await door.propose()
    await door.app.pipeline.quiesce()
    await door.app.ledger.publish_now()
    copy = tmp_path / "copy"
    for file in sorted(p for p in door.app.log_dir.rglob("*") if p.is_file()):
        name = file.relative_to(door.app.log_dir)
        answer = await door.call("GET", f"/log/{name}", scope="audit:read")
        assert answer.status_code == 200, name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(answer.content)
    report = verify_log(copy, door.app.vkey)
    assert report.ok
    assert report.size == door.app.ledger.size
    problem(await door.call("GET", "/log/checkpoint", scope="read"), 403, "scope-missing")


UNPUBLISHED = [
    "writ.db",
    "../writ.db",
    "..%2fwrit.db",
    "%2e%2e/keys/log.key",
    "tile/../../keys/log.key",
    "tile/0/000.p/../../../../access.json",
    "blobs/../../access.json",
    "blobs/" + "0" * 64,
    "blobs/" + "A" * 64,
    "tile/0/999",
    "checkpoint/",
    "",
    "/etc/passwd",
]


async def test_nothing_but_published_files_is_served(door: Door) -> None:
    for path in UNPUBLISHED:
        answer = await door.call("GET", f"/log/{path}", scope="audit:read")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_controls_are_listed_with_their_limits(door: Door) -> None:
    found = (await door.call("GET", "/v1/policy/controls")).json()
    controls = {control["id"]: control for control in found["controls"]}
    sources = (Path(__file__).parents[3] / "policies" / "controls").glob("*.rego")
    ids = [found for file in sources for found in CONTROL_ID.findall(file.read_text("utf-8"))]
    assert sorted(control["id"] for control in found["controls"]) == sorted(ids)
    assert len(controls) == len(ids) > 50
    assert controls["ORD-01"]["limits"] == {"order_notional_max_micros": 30_000_000_000}
    assert all(control["remedy"] and control["title"] for control in controls.values())
    assert "AAPL" in found["instruments"]
    assert found["release_digest"] == door.app.release.digest


async def test_health_and_readiness_need_no_key(door: Door) -> None:
    assert (await door.call("GET", "/healthz", scope=None)).json() == {"status": "up"}
    assert (await door.call("GET", "/readyz", scope=None)).json() == {"status": "ready"}


@pytest.mark.parametrize("state", ["latched", "full", "uncertified"])
async def test_a_gateway_that_cannot_record_is_not_ready(
    door: Door, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(type(door.app.ledger), state, property(lambda _self: "why"))
    document = problem(await door.call("GET", "/readyz", scope=None), 503, f"ledger-{state}")
    assert document["remedy"]
    assert (await door.call("GET", "/healthz", scope=None)).status_code == 200
