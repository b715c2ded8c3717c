"""Changing and withdrawing orders as a user types it, and the log that tells of it afterwards."""

from __future__ import annotations

import time
from typing import Any

import pytest

from support.processes import GatewayProcess

PRICES = {"AAPL": "23.90", "KO": "31.60"}
COMES_TRUE_S = 60


def resting(server: GatewayProcess, symbol: str = "AAPL", *more: str) -> dict[str, Any]:
    order = ("order", "submit", "buy", "40", symbol, "--limit", PRICES[symbol], "--tif", "gtc")
    typed = server.writ(*order, "--wait", "30", "-o", "json", *more)
    assert typed.status == 0, typed.err
    assert typed.json["status"] == "ACKNOWLEDGED"
    return dict(typed.json)


def becomes(server: GatewayProcess, order: dict[str, Any], status: str) -> dict[str, Any]:
    until = time.monotonic() + COMES_TRUE_S
    while time.monotonic() < until:
        shown = server.writ("order", "show", order["order_id"], "-o", "json").json
        if shown["status"] == status:
            return dict(shown)
    raise AssertionError(f"{order['order_id']} is not {status}")


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
def test_an_order_is_replaced_denied_a_change_and_withdrawn_by_command(
    gateway_server: GatewayProcess,
) -> None:
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "a test").status == 0
    old = resting(server)
    change = ("order", "replace", old["order_id"], "--qty", "30", "--limit", "23.80")
    typed = server.writ(*change, "--key", "smaller", "--wait", "30", "-o", "json")
    assert typed.status == 0, typed.err
    new = typed.json
    assert (new["qty"], new["replaces"], new["status"]) == ("30", old["order_id"], "ACKNOWLEDGED")
    shown = becomes(server, old, "REPLACED")
    assert shown["replaced_by"] == new["order_id"]
    table = server.writ("order", "show", old["order_id"]).out
    assert "replaced by" in table
    assert new["order_id"] in table
    again = server.writ(*change, "--key", "smaller", "-o", "json")
    assert again.json["order_id"] == new["order_id"], "it is one replacement"
    assert server.writ(*change).status == 1, "it is over"
    denied = server.writ("order", "replace", new["order_id"], "--limit", "90")
    assert denied.status == 1
    assert "ORD-03" in denied.out
    assert server.writ("order", "replace", new["order_id"]).status == 2
    assert becomes(server, new, "ACKNOWLEDGED")["replaced_by"] is None
    assert server.writ("order", "cancel", new["order_id"]).status == 0
    becomes(server, new, "CANCELED")
    server.stop()
    log = ("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey"))
    verified = server.writ("audit", "verify", *log)
    assert verified.status == 0, verified.out
    server.start()


@pytest.mark.requirement("S1-06")
def test_orders_are_cancelled_by_command_by_symbol_strategy_account_or_all(
    gateway_server: GatewayProcess,
) -> None:
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "a test").status == 0
    apple = resting(server, "AAPL", "--strategy-id", "one")
    coke = resting(server, "KO")
    for wrong in ((), ("--all", "--symbol", "KO"), (coke["order_id"], "--all")):
        assert server.writ("order", "cancel", *wrong).status == 2, wrong
    answer = server.writ("order", "cancel", "--symbol", "KO", "-o", "json").json
    assert [one["order_id"] for one in answer["orders"]] == [coke["order_id"]]
    assert (answer["asked"], answer["failed"]) == (1, 0)
    becomes(server, coke, "CANCELED")
    assert apple["order_id"] in server.writ("order", "cancel", "--strategy", "one").out
    becomes(server, apple, "CANCELED")
    last = resting(server)
    assert server.writ("order", "cancel", "--account", "primary").status == 0
    becomes(server, last, "CANCELED")
    assert server.writ("order", "cancel", "--all").status == 0, "nothing is left to cancel"
