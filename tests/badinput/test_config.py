"""Settings, key files and data folders that cannot be: refused at the start, and nothing made."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Settings
from support.bad_input import NUMBERS, TEXTS, untouched
from support.processes import GatewayProcess, simulation
from support.release_folder import write_release

Told = tuple[int, str, str]
Type = Callable[..., Told]


def invalid(told: Told, code: str = "config-invalid", status: int = 2) -> None:
    assert told[0] == status, told[2]
    assert code in told[2]
    assert told[1] == ""
    assert "what to do" in told[2]
    assert "Traceback" not in told[2]


OUT_OF_RANGE = {
    "PORT": ("65536", "-1"),
    "SIMULATOR_SEED": ("2147483648", "-1"),
    "BROKER_TIMEOUT_MS": ("0", "60001"),
    "CANCEL_BEFORE_CLOSE_MS": ("3600001", "-1"),
    "ENGINE_TIMEOUT_MS": ("0", "10001"),
    "SETTLE_MS": ("999", "600001"),
    "RECONCILE_IN_FLIGHT_MS": ("99", "3600001"),
    "RECONCILE_ORDERS_MS": ("999", "3600001"),
    "RECONCILE_POSITIONS_MS": ("999", "3600001"),
    "RECONCILE_FULL_MS": ("999", "3600001"),
    "RECONCILE_SETTLE_MS": ("9", "600001"),
    "VAULT_TIMEOUT_MS": ("0", "30001"),
}
NUMERIC = tuple(OUT_OF_RANGE)
LOOSE_NUMBERS = {**NUMBERS, "fraction": "10.0", "line break": "10\n"}


@pytest.mark.parametrize("name", NUMERIC)
def test_numbers_that_are_none(typed: Type, tmp_path: Path, name: str) -> None:
    for value in (*LOOSE_NUMBERS.values(), *OUT_OF_RANGE[name]):
        told = typed("serve", **{f"WRIT_{name}": value})
        invalid(told)
        assert f"WRIT_{name}" in told[2]
    assert list(tmp_path.iterdir()) == []


TEXT_SETTINGS = {
    "MODE": "RESEARCH",
    "MARKET": "historical",
    "ORIGIN": "writ.example/log",
    "HOST": "localhost",
    "ENGINE": "opa-wasm",
    "ALPACA_QUOTES": "iex",
    "LEDGER": "sqlite",
    "ENVIRONMENT": "production",
    "LIVE_ENABLED": "true",
    "VAULT_LOGIN": "approle",
    "MARKET_START": "2015-01-02T15:30:00-05:00",
}
MEANT = {("ORIGIN", "path"), ("HOST", "case"), ("MARKET_START", "case")}
"""A host may be written in any case."""


@pytest.mark.parametrize("name", TEXT_SETTINGS)
def test_texts_that_are_none(typed: Type, tmp_path: Path, name: str) -> None:
    for kind, spoil in TEXTS.items():
        if kind == "NUL" or (name, kind) in MEANT - {("ORIGIN", "path")}:
            continue  # no variable can hold a NUL
        value = os.fsdecode(os.fsencode(spoil(TEXT_SETTINGS[name]).replace("\ud800", "\udcff")))
        invalid(typed("serve", **{f"WRIT_{name}": value}))
    invalid(typed("serve", **{f"WRIT_{name}": ""}))
    assert list(tmp_path.iterdir()) == []


AMOUNTS = ("", "-1", "1e3", ".5", "1.", "01", "0.0000001", "1,5", "NaN", "9999999999", "١")


def test_amounts_that_are_none(typed: Type, tmp_path: Path) -> None:
    for value in AMOUNTS:
        invalid(typed("serve", WRIT_RECONCILE_CASH_TOLERANCE=value))
    assert list(tmp_path.iterdir()) == []


MORE = {
    "naive instant": {"WRIT_MARKET_START": "2015-01-02T15:30:00"},
    "date alone": {"WRIT_MARKET_START": "2015-01-02"},
    "seconds since 1970": {"WRIT_MARKET_START": "1420230600"},
    "before 1970": {"WRIT_MARKET_START": "1969-12-31T23:59:59Z"},
    "far future": {"WRIT_MARKET_START": "9999-12-31T23:59:59Z"},
    "no such day": {"WRIT_MARKET_START": "2015-02-30T15:30:00Z"},
    "unknown": {"WRIT_LEVERAGE": "9"},
    "unknown in lower case": {"writ_leverage": "9"},
    "known in lower case": {"writ_port": "1"},
    "known in mixed case": {"Writ_Port": "1"},
    "unknown with Cyrillic": {"WRIT_РORT": "1"},
    "no folder": {"WRIT_DATA": ""},
    "this folder": {"WRIT_DATA": "."},
    "no release": {"WRIT_RELEASE": ""},
    "every address": {"WRIT_HOST": ""},
    "host with a path": {"WRIT_HOST": "localhost/x"},
    "host with a blank": {"WRIT_HOST": "local host"},
    "endless host": {"WRIT_HOST": "x" * 254},
}


OPTIONS = (("--port", "70000"), ("--port", "http"), ("--market", "moon"), ("--mode", "fast"))


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_options_that_cannot_be(typed: Type, tmp_path: Path, options: tuple[str, ...]) -> None:
    code, _, said = typed("serve", *options)
    assert code == 2
    assert options[1] in said or "config-invalid" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("environment", MORE.values(), ids=MORE.keys())
def test_settings_that_cannot_be(typed: Type, tmp_path: Path, environment: dict[str, str]) -> None:
    invalid(typed("serve", **environment))
    invalid(typed("doctor", **environment))
    assert list(tmp_path.iterdir()) == []


PRIMARY = '{"broker": "simulator", "opening_cash": "1000"}'
ACCOUNTS = {
    "empty": "",
    "no JSON": "primary",
    "cut short": '{"primary": {',
    "trailing": '{"primary": {}} x',
    "comment": '{"primary": {}} // x',
    "an array": "[]",
    "a text": '"primary"',
    "a number": "1",
    "null": "null",
    "none": "{}",
    "twice": f'{{"primary": {PRIMARY}, "primary": {{"broker": "null"}}}}',
    "leverage": '{"primary": {"leverage": "9"}}',
    "a field twice": '{"primary": {"broker": "null", "broker": "simulator"}}',
    "unknown field": '{"primary": {"bypass": true}}',
    "__proto__": '{"__proto__": 1}',
    "unknown broker": '{"primary": {"broker": "live"}}',
    "broker is null": '{"primary": {"broker": null}}',
    "account is null": '{"primary": null}',
    "name with a blank": '{"a b": {}}',
    "name without letters": '{"": {}}',
    "long name": json.dumps({"x" * 33: {}}),
    "Cyrillic name": '{"рrimary": {}}',
    "too many": json.dumps({f"a{n}": {} for n in range(1_001)}),
    "deep": "[" * 50_000,
    "deep object": '{"a":' * 20_000,
    "byte-order mark": "\ufeff{}",
}


@pytest.mark.parametrize("text", ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_accounts_that_cannot_be(typed: Type, tmp_path: Path, text: str) -> None:
    invalid(typed("serve", WRIT_ACCOUNTS=text))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [*NUMBERS, "bare number", "too large"])
def test_opening_cash_that_is_none(typed: Type, tmp_path: Path, kind: str) -> None:
    text = {**NUMBERS, "bare number": "", "too large": "1000000000"}[kind]
    cash: object = 10 if kind == "bare number" else text
    accounts = json.dumps({"primary": {"broker": "simulator", "opening_cash": cash}})
    invalid(typed("serve", WRIT_ACCOUNTS=accounts))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_broker_file_with_a_number_that_is_none(typed: Type, tmp_path: Path, kind: str) -> None:
    text = json.dumps(NUMBERS[kind])  # as YAML writes it in quotes
    Path("broker.yaml").write_text(f"risk:\n  max_positions: {text}\n", encoding="utf-8")
    invalid(typed("serve", WRIT_BROKER_FILE="broker.yaml"), "broker-file-invalid")
    assert [path.name for path in tmp_path.iterdir()] == ["broker.yaml"]


TRUSTED = ("ATTESTERS", "ATTESTATIONS", "RUN_LEDGER", "OVERRIDE_OFFICERS", "TRUST", "TRUST_ROOT")
VAULT_FILES = (
    *("VAULT_CA_FILE", "VAULT_SECRET_ID_FILE", "VAULT_KUBERNETES_TOKEN_FILE"),
    "VAULT_LEDGER_SECRET_ID_FILE",
)
TLS = ("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE")


@pytest.mark.parametrize("name", ["", ".", "nowhere.yaml", "no\x1fwhere"])
def test_a_broker_file_that_is_not_there(typed: Type, tmp_path: Path, name: str) -> None:
    code = "config-invalid" if name in {"", "."} else "broker-file-invalid"
    invalid(typed("serve", WRIT_BROKER_FILE=name), code)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*TRUSTED, *TLS, *VAULT_FILES])
@pytest.mark.parametrize("value", ["", "."])
def test_trusted_files_that_are_not_named(
    typed: Type, tmp_path: Path, name: str, value: str
) -> None:
    invalid(typed("serve", **{f"WRIT_{name}": value}), "config-invalid")
    assert list(tmp_path.iterdir()) == []


_ROLES = ("", "a b", "-role", "x" * 129, "rôle", "role\n")
_IDS = ("", "x" * 201)
PLACES = {
    "LOG_KEY": (
        "",
        "a secret",
        "vault://",
        "vault://kv/a",
        "env://",
        "file://a",
        "ENV://A",
        "a" * 999,
    ),
    "IDENTITY_KEY": _IDS,
    "PASSKEY_ORIGIN": ("", "https://" + "x" * 300),
    "VAULT_URL": ("", "https://" + "x" * 300),
    "VAULT_NAMESPACE": ("x" * 301,),
    "VAULT_ROLE": _ROLES,
    "VAULT_LEDGER_ROLE": _ROLES,
    "VAULT_ROLE_ID": _IDS,
    "VAULT_LEDGER_ROLE_ID": _IDS,
    "CLOCK_SOURCE": ("", "ntp", "ntp:", "NTP:host", "ntp:a b", "ntp:host:0", "ntp:host:99999"),
    "ALERTS": ("", "[]", '{"a": "a secret"}', '{"a b": "env://A"}', '{"a": "env://A", "a": "x"}'),
}
"""Where keys and secrets are, and as whom they are asked for, written as nobody may."""


@pytest.mark.parametrize("name", PLACES)
def test_places_of_secrets_that_are_none(typed: Type, tmp_path: Path, name: str) -> None:
    for value in PLACES[name]:
        told = typed("serve", **{f"WRIT_{name}": value})
        invalid(told)
        assert "a secret" not in told[2], "what was typed may be the secret itself"
    assert list(tmp_path.iterdir()) == []


def test_every_setting_is_tried_here() -> None:
    others = {"DATA", "RELEASE", "ACCOUNTS", "OPA_URL", "OPA_TOKEN_FILE", "OPA_CA_FILE"}
    others |= {"BROKER_FILE", "RECONCILE_CASH_TOLERANCE", *TRUSTED, *TLS, *VAULT_FILES, *PLACES}
    stores = {"POSTGRESQL_URL", "POSTGRESQL_PASSWORD_FILE"}
    tried = {*NUMERIC, *TEXT_SETTINGS, *others, *stores}
    assert {name.upper() for name in Settings.model_fields} == tried


OPA_URLS = (
    *("", "127.0.0.1:8181", "ftp://127.0.0.1", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x"),
    *("http://169.254.169.254/latest/meta-data", "http://10.0.0.1:8181", "http://opa.example:8181"),
    *("http://127.0.0.1.evil.example:8181", "http://127.0.0.1@evil.example", "http://2130706433"),
    *("http://0x7f.1", "http://[::ffff:10.0.0.1]", "http://0.0.0.0:8181", "http://127.0.0.1:0"),
    *("http://127.0.0.1:99999", "http://127.0.0.1:8181/v1/data", "http://127.0.0.1:8181?x=y"),
    *("http://127.0.0.1:8181#x", "http://user:secret@127.0.0.1:8181", "http://[::1", "unix://x"),
    *("unix:socket", "http://127.0.0.1\r\nHost: evil", "http://127。0。0。1", "x" * 301),
    "unix:///" + "x" * 200,
)


@pytest.mark.parametrize("url", OPA_URLS, ids=ascii)
def test_engines_that_the_gateway_must_not_ask(typed: Type, tmp_path: Path, url: str) -> None:
    """Addresses that reach further than they look, or whose answers anybody could forge."""
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("t" * 32, encoding="ascii")
    told = typed(
        *("serve", "--port", "0", "--data", tmp_path / "data"),
        WRIT_ENGINE="opa-server",
        WRIT_OPA_URL=url,
        WRIT_OPA_TOKEN_FILE=str(token),
    )
    invalid(told)
    assert "secret" not in told[2]
    assert not (tmp_path / "data" / "writ.db").exists()


@pytest.mark.parametrize("name", ["OPA_TOKEN_FILE", "OPA_CA_FILE"])
def test_files_of_the_engine_that_cannot_be(typed: Type, tmp_path: Path, name: str) -> None:
    good = tmp_path / "token"
    good.touch(0o600)
    good.write_text("t" * 32, encoding="ascii")
    bad = {
        "missing": tmp_path / "missing",
        "folder": tmp_path,
        "endless": Path("/dev/zero"),
        "device": Path("/dev/null"),
        "too long": tmp_path / ("x" * 300),
    }
    for kind, path in bad.items():
        settings = {
            "WRIT_ENGINE": "opa-server",
            "WRIT_OPA_URL": "https://127.0.0.1:1",
            "WRIT_OPA_TOKEN_FILE": str(good),
            f"WRIT_{name}": str(path),
        }
        told = typed("serve", "--port", "0", "--data", tmp_path / "data", **settings)
        assert told[0] in (2, 3), kind
        assert told[1] == ""
        assert "what to do" in told[2]


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "http://127.0.0.1", "sqlite:///x", "postgresql://"),
        *("postgresql://user:secret@127.0.0.1:1/writ", "postgresql://127.0.0.1:99999/writ"),
        *("postgresql://127.0.0.1:1/writ?options=-c%20fsync=off", "x" * 1_001),
    ],
    ids=ascii,
)
def test_databases_that_cannot_be(typed: Type, tmp_path: Path, url: str) -> None:
    told = typed(
        *("serve", "--port", "0", "--data", tmp_path / "data"),
        WRIT_LEDGER="postgresql",
        WRIT_POSTGRESQL_URL=url,
    )
    assert told[0] in (2, 3), told[2]
    assert told[1] == ""
    assert "what to do" in told[2]
    assert "secret" not in told[2]


def test_addresses_where_nobody_can_listen(typed: Type, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for host in ("256.256.256.256", "x" * 70 + ".example", "no-such-host.invalid", "::g", "a..b"):
        invalid(
            typed("serve", "--host", host, "--port", "0", "--data", data), "port-taken", status=3
        )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> GatewayProcess:
    """A data folder that a gateway has left in order."""
    folder = tmp_path_factory.mktemp("gateway")
    server = simulation(folder, write_release(folder / "release"))
    server.start()
    server.new_key("ops", "read")
    assert server.stop() == 0
    return server


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "rubbish": lambda _: bytes(range(256)),
    "text": lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "another kind of key": lambda _: (
        b"-----BEGIN PRIVATE KEY-----\n"
        b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA\n"
        b"-----END PRIVATE KEY-----\n"
    ),
    "endless": lambda data: data * 1_000,
}


def spoiled(path: Path, make: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Write something else into a file; returns what puts the file back."""
    data, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    path.write_bytes(make(data))

    def restore() -> None:
        path.unlink(missing_ok=True)
        path.touch(mode)
        path.write_bytes(data)

    return restore


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ["log.key", "identity.key"])
def test_key_files_that_are_damaged(
    typed: Type, stopped: GatewayProcess, name: str, kind: str
) -> None:
    restore = spoiled(stopped.data / "keys" / name, DAMAGE[kind])
    try:
        with untouched(stopped.data / "keys"):
            told = typed("serve", "--port", "0", "--data", stopped.data, **stopped.environment)
            invalid(told, "key-damaged")
    finally:
        restore()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o777])
