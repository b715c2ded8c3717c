"""`broker.yaml`: taken as printed, read to the letter, and never looser than what stands."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bootstrap.broker_file import FILE_MAX_BYTES, load_broker_file, operator_file
from gateway.bootstrap.broker_words import SHAPES
from gateway.config import AccountSettings, Settings
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.domain.mode import Mode
from signing.overlay import CAPPABLE
from support.processes import WRIT

PRINTED = """\
execution:
  mode: "RESEARCH"  # RESEARCH | PAPER | LIVE
  default_account: "primary"

accounts:
  primary:
    broker: "ALPACA"
    mode: "PAPER"
    risk_profile: "standard"

brokers:
  alpaca:
    paper:
      base_url: "https://paper-api.alpaca.markets"
      api_key_env: "ALPACA_PAPER_API_KEY"
      api_secret_env: "ALPACA_PAPER_API_SECRET"
      enabled: true
    live:
      enabled: false  # MUST remain false

risk:
  max_notional_exposure_usd: 50000
  max_position_notional_per_symbol_usd: 5000
  max_positions: 30
  max_daily_turnover_usd: 100000
  max_order_notional_usd: 3000
  max_leverage: 2.0
  block_short_selling: true
  block_margin: true
  require_positive_equity: true
"""
SHORT = """\
broker:
  mode: disabled           # Options: disabled, paper, live
  execution_enabled: false # Must be explicitly enabled
  default_route: paper     # Even if enabled, paper is default

risk:
  max_notional: 0          # Zero = no trading allowed
  max_daily_loss: 0        # Zero = no trading allowed
  kill_switch: true        # always available

compliance:
  omega_4_active: true     # Research-only mode enforced
