"""Facts as services push them: `writ facts` against a gateway that runs, and what then happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.releases import DEMO_RELEASE

NOW = "2015-01-02T15:30:00-05:00"
BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")


def put(server: GatewayProcess, *words: str) -> tuple[int, str]:
    done = server.writ("facts", "put", *words, "--at", NOW, "--source", "monitor")
    return done.status, done.err


@pytest.mark.requirement("S1-09")
@pytest.mark.requirement("S1-14")
@pytest.mark.requirement("W-05")
def test_a_bad_word_of_a_model_stops_trading_and_a_good_one_lets_it_go_on(tmp_path: Path) -> None:
    server = simulation(tmp_path, DEMO_RELEASE)
    server.start()
    try:
        server.key = server.new_key("desk", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "test").status == 0
        assert server.writ(*BUY).status == 0
        early = ("facts", "put", "model.drift", "0.9", "--at", "2015-01-02T15:29:59-05:00")
        assert server.writ(*early, "--source", "monitor").status == 0
        denied = server.writ(*BUY)
        assert denied.status == 1
        assert "MOD-04" in denied.out + denied.err
        [order] = server.writ("order", "list", "--status", "denied", "-o", "json").json
        told = server.writ("order", "attempt", order["order_id"]).json
        assert told["fail_closed_triggers"] == ["drift_check"]
        assert put(server, "model.drift", "0.01") == (0, "")
        assert server.writ(*BUY).status == 0
        a_quote_is_pushed_and_listed(server)
        what_was_wrong_is_taken_back(server)
        what_is_refused_says_why(server)
    finally:
        assert server.stop() == 0


def a_quote_is_pushed_and_listed(server: GatewayProcess) -> None:
    prices = ("--bid", "24.5", "--ask", "24.52", "--last", "24.51")
    assert put(server, "quote.AAPL", *prices) == (0, "")
    listed = server.writ("facts", "list", "-o", "json").json
    assert [fact["name"] for fact in listed] == ["model.drift", "quote.AAPL"]
    assert listed[1]["value"] == {"bid": "24.5", "ask": "24.52", "last": "24.51"}
    table = server.writ("facts", "list")
    assert "model.drift" in table.out
    assert "monitor" in table.out


def what_was_wrong_is_taken_back(server: GatewayProcess) -> None:
    taken = server.writ("facts", "withdraw", "quote.AAPL", "--at", NOW, "--source", "monitor")
    assert (taken.status, "quote.AAPL" in taken.out) == (0, True), taken.err
    assert [fact["name"] for fact in server.writ("facts", "list", "-o", "json").json] == [
        "model.drift"
    ]
    for status, code, words in (
        (1, "fact-source", ("model.drift", "--source", "another", "--at", NOW)),
        (2, "fact-not-held", ("quote.KO", "--at", NOW)),
        (2, "fact-unknown", ("../mode", "--at", NOW)),
    ):
        refused = server.writ("facts", "withdraw", *words)
        assert (refused.status, code in refused.err) == (status, True), refused.err


def what_is_refused_says_why(server: GatewayProcess) -> None:
    for status, code, words in (
        (1, "fact-out-of-order", ("model.drift", "0.02")),
        (2, "fact-unknown", ("../mode", "1")),
        (2, "fact-value-invalid", ("model.data_integrity", "yes")),
        (2, "fact-value-missing", ("quote.KO", "--bid", "1")),
        (2, "fact-value-missing", ("quote.KO", "1", "--bid", "1", "--ask", "2", "--last", "1")),
    ):
        found, said = put(server, *words)
        assert (found, code in said) == (status, True), (words, said)
    server.key = server.new_key("reader", "read")
    found, said = put(server, "model.entropy", "0.1")
    assert (found, "scope-missing" in said) == (2, True)
