"""Running a gateway: starting, refusing to start, restarting, stopping, and being looked after."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import ALL_SCOPES, GatewayProcess, Typed, simulation
from support.release_folder import write_release
from support.releases import DEMO_RELEASE

BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")


def serve(folder: Path, *options: str, **environment: str) -> Typed:
    """Type `writ serve`, expecting it to refuse."""
    return GatewayProcess(folder, environment).writ("serve", *options)


def test_a_plain_gateway_starts_says_where_it_is_and_how_to_get_in(tmp_path: Path) -> None:
    """Without any setting: RESEARCH, no market, the shipped release."""
    server = GatewayProcess(tmp_path, {})
    server.start()
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", server.url)
        server.key = server.new_key("ops", *ALL_SCOPES)
        status = server.writ("status", "-o", "json").json
        assert (status["mode"], status["ready"]) == ("RESEARCH", True)
        assert server.writ(*BUY).status == 1
    finally:
        assert server.stop() == 0
    assert "writ access add" in server.log()
    assert "Traceback" not in server.log()


@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("mode", ["paper", "LIVE"])
def test_paper_and_live_are_refused_at_the_start(tmp_path: Path, mode: str) -> None:
    refused = serve(tmp_path, "--mode", mode)
    assert refused.status == 2
    assert "mode-unavailable" in refused.err
    assert not (tmp_path / "writ-data" / "writ.db").exists()


@pytest.mark.parametrize(
    ("options", "environment", "code"),
    [
        (("--mode", "fast"), {}, "config-invalid"),
        (("--market", "venue"), {}, "market-hours-missing"),
        (("--release", "/nowhere"), {}, "release-missing"),
        ((), {"WRIT_MODES": "RESEARCH"}, "config-invalid"),
        (("--speed", "9"), {}, ""),
    ],
)
def test_a_bad_configuration_is_refused_with_exit_2(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], code: str
) -> None:
    refused = serve(tmp_path, *options, **environment)
    assert refused.status == 2, refused.err
    assert code in refused.err
    assert "Traceback" not in refused.err
    assert refused.out == ""


def test_a_damaged_release_is_refused(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release")
    (release / "data.json").write_bytes((release / "data.json").read_bytes() + b" ")
    refused = serve(tmp_path, "--release", str(release))
    assert refused.status == 2
    assert "release-digest" in refused.err


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    server = simulation(tmp_path, write_release(tmp_path / "release"))
    server.start()
    assert server.stop() == 0
    key = server.data / "keys" / "log.key"
    key.chmod(0o644)
    refused = server.writ("serve", "--data", str(server.data), "--port", "0")
    assert refused.status == 2
    assert "chmod 600" in refused.err
    examined = server.writ("doctor", "--data", str(server.data), "-o", "json")
    assert examined.status == 1
    [keys] = [row for row in examined.json if row["check"] == "keys"]
    assert (keys["grade"], "chmod 600" in keys["remedy"]) == ("fail", True)


def test_a_second_gateway_on_the_same_data_or_port_is_refused(
    gateway_server: GatewayProcess,
) -> None:
    server = gateway_server
    same_data = server.writ("serve", "--data", str(server.data), "--port", "0")
    assert same_data.status in (2, 3)
    assert "Traceback" not in same_data.err
    port = server.url.rpartition(":")[2]
    same_port = server.writ("serve", "--data", str(server.folder / "other"), "--port", port)
    assert same_port.status == 3
    assert "port-taken" in same_port.err
    assert server.writ("status").status == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_orders_halts_and_keys(
    gateway_server: GatewayProcess, signum: signal.Signals
) -> None:
    server = gateway_server
    server.writ("omega4", "lift", "--reason", "test")
    [halt] = server.writ("kill", "--symbol", "XOM", "--reason", "drill", "-o", "json").json
    order = server.writ(*BUY, "--key", "k", "--wait", "30", "-o", "json").json
    resting = server.writ(
        *("order", "submit", "buy", "10", "KO", "--limit", "31.20", "--tif", "gtc"),
        *("--wait", "30", "-o", "json"),
    ).json
    assert server.stop(signum) == (0 if signum == signal.SIGTERM else -signum)
    server.start()
    assert server.writ("halt", "list", "-o", "json").json == [halt]
    assert server.writ(*BUY, "--key", "k", "-o", "json").json["order_id"] == order["order_id"]
    shown = server.writ("order", "show", resting["order_id"], "-o", "json").json
    assert shown["status"] == "ACKNOWLEDGED"
    assert server.writ("mode", "show", "-o", "json").json["omega4"]["lifted"] is True
    assert server.writ("order", "submit", "buy", "10", "XOM", "--limit", "63.00").status == 1
    with server.http() as http:
        http.post("/v1/market/clock", json={"now": "2015-01-05T15:30:00-05:00"})
    filled = server.writ("order", "show", order["order_id"], "-o", "json").json
    assert filled["status"] == "FILLED"
    assert server.stop() == 0
    log = ("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey"))
    assert server.writ("audit", "verify", *log).status == 0
    server.start()


def test_commands_say_when_there_is_no_gateway(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    server = GatewayProcess(tmp_path, {}, url=url, key="writ_aaaaaaaa_" + "A" * 43)
    for command in (("status",), BUY, ("kill", "--reason", "x"), ("halt", "list")):
        failed = server.writ(*command)
        assert failed.status == 3, command
        assert "gateway-unreachable" in failed.err
        assert failed.out == ""
    assert "same key" in server.writ(*BUY).err


def test_what_is_no_gateway_is_not_taken_for_one(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as other:
        assert other.stdout is not None
        found = re.search(r"port ([0-9]+)", other.stdout.readline())
        assert found
        server = GatewayProcess(tmp_path, {}, url=f"http://127.0.0.1:{found[1]}", key="k")
        assert server.writ("status").status in (2, 3)
        other.terminate()


def test_the_doctor_finds_a_running_gateway_well(gateway_server: GatewayProcess) -> None:
    server = gateway_server
    port = server.url.rpartition(":")[2]
    options = ("--data", str(server.data), "--port", port, "-o", "json")
    examined = server.writ("doctor", *options)
    assert examined.status == 0, examined.out
    grades = {row["check"]: row["grade"] for row in examined.json}
    assert grades | {"opa": "", "port": ""} == {
        **dict.fromkeys(("python", "sqlite", "clock", "data folder", "keys"), "ok"),
        **dict.fromkeys(("access", "release", "ledger", "engine", "broker file"), "ok"),
        "port": "",
        "opa": "",
    }
    assert grades["port"] == "note"
    server.data.chmod(0o755)
    examined = server.writ("doctor", *options)
    server.data.chmod(0o700)
    assert examined.status == 1
    assert any("chmod 700" in row["remedy"] for row in examined.json)


def test_keys_are_listed_and_revoked_without_a_running_gateway(tmp_path: Path) -> None:
    server = GatewayProcess(tmp_path, {})
    data = ("--data", str(server.data))
    assert server.writ("access", "add", "a b", "--scope", "read", *data).status == 2
    assert server.writ("access", "add", "bob", "--scope", "root", *data).status == 2
    assert server.writ("access", "add", "bob", *data).status == 2
    key = server.new_key("bob", "read", "propose")
    [row] = server.writ("access", "list", *data, "-o", "json").json
    assert (row["name"], row["scopes"], row["revoked"]) == ("bob", "propose read", None)
    assert key not in (server.data / "access.json").read_text()
    assert server.writ("access", "revoke", "bob", *data).status == 0
    assert server.writ("access", "revoke", "bob", *data).status == 2
    assert "bob" in server.writ("access", "list", *data).out


def test_a_revoked_key_is_refused_by_the_running_gateway(gateway_server: GatewayProcess) -> None:
    server = gateway_server
    key = server.new_key("temp", "read")
    assert server.writ("status", key=key).status == 0
    server.writ("access", "revoke", "temp", "--data", str(server.data))
    refused = server.writ("status", key=key)
    assert refused.status == 2
    assert "key-invalid" in refused.err


def test_help_lists_every_command_and_unknown_ones_are_usage_errors(tmp_path: Path) -> None:
    server = GatewayProcess(tmp_path, {})
    top = server.writ("--help")
    assert top.status == 0
    for name in ("serve", "status", "order", "kill", "resume", "audit", "keys", "policy", "doctor"):
        assert name in top.out
    for command in (("order",), ("frobnicate",), ("order", "frobnicate"), ("kill",)):
        assert server.writ(*command).status == 2, command
    for command in ("order", "mode", "omega4", "access", "kill", "audit", "keys", "policy"):
        assert server.writ(command, "--help").status == 0, command


@pytest.mark.requirement("S2-04")
def test_demonstration_releases_run_in_simulation_only(tmp_path: Path) -> None:
    server = simulation(tmp_path, DEMO_RELEASE, WRIT_MODE="RESEARCH")
    refused = server.writ("serve", "--data", str(server.data), "--port", "0")
    assert refused.status == 2
    assert "release-not-for-mode" in refused.err


def test_json_output_is_json_and_tables_are_for_people(shared_server: GatewayProcess) -> None:
    server = shared_server
    for command in (("status",), ("halt", "list"), ("mode", "show"), ("order", "list")):
        json.loads(server.writ(*command, "-o", "json").out)
        assert not server.writ(*command).out.startswith(("{", "["))
