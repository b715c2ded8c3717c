"""Repeated execution, as its users meet it: denied, halted, still halted, resumed by name."""

from __future__ import annotations

from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release
from support.tickets import TICKET

FITS = 3
NUMBERS = count()


@pytest.fixture
def server(tmp_path: Path) -> Generator[GatewayProcess]:
    """A strategy may send three orders in five minutes."""
    release = write_release(tmp_path / "release", repeated_orders_max_count=FITS)
    server = simulation(tmp_path, release)
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "a test").status == 0
        yield server
    finally:
        if server.process is not None:
            assert server.stop() == 0, server.log()


def propose(http: httpx2.Client, strategy: str) -> httpx2.Response:
    ticket = TICKET | {"limit_price": "24.80", "qty": "1", "strategy_id": strategy}
    key = f"latch-{next(NUMBERS)}"
    return http.post("/v1/orders", json=ticket, headers={"Idempotency-Key": key})


def failing(answer: httpx2.Response) -> set[str]:
    assert answer.status_code == 403, answer.text
    return {reason["control"] for reason in answer.json()["reasons"]}


def halts(http: httpx2.Client) -> list[dict[str, Any]]:
    return http.get("/v1/halts").json()["halts"]


def trade_to_the_limit(http: httpx2.Client) -> None:
    for _ in range(FITS):
        assert propose(http, "momentum").status_code == 201
    assert failing(propose(http, "momentum")) == {"REP-01"}
    # From the next order on it is the halt that denies, whatever the count says.
    assert "OMEGA-2" in failing(propose(http, "momentum"))


@pytest.mark.requirement("W-06")
@pytest.mark.requirement("W-05")
def test_a_strategy_that_repeats_itself_stands_until_a_person_resumes_it(
    server: GatewayProcess,
) -> None:
    with server.http() as http:
        trade_to_the_limit(http)
        [halt] = halts(http)
        assert (halt["cause"], halt["by"]) == ("REPEATED_EXECUTION", "policy")
        assert (halt["scope"], halt["name"]) == ("strategy", "momentum")
        assert (halt["observed"], halt["limit"]) == (FITS + 1, FITS)
        assert propose(http, "reversion").status_code == 201
    assert server.stop() == 0
    server.start()
    with server.http() as http:
        assert [one["halt_id"] for one in halts(http)] == [halt["halt_id"]]
        assert "OMEGA-2" in failing(propose(http, "momentum"))
        reader = server.new_key("looker", "read")
        resume = ("resume", halt["halt_id"], "--reason", "a loop, mended")
        assert server.writ(*resume, key=reader).status != 0
        resumed = server.writ(*resume)
        assert resumed.status == 0, resumed.err
        assert halts(http) == []
        trade_to_the_limit(http)  # the count began anew, and holds again
        assert [one["cause"] for one in halts(http)] == ["REPEATED_EXECUTION"]
    assert server.stop() == 0
    log = server.data / "log"
    verified = server.writ(
        "audit", "verify", "--log", str(log), "--vkey", str(server.data / "log.vkey")
    )
    assert verified.status == 0, verified.out
