"""Trading as a user types it: propose, be denied and told why, fill, cancel, prove."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from support.processes import GatewayProcess, simulation
from support.tickets import BAD_NUMBERS, TICKET

BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
ALLOWED_TICKET = TICKET | {"limit_price": "24.80"}


def controls(server: GatewayProcess, *order: str) -> set[str]:
    """The controls that deny an order, as `writ order submit` prints them."""
    typed = server.writ("order", "submit", *order, "-o", "json")
    assert typed.status == 1, typed.err
    assert typed.json["code"] == "order-denied"
    return {reason["control"] for reason in typed.json["reasons"]}


@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S1-01")
@pytest.mark.requirement("S2-04")
def test_from_the_first_key_to_a_fill_and_its_proof(gateway_server: GatewayProcess) -> None:
    server = gateway_server
    denied = server.writ(*BUY)
    assert denied.status == 1
    assert "OMEGA-4" in denied.out
    assert server.writ("mode", "set", "LIVE").status == 1
    assert server.writ("omega4", "lift", "--reason", "a test").status == 0
    submitted = server.writ(*BUY, "--wait", "30", "-o", "json")
    assert submitted.status == 0, submitted.err
    order = submitted.json
    assert (order["status"], order["broker"]) == ("ACKNOWLEDGED", "simulator")

    with server.http() as http:
        moved = http.post("/v1/market/clock", json={"now": "2015-01-05T15:30:00-05:00"})
        assert moved.status_code == 200
    shown = server.writ("order", "show", order["order_id"], "-o", "json").json
    assert (shown["status"], shown["filled_qty"]) == ("FILLED", "10")
    assert Decimal(shown["filled_avg_price"]) <= Decimal("24.80")
    listed = server.writ("order", "list", "--status", "filled", "-o", "json").json
    assert [row["order_id"] for row in listed] == [order["order_id"]]
    assert "FILLED" in server.writ("order", "list").out


@pytest.mark.requirement("W-05")
def test_explain_shows_observed_limit_remedy_and_regulation(shared_server: GatewayProcess) -> None:
    server = shared_server
    order = ("buy", "1300", "AAPL", "--limit", "24.80")
    denied = server.writ("order", "submit", *order, "-o", "json")
    assert denied.status == 1
    for order_id in (denied.json["order_id"], denied.json["decision_id"]):
        explained = server.writ("order", "explain", order_id)
        assert explained.status == 0
        for text in (
            "ORD-01",
            "32,240.00 USD <= 30,000.00 USD: no",
            "Send a smaller order",
            "RTS 6 article 15(1)(b)",
        ):
            assert text in explained.out, text
    unknown = server.writ("order", "explain", "dec_nope")
    assert unknown.status == 2
    assert "decision-unknown" in unknown.err


@pytest.mark.requirement("W-01")
def test_a_receipt_is_verified_offline_and_a_changed_one_is_not(
    shared_server: GatewayProcess, tmp_path: Path
) -> None:
    server = shared_server
    order = server.writ(*BUY, "-o", "json").json
    receipt = tmp_path / "receipt"
    receipt.write_text(server.writ("order", "receipt", order["order_id"]).out)
    vkey = str(server.data / "log.vkey")
    verify = ("audit", "verify", "--vkey", vkey, "--receipt", str(receipt))
    verified = server.writ(*verify, key="")
    assert verified.status == 0, verified.err
    assert order["decision_id"] in verified.out
    lines = receipt.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:-20] + ("A" if lines[1][-20] != "A" else "B") + lines[1][-19:]
    receipt.write_text("".join(lines))
    assert server.writ(*verify, key="").status == 1


def test_a_preview_decides_and_leaves_nothing(shared_server: GatewayProcess) -> None:
    server = shared_server
    before = server.writ("order", "list", "--limit", "500", "-o", "json").json
    seen = server.writ("order", "preview", "buy", "10", "AAPL", "--limit", "24.80")
    assert seen.status == 0, seen.err
    refused = server.writ("order", "preview", "buy", "1300", "AAPL", "--limit", "24.80")
    assert refused.status == 1
    assert "ORD-01" in refused.out
    assert server.writ("order", "list", "--limit", "500", "-o", "json").json == before


@pytest.mark.requirement("S2-03")
def test_kill_denies_the_next_request_until_a_named_person_resumes(
    gateway_server: GatewayProcess,
) -> None:
    server = gateway_server
    server.writ("omega4", "lift", "--reason", "test")
    resting = server.writ(
        *("order", "submit", "buy", "10", "AAPL", "--limit", "23.90", "--tif", "gtc"),
        *("--wait", "30", "-o", "json"),
    ).json
    operator = server.new_key("night-desk", "operate", "read")
    proposer = server.new_key("strategy", "propose")
    with server.http(proposer) as http:
        assert server.writ("kill", "--reason", "drill", key=proposer).status == 2
        killed = server.writ("kill", "--reason", "drill", "-o", "json", key=operator)
        assert killed.status == 0, killed.err
        answer = http.post("/v1/orders", json=ALLOWED_TICKET, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 403
    assert [reason["control"] for reason in answer.json()["reasons"]] == ["OMEGA-2"]
    [halt] = killed.json
    assert halt["by"] == "night-desk"
    assert halt["halt_id"] in server.writ("halt", "list").out
    shown = server.writ("order", "show", resting["order_id"], "-o", "json").json
    assert shown["status"] in ("PENDING_CANCEL", "CANCELED")
    not_theirs = server.writ("resume", halt["halt_id"], "--reason", "over", key=operator)
    assert not_theirs.status == 1
    assert "halt-not-yours" in not_theirs.err
    assert server.writ("resume", halt["halt_id"], "--reason", "over").status == 0
    assert server.writ(*BUY).status == 0


@pytest.mark.requirement("S1-06")
def test_an_order_with_an_end_of_its_own_is_typed_with_it(shared_server: GatewayProcess) -> None:
    order = ("order", "submit", "buy", "1", "KO", "--limit", "31.00", "--tif", "gtd")
    ends = ("--expires-at", "2015-01-30T15:00:00-05:00")
    submitted = shared_server.writ(*order, *ends, "-o", "json")
    assert submitted.status == 0, submitted.err
    assert submitted.json["expires_at"] == "2015-01-30T20:00:00.000000Z"
    refused = shared_server.writ(*order)
    assert (refused.status, "expiry-missing" in refused.err) == (2, True)


def test_an_open_order_is_cancelled_once(shared_server: GatewayProcess) -> None:
    server = shared_server
    order = server.writ(
        *("order", "submit", "buy", "10", "KO", "--limit", "31.00", "--tif", "gtc"),
        *("--wait", "30", "-o", "json"),
    )
    assert order.status == 0, order.err
    order_id = order.json["order_id"]
    reader = server.new_key("reader", "read")
    refused = server.writ("order", "cancel", order_id, key=reader)
    assert refused.status == 2
    assert "scope-missing" in refused.err
    cancelled = server.writ("order", "cancel", order_id, "-o", "json")
    assert cancelled.status == 0
    assert cancelled.json["status"] in ("PENDING_CANCEL", "CANCELED")
    assert server.writ("order", "cancel", "ord_nope").status == 2


@pytest.mark.parametrize(
    ("order", "control"),
    [
        pytest.param(
            ("buy", "1300", "AAPL", "--limit", "24.80"),
            "ORD-01",
            marks=pytest.mark.requirement("S0-06"),
        ),
        pytest.param(("buy", "2001", "AMD", "--limit", "2.70"), "ORD-02"),
        pytest.param(("buy", "10", "AAPL", "--limit", "27.00"), "ORD-03"),
        pytest.param(("buy", "10", "NOPE", "--limit", "10"), "INS-01"),
        pytest.param(
            ("sell", "10", "PFE", "--limit", "21.50"),
            "SHT-01",
            marks=pytest.mark.requirement("S0-13"),
        ),
    ],
)
@pytest.mark.requirement("S0-15")
def test_each_limit_denies_what_exceeds_it(
    shared_server: GatewayProcess, order: tuple[str, ...], control: str
) -> None:
    assert control in controls(shared_server, *order)


@pytest.mark.requirement("S2-02")
@pytest.mark.requirement("S0-15")
@pytest.mark.parametrize("mode", ["SIMULATION", "RESEARCH"])
def test_the_shipped_release_denies_everything(tmp_path: Path, mode: str) -> None:
    """Its limits are all zero, and a limit of zero proves nothing."""
    server = simulation(tmp_path, Path("unused"), WRIT_MODE=mode)
    server.environment = {k: v for k, v in server.environment.items() if k != "WRIT_RELEASE"}
    server.start()
    try:
        server.key = server.new_key("ops", "propose", "admin", "read")
        server.writ("omega4", "lift", "--reason", "test")
        for order in (
            ("buy", "1", "AAPL", "--limit", "0.01"),
            ("buy", "1", "AAPL"),
            ("sell", "1", "KO"),
        ):
            assert {"ORD-01", "ORD-02", "POS-01", "ACC-02", "EXP-03"} <= controls(server, *order)
        listed = server.writ("order", "list", "-o", "json").json
        assert {row["status"] for row in listed} == {"DENIED"}
    finally:
        assert server.stop() == 0


def test_bad_input_is_refused_with_exit_2_and_leaves_no_order(
    shared_server: GatewayProcess,
) -> None:
    server = shared_server
    before = server.writ("order", "list", "--limit", "500", "-o", "json").json
    for typed in (
        ("buy", "1e3", "AAPL"),
        ("buy", "0", "AAPL"),
        ("buy", "0.5", "AAPL"),
        ("buy", "10", "aapl"),
        ("hold", "10", "AAPL"),
        ("buy", "10", "AAPL", "--tif", "gtd"),
        ("buy", "10", "AAPL", "--limit", "0.001"),
        ("buy", "10", "AAPL", "--account", "other"),
        ("buy", "99999999999", "AAPL", "--limit", "1"),
    ):
        refused = server.writ("order", "submit", *typed)
        assert refused.status == 2, typed
        assert "error:" in refused.err
        assert "what to do:" in refused.err
    with server.http() as http:
        for name, value in BAD_NUMBERS.items():
            if name != "lone surrogate":
                ticket = ALLOWED_TICKET | {"qty": value}
                answer = http.post("/v1/orders", json=ticket, headers={"Idempotency-Key": "k"})
                assert answer.status_code == 422, name
    assert server.writ("order", "list", "--limit", "500", "-o", "json").json == before


def test_requests_without_key_scope_or_idempotency_key_are_refused(
    shared_server: GatewayProcess,
) -> None:
    server = shared_server
    for key, code in (("", "key-missing"), ("writ_aaaaaaaa_" + "A" * 43, "key-invalid")):
        refused = server.writ(*BUY, key=key)
        assert refused.status == 2
        assert code in refused.err
    reader = server.new_key("only-reads", "read")
    refused = server.writ(*BUY, key=reader)
    assert refused.status == 2
    assert "scope-missing" in refused.err
    with server.http() as http:
        answer = http.post("/v1/orders", json=ALLOWED_TICKET)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


def test_a_repeated_command_is_one_order_and_a_changed_one_is_refused(
    shared_server: GatewayProcess,
) -> None:
    server = shared_server
    first = server.writ(*BUY, "--key", "same", "-o", "json")
    again = server.writ(*BUY, "--key", "same", "-o", "json")
    assert (first.status, again.status) == (0, 0)
    assert again.json == first.json
    other = server.writ("order", "submit", "buy", "11", "AAPL", "--key", "same")
    assert other.status == 2
    assert "idempotency-key-reused" in other.err


@pytest.mark.requirement("S3-06")
def test_sixty_four_racing_posts_on_one_key_are_one_decision(
    shared_server: GatewayProcess,
) -> None:
    def post(_: int) -> httpx2.Response:
        with shared_server.http() as http:
            return http.post(
                "/v1/orders",
                json=ALLOWED_TICKET | {"client_order_id": "race"},
                headers={"Idempotency-Key": "race"},
            )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(64)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.json()["order_id"] for a in answers if a.status_code == 201}) == 1
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency-in-flight"}
    orders = shared_server.writ("order", "list", "--limit", "500", "-o", "json").json
    assert sum(row["client_order_id"] == "race" for row in orders) == 1


@pytest.mark.requirement("W-07")
def test_a_person_settles_orders_by_command(shared_server: GatewayProcess) -> None:
    server = shared_server
    order = server.writ("order", "submit", "buy", "1", "AAPL", "--limit", "24.00", "--wait", "30")
    assert order.status == 0, order.err
    [order_id] = [row["order_id"] for row in working(server)][:1]
    word = ("--evidence", "its desk, by telephone", "--reason", "a drill")
    refused = server.writ("order", "settle", order_id, "absent", *word)
    assert refused.status == 1
    assert "settle-contradicted" in refused.err
    adopted = server.writ("order", "adopt", order_id, *word, "-o", "json")
    assert (adopted.status, adopted.json["status"]) == (0, "ACKNOWLEDGED"), adopted.err
    assert server.writ("order", "doubtful", "-o", "json").json == []
    assert server.writ("order", "settle", order_id, "filled", *word, "--qty", "1").status == 2
    assert server.writ("order", "cancel", order_id).status == 0


def working(server: GatewayProcess) -> list[dict[str, str]]:
    """The orders that work at the broker, newest first."""
    return server.writ("order", "list", "--status", "acknowledged", "-o", "json").json