def test_key_files_that_others_can_read(typed: Type, stopped: GatewayProcess, mode: int) -> None:
    key = stopped.data / "keys" / "log.key"
    key.chmod(mode)
    try:
        told = typed("serve", "--port", "0", "--data", stopped.data, **stopped.environment)
        invalid(told, "key-mode")
    finally:
        key.chmod(0o600)


def test_the_key_of_another_log_is_refused(typed: Type, stopped: GatewayProcess) -> None:
    keys = stopped.data / "keys"
    other = (keys / "identity.key").read_bytes()
    restore = spoiled(keys / "log.key", lambda _: other)
    try:
        with untouched(stopped.data / "log"):
            told = typed("serve", "--port", "0", "--data", stopped.data, **stopped.environment)
        assert told[0] in (2, 3), told[2]
        assert "Traceback" not in told[2]
    finally:
        restore()


def test_another_origin_is_refused(typed: Type, stopped: GatewayProcess) -> None:
    environment = {**stopped.environment, "WRIT_ORIGIN": "writ.example/other"}
    with untouched(stopped.data / "log"):
        told = typed("serve", "--port", "0", "--data", stopped.data, **environment)
    assert told[0] in (2, 3), told[2]
    assert "Traceback" not in told[2]


DATABASES: dict[str, Callable[[bytes], bytes]] = {
    "rubbish": lambda _: bytes(range(256)) * 64,
    "cut short": lambda data: data[: len(data) // 2],
    "zeroes": lambda data: bytes(len(data)),
    "header alone": lambda data: data[:100],
}


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_damaged_starts_nothing(
    typed: Type, stopped: GatewayProcess, kind: str
) -> None:
    restore = spoiled(stopped.data / "writ.db", DATABASES[kind])
    try:
        with untouched(stopped.data / "log"):
            told = typed("serve", "--port", "0", "--data", stopped.data, **stopped.environment)
        assert told[0] in (2, 3), told[2]
        assert "Traceback" not in told[2]
        assert "what to do" in told[2]
    finally:
        restore()
        for name in ("writ.db-wal", "writ.db-shm"):
            (stopped.data / name).unlink(missing_ok=True)


def test_a_data_folder_that_cannot_be_made(typed: Type, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for data in ("/proc/nowhere", "/dev/null", "/dev/null/x", tmp_path / "file"):
        told = typed("serve", "--port", "0", "--data", data)
        assert told[0] in (2, 3), told[2]
        assert told[1] == ""
        assert "Traceback" not in told[2]
        assert "what to do" in told[2]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_folder_still_serves(stopped: GatewayProcess) -> None:
    """What the tests above did was put back, so their refusals were of what they did."""
    stopped.start()
    assert stopped.stop() == 0
    log = ("--log", str(stopped.data / "log"), "--vkey", str(stopped.data / "log.vkey"))
    assert stopped.writ("audit", "verify", *log).status == 0
