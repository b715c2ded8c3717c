"""Sixty-four clients at once against a real server; the log is added up by a program of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from support.http_load import Client, Reply
from support.kill_chain import WIDE, broker_orders
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.published import Published
from support.release_folder import write_release

CLIENTS = 64
LIMITCHECK = Path(__file__).resolve().parents[1] / "foreign" / "limitcheck" / "limitcheck.py"
DOLLAR = 1_000_000
AAPL_AT = 25_760_000
"""What one share of AAPL counts, in micros: the far edge of the collar on the first day."""
T = TypeVar("T")


@contextmanager
def serving(folder: Path, **limits: int) -> Generator[GatewayProcess]:
    """A server whose other limits are wide, with Omega 4 lifted."""
    server = simulation(folder, write_release(folder / "release", **{**WIDE, **limits}))
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        with server.http() as http:
            lifted = http.post("/v1/omega4", json={"lifted": True, "reason": "a test"})
            assert lifted.status_code == 200
        yield server
    finally:
        if server.process is not None:
            assert server.stop() == 0, server.log()


def ticket(qty: int, **changes: Any) -> dict[str, Any]:
    plain = {"account": "primary", "symbol": "AAPL", "side": "buy", "type": "market"}
    return plain | {"time_in_force": "day", "qty": str(qty)} | changes


def at_once(
    server: GatewayProcess, work: Callable[[int, Client], Awaitable[T]], clients: int = CLIENTS
) -> list[T]:
    """Open all connections, then let every client begin in the same moment."""

    async def run() -> list[T]:
        ready = [Client(server.url, server.key) for _ in range(clients)]
        for client in ready:
            await client.open()
        try:
            async with asyncio.timeout(60):
                return await asyncio.gather(*(work(n, client) for n, client in enumerate(ready)))
        finally:
            for client in ready:
                client.close()

    return asyncio.run(run())


def settled_log(server: GatewayProcess) -> tuple[Published, str]:
    """Stop the gateway, have its log verified and added up; returns it with the counts."""
    assert server.stop() == 0, server.log()
    log = server.data / "log"
    verified = server.writ(
        "audit", "verify", "--log", str(log), "--vkey", str(server.data / "log.vkey")
    )
    assert verified.status == 0, verified.out
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LIMITCHECK), str(log)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    published = Published(log)
    published.read_on()
    return published, done.stdout


async def told_at_last(client: Client, body: dict[str, Any]) -> Reply:
    """Ask under one key for as long as another request with it is being decided."""
    while True:
        reply = await client.order("the-key", body)
        if reply.status != 409:
            return reply
        assert reply.body["code"] == "idempotency-in-flight"


async def posts(client: Client, prefix: str, bodies: Sequence[dict[str, Any]]) -> list[Reply]:
    return [await client.order(f"{prefix}-{n}", body) for n, body in enumerate(bodies)]


# Each limit has room for so many orders of so many shares, and not for one more.
LIMITS: dict[str, tuple[dict[str, int], int, int]] = {
    "position notional": ({"position_notional_max_micros": 40 * 10 * AAPL_AT}, 10, 40),
    "gross exposure": ({"gross_exposure_max_micros": 41 * 10 * AAPL_AT + 1}, 10, 41),
    "day turnover": ({"day_turnover_max_micros": 43 * 10 * AAPL_AT + 10 * AAPL_AT - 1}, 10, 43),
    # 100,000 of cash, and nothing to speak of that may be borrowed: 38 orders of 100 shares at
    # 25.76. With more, the simulated cash account would reject orders, which frees their room.
    "margin": ({"margin_debit_max_micros": 1}, 100, 38),
}


@pytest.mark.slow
@pytest.mark.requirement("S0-09")
@pytest.mark.requirement("S0-10")
@pytest.mark.requirement("S0-11")
@pytest.mark.requirement("S0-14")
@pytest.mark.parametrize("name", LIMITS)
def test_racing_orders_fill_a_limit_exactly(tmp_path: Path, name: str) -> None:
    limits, qty, fits = LIMITS[name]
    with serving(tmp_path, **limits) as server:
        told = at_once(server, lambda n, c: posts(c, f"r{n}", [ticket(qty)] * 3))
        replies = [reply for each in told for reply in each]
        assert Counter(reply.status for reply in replies) == {201: fits, 403: 3 * CLIENTS - fits}
        published, counts = settled_log(server)
        assert f"allowed={fits} denied={3 * CLIENTS - fits} sent={fits}" in counts
        assert {r.decision_id for r in replies} == published.decisions.keys()


@pytest.mark.slow
@pytest.mark.requirement("S0-10")
def test_racing_orders_of_different_sizes_and_sides_stay_within_every_limit(tmp_path: Path) -> None:
    """No figure is known beforehand here: only the sums of the log can tell."""
    tight = {
        "position_notional_max_micros": 9_000 * DOLLAR,
        "gross_exposure_max_micros": 15_000 * DOLLAR,
        "day_turnover_max_micros": 30_000 * DOLLAR,
    }

    def bodies(number: int) -> list[dict[str, Any]]:
        symbols = ("AAPL", "MSFT", "XOM")
        return [
            ticket(
                1 + (7 * number + 3 * turn) % 40,
                symbol=symbols[(number + turn) % 3],
                side="sell" if turn == 3 else "buy",
            )
            for turn in range(4)
        ]

    async def work(number: int, client: Client) -> list[Reply]:
        told = await posts(client, f"m{number}", bodies(number))
        if number == 0:  # fills in the middle of the race
            moved = await client.ask(
                "POST", "/v1/market/clock", {"now": "2015-01-05T15:30:00-05:00"}
            )
            assert moved.status == 200, moved
        return told + await posts(client, f"n{number}", bodies(number))

    with serving(tmp_path, **tight) as server:
        told = at_once(server, work)
        statuses = Counter(reply.status for each in told for reply in each)
        assert statuses.keys() == {201, 403}
        assert min(statuses.values()) > 10
        _, counts = settled_log(server)
        assert "fills=0" not in counts


@pytest.mark.slow
@pytest.mark.requirement("W-01")
def test_one_key_has_one_decision_however_many_ask(tmp_path: Path) -> None:
    async def until_told(_: int, client: Client) -> Reply:
        return await told_at_last(client, ticket(1))

    async def other(number: int, client: Client) -> Reply:
        return await told_at_last(client, ticket(2 + number))

    with serving(tmp_path) as server:
        told = at_once(server, until_told)
        assert {reply.status for reply in told} == {201}
        assert len({reply.decision_id for reply in told}) == 1
        assert sum("idempotency-replayed" not in reply.headers for reply in told) == 1
        others = at_once(server, other)
        assert {reply.status for reply in others} == {422}
        assert {reply.body["code"] for reply in others} == {"idempotency-key-reused"}
        published, _ = settled_log(server)
        assert len(published.decisions) == 1
        assert len(broker_orders(server.data)) == 1


@pytest.mark.slow
@pytest.mark.requirement("W-01")
def test_different_bodies_for_one_key_at_once_lead_to_one_decision(tmp_path: Path) -> None:
    """Who comes first has it; nobody else gets an order, and nobody hangs."""

    async def work(number: int, client: Client) -> Reply:
        return await told_at_last(client, ticket(1 + number))

    with serving(tmp_path) as server:
        told = at_once(server, work)
        assert Counter(reply.status for reply in told) == {201: 1, 422: CLIENTS - 1}
        published, _ = settled_log(server)
        assert len(published.decisions) == 1


@pytest.mark.slow
@pytest.mark.requirement("S1-01")
def test_nothing_is_allowed_after_a_kill_and_all_that_works_is_cancelled(tmp_path: Path) -> None:
    warm, killed, answered = asyncio.Event(), asyncio.Event(), list[Reply]()

    async def work(number: int, client: Client) -> list[Reply]:
        if number == 0:
            await warm.wait()
            killing = await client.ask("POST", "/v1/kill", {"reason": "a race"})
            assert killing.status == 200, killing
            killed.set()
            return []
        told, after = [], 0
        while after < 3:
            after += killed.is_set()
            told.append(await client.order(f"x{number}-{len(told)}", ticket(1)))
            answered.append(told[-1])
            if len(answered) > 3 * CLIENTS:
                warm.set()
            if after > 1:  # sent when the kill had been answered
                assert told[-1].status == 403, told[-1]
        return told

    with serving(tmp_path) as server:
        told = [reply for each in at_once(server, work) for reply in each]
        allowed = {reply.decision_id for reply in told if reply.status == 201}
        assert len(allowed) > CLIENTS
        published, _ = settled_log(server)  # looks for allows under the halt, and for cancels
        [kill] = [i for i, (kind, _) in enumerate(published.entries) if kind == "halt"]
        last = max(index for index, p in published.decisions.values() if p["allow"])
        assert last < kill < max(index for index, _ in published.decisions.values())
        assert {d for d, (_, p) in published.decisions.items() if p["allow"]} == allowed
        with sqlite3.connect(f"file:{server.data / 'simulator.db'}?mode=ro", uri=True) as book:
            found = dict(book.execute("SELECT status, count(*) FROM orders GROUP BY status"))
        assert found.keys() == {"CANCELED"}