"""
CAPS_PRINTED = {
    "gross_exposure_max_micros": 50_000_000_000,
    "position_notional_max_micros": 5_000_000_000,
    "positions_max_count": 30,
    "day_turnover_max_micros": 100_000_000_000,
    "order_notional_max_micros": 3_000_000_000,
    "leverage_max_bps": 20_000,
    "short_notional_max_micros": 0,
    "margin_debit_max_micros": 0,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.yaml"


def settings(path: Path, mode: Mode = Mode.RESEARCH, **accounts: AccountSettings) -> Settings:
    held: dict[str, Any] = accounts or {"primary": AccountSettings(broker="null")}
    return Settings(broker_file=path, mode=mode, accounts=held)


def caps_of(path: Path, text: str) -> dict[str, int]:
    path.write_text(text, encoding="utf-8")
    return dict(load_broker_file(path).caps)


def refusal(path: Path, text: str | bytes) -> InvalidInputError:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidInputError) as caught:
        load_broker_file(path)
    assert caught.value.code == "broker-file-invalid"
    assert caught.value.remedy
    assert str(path) in caught.value.detail
    return caught.value


@pytest.mark.requirement("S0-02")
def test_it_is_accepted_as_printed(path: Path) -> None:
    assert caps_of(path, PRINTED) == CAPS_PRINTED
    assert set(CAPS_PRINTED) == set(CAPPABLE)
    found = load_broker_file(path)
    assert (found.mode_max, found.accounts, found.unacted) == (
        Mode.RESEARCH, {"primary"}, ("accounts", "brokers")
    )  # fmt: skip
    assert dict(operator_file(settings(path), "USD").caps) == CAPS_PRINTED


@pytest.mark.requirement("S0-02")
@pytest.mark.requirement("S2-02")
def test_the_short_form_is_accepted_as_printed_and_lets_nothing_through(path: Path) -> None:
    assert caps_of(path, SHORT) == {
        "position_notional_max_micros": 0, "order_notional_max_micros": 0
    }  # fmt: skip
    assert load_broker_file(path).mode_max is Mode.RESEARCH


def test_without_a_file_nothing_is_capped() -> None:
    assert dict(operator_file(Settings(), "USD").caps) == {}


@pytest.mark.parametrize(
    ("risk", "caps"),
    [
        ("max_leverage: 0", {"leverage_max_bps": 0}),
        ("max_leverage: 1.3", {"leverage_max_bps": 13_000}),
        ("max_order_notional_usd: 0.000001", {"order_notional_max_micros": 1}),
        ('max_order_notional_usd: "3000"', {"order_notional_max_micros": 3_000_000_000}),
        ("max_positions: 0", {"positions_max_count": 0}),
        ("max_notional: 9007199254.740991", {"position_notional_max_micros": 2**53 - 1}),
        ("block_margin: false", {}),
        ("block_short_selling: false", {}),
        ("max_sector_exposure: 0", {"order_notional_max_micros": 0}),
        (
            "max_notional: 7\n  max_position_notional_per_symbol_usd: 5",
            {"position_notional_max_micros": 5_000_000},
        ),
        (
            "max_position_notional_per_symbol_usd: 5\n  max_notional: 7",
            {"position_notional_max_micros": 5_000_000},
        ),
        ("max_daily_loss: 0\n  max_order_notional_usd: 5", {"order_notional_max_micros": 0}),
        ("max_order_notional_usd: 5\n  max_daily_loss: 0", {"order_notional_max_micros": 0}),
    ],
)
@pytest.mark.requirement("S0-02")
def test_numbers_are_exact(path: Path, risk: str, caps: dict[str, int]) -> None:
    assert caps_of(path, f"risk:\n  {risk}\n") == caps


@pytest.mark.parametrize(
    "number",
    [
        "1e9", "NaN", ".nan", "Infinity", "-1", "+1", "1_000", "1,000", "", "~", "null", "0x10",
        "007", "1.", ".5", "0.0000001", "9007199254.740992", "1" * 60, "3000 USD", "5 %", "true",
        "٣", "[1]", "{a: 1}", "!!int 3", "&a 3",
    ],
)  # fmt: skip
@pytest.mark.requirement("S0-02")
def test_what_is_no_plain_number_is_refused_with_its_place(path: Path, number: str) -> None:
    found = refusal(path, f"risk:\n  max_positions: 1\n  max_order_notional_usd: {number}\n")
    assert f"{path}:3: " in found.detail
    if not number.startswith(("[", "!!", "&")):  # refused before it has a name
        assert "risk.max_order_notional_usd" in found.detail


@pytest.mark.parametrize("number", ["1.5", "-1", "9007199254740992", "1e3"])
def test_a_count_is_whole(path: Path, number: str) -> None:
    assert "risk.max_positions" in refusal(path, f"risk:\n  max_positions: {number}\n").detail


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("risk:\n  max_ordr_notional_usd: 1\n", "risk.max_ordr_notional_usd"),
        ("limits:\n  a: 1\n", "limits"),
        ("brokers:\n  alpaca:\n    paper:\n      api_key: abc\n", "brokers.alpaca.paper.api_key"),
        ("accounts:\n  primary:\n    cash: 1\n", "accounts.primary.cash"),
        ("accounts:\n  'a b':\n    mode: PAPER\n", "accounts.a b"),
        ("risk: 5\n", "risk"),
        ("execution:\n", "execution"),
        ("execution:\n  mode:\n    a: b\n", "execution.mode"),
        ("risk:\n  max_positions: 1\n  max_positions: 2\n", "max_positions"),
        ("risk:\n  max_positions: 1\nrisk:\n  max_positions: 2\n", "risk"),
        ("execution:\n  mode: paper\n", "execution.mode"),
        ("risk:\n  require_positive_equity: false\n", "risk.require_positive_equity"),
        ("risk:\n  kill_switch: false\n", "risk.kill_switch"),
        ("risk:\n  block_margin: yes\n", "risk.block_margin"),
        ("risk:\n  block_margin: True\n", "risk.block_margin"),
        ("compliance:\n  omega_4_active: false\n", "compliance.omega_4_active"),
        ("risk:\n  max_daily_loss: 500\n", "risk.max_daily_loss"),
        ("risk:\n  max_sector_exposure: 10\n", "risk.max_sector_exposure"),
        ("brokers:\n  x:\n    paper:\n      base_url: http://a\n", "brokers.x.paper.base_url"),
        (
            "execution:\n  default_account: other\naccounts:\n  primary:\n    mode: PAPER\n",
            "execution.default_account",
        ),
    ],
)
@pytest.mark.requirement("S0-02")
def test_what_is_unknown_twice_or_looser_is_refused_by_its_name(
    path: Path, text: str, named: str
) -> None:
    assert named in refusal(path, text).detail


@pytest.mark.parametrize(
    "text",
    [
        b"", b"# nothing\n", b"- a\n", b"text\n", b"risk: {max_positions: 1\n", b"\xff\xfe",
        b"a: \x00\n", b"risk:\n\tmax_positions: 1\n", b"risk: {}\n---\nrisk: {}\n",
        b"risk: &a {max_positions: 1}\nexecution: *a\n", b"? {a: 1}\n: 2\n", b"%YAML 9.9\n",
        b"a: " + b"{a: " * 60 + b"1" + b"}" * 60, b"#" * (FILE_MAX_BYTES + 1),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_such_file_is_refused(path: Path, text: bytes) -> None:
    refusal(path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(InvalidInputError, match="broker-file-invalid"):
            load_broker_file(place)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_file_or_a_refusal(tmp_path_factory: Any, data: bytes) -> None:  # noqa: ANN401  pytest names no type
    path: Path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with contextlib.suppress(InvalidInputError):
        assert set(load_broker_file(path).caps) <= set(CAPPABLE)


@pytest.mark.parametrize(
    ("text", "mode", "stands"),
    [
        ("execution:\n  mode: RESEARCH\n", Mode.SIMULATION, False),
        ("execution:\n  mode: PAPER\n", Mode.SIMULATION, True),
        ("execution:\n  mode: PAPER\n", Mode.RESEARCH, True),
        ("execution:\n  mode: PAPER\n", Mode.LIVE, False),
        ("execution:\n  mode: LIVE\n", Mode.LIVE, True),
        ("execution:\n  mode: LIVE\naccounts:\n  primary:\n    mode: PAPER\n", Mode.LIVE, False),
        (
            "execution:\n  mode: LIVE\nbrokers:\n  x:\n    live:\n      enabled: false\n",
            Mode.LIVE,
            False,
        ),
        (
            "execution:\n  mode: LIVE\nbrokers:\n  x:\n    live:\n      enabled: true\n",
            Mode.LIVE,
            True,
        ),
        ("broker:\n  mode: live\n", Mode.LIVE, False),
        ("broker:\n  mode: live\n  default_route: paper\n", Mode.LIVE, False),
        ("broker:\n  mode: live\n  default_route: live\n", Mode.LIVE, True),
        ("broker:\n  default_route: live\n", Mode.SIMULATION, True),
        ("broker:\n  default_route: paper\n", Mode.PAPER, True),
        ("broker:\n  mode: disabled\n", Mode.SIMULATION, False),
        ("broker:\n  mode: paper\n  execution_enabled: false\n", Mode.SIMULATION, False),
        ("broker:\n  mode: paper\n  execution_enabled: true\n", Mode.SIMULATION, True),
        ("accounts:\n  primary:\n    mode: RESEARCH\n", Mode.SIMULATION, False),
        ("accounts:\n  primary:\n    mode: PAPER\n", Mode.SIMULATION, True),
        ("accounts:\n  other:\n    mode: PAPER\n", Mode.SIMULATION, False),
        ("execution:\n  default_account: other\n", Mode.RESEARCH, False),
        ("execution:\n  default_account: primary\n", Mode.RESEARCH, True),
        ("risk:\n  max_positions: 1\n", Mode.SIMULATION, True),
    ],
)
@pytest.mark.requirement("S0-02")
@pytest.mark.requirement("S2-05")
def test_a_gateway_that_would_do_more_than_the_file_allows_is_refused(
    path: Path, text: str, mode: Mode, stands: bool
) -> None:
    path.write_text(text, encoding="utf-8")
    if stands:
        operator_file(settings(path, mode), "USD")
        return
    with pytest.raises(RefusedError) as caught:
        operator_file(settings(path, mode), "USD")
    assert caught.value.code == "broker-file-contradiction"
    assert caught.value.remedy


def test_amounts_in_dollars_are_for_a_release_that_counts_in_dollars(path: Path) -> None:
    path.write_text("risk:\n  max_order_notional_usd: 1\n", encoding="utf-8")
    with pytest.raises(RefusedError, match="counts in EUR"):
        operator_file(settings(path), "EUR")
    path.write_text("risk:\n  max_positions: 1\n", encoding="utf-8")
    assert operator_file(settings(path), "EUR").caps == {"positions_max_count": 1}


def test_every_word_of_the_file_is_printed_in_one_of_the_forms() -> None:
    for part, words in SHAPES.items():
        assert f"{part}:" in PRINTED + SHORT
        assert isinstance(words, dict)


def typed(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as an operator types it, with the file in its environment."""
    plain = {name: value for name, value in os.environ.items() if name[:5] != "WRIT_"}
    return subprocess.run(
        [WRIT, *arguments, "--data", str(path.with_name("data"))],
        env=plain | {"WRIT_BROKER_FILE": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.requirement("S0-02")
def test_a_gateway_does_not_start_with_a_file_it_refuses(path: Path) -> None:
    path.write_text("brokers:\n  x:\n    live:\n      enabled: yes\n", encoding="utf-8")
    refused = typed(path, "serve", "--port", "0")
    assert refused.returncode == 2
    assert "brokers.x.live.enabled" in refused.stderr
    assert not (path.with_name("data") / "writ.db").exists()


@pytest.mark.requirement("S0-02")
def test_doctor_says_what_the_file_caps_and_what_nobody_acts_on(path: Path) -> None:
    path.write_text(PRINTED, encoding="utf-8")
    printed = typed(path, "doctor", "--port", "0", "-o", "json")
    [found] = [row for row in json.loads(printed.stdout) if row["check"] == "broker file"]
    assert found["grade"] == "note"
    assert "leverage_max_bps 20000" in found["found"]
    assert "accounts and brokers: read, and not acted on" in found["found"]
    path.write_text("risk:\n  kill_switch: false\n", encoding="utf-8")
    refused = typed(path, "doctor", "--port", "0", "-o", "json")
    [found] = [row for row in json.loads(refused.stdout) if row["check"] == "broker file"]
    assert (found["grade"], refused.returncode) == ("fail", 1)
    assert "risk.kill_switch" in found["found"]
