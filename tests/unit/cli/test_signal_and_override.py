"""`writ signal` and `writ override`: what people sign, as they type it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.facts.provenance import RunFiles
from signing.keys import Ed25519Signer, Vkey
from signing.override import read_override
from vault.signers import create_key, load_key

Writ = Callable[..., tuple[int, str, str]]


@pytest.fixture
def writ(capsys: pytest.CaptureFixture[str]) -> Writ:
    """Runs `writ …`; returns its exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "me.key"
    create_key(path)
    return path


def public_of(key: Path) -> str:
    return Ed25519Signer(load_key(key)).public.hex


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "targets.csv"
    path.parent.mkdir()
    path.write_text("AAPL,10\n")
    return path


@pytest.mark.requirement("S4-03")
def test_an_attestation_is_what_the_gateway_takes(
    writ: Writ, tmp_path: Path, key: Path, output: Path
) -> None:
    status, out, _ = writ("signal", "attest", output, "--run", "r-1", "--key", key, "-o", "json")
    assert status == 0
    told = json.loads(out)
    assert (told["run_id"], told["output"]) == ("r-1", "targets.csv")
    assert told["file"] == str(output) + ".att"
    attesters = tmp_path / "attesters"
    attesters.write_text(f"me {public_of(key)}\n")
    assert RunFiles(attesters, output.parent, None).look().by == {"r-1": "me"}

    shown = ("signal", "show", str(output) + ".att", "-o", "json")
    for options in (("--attesters", str(attesters)), ("--public-key", public_of(key)), ()):
        status, out, _ = writ(*shown, *options)
        assert status == 0
        assert json.loads(out)["file_is_the_one"] is True
        assert (json.loads(out)["signed_by"] is None) == (options == ())
    stranger = Ed25519Signer.generate().public.hex
    status, _, err = writ(*shown, "--public-key", stranger)
    assert (status, "no trusted key" in err) == (1, True)
    output.write_text("AAPL,99\n")
    status, out, err = writ(*shown)
    assert (status, "was changed" in err) == (1, True)
    output.unlink()
    status, out, _ = writ(*shown)
    assert (status, json.loads(out)["file_is_the_one"]) == (0, None)


@pytest.mark.requirement("S4-03")
def test_what_cannot_be_attested_leaves_nothing(
    writ: Writ, tmp_path: Path, key: Path, output: Path
) -> None:
    for run in ("", "a b", "x" * 65):
        status, _, err = writ("signal", "attest", output, "--run", run, "--key", key)
        assert (status, "run_id" in err) == (2, True)
    odd = output.with_name("odd name.csv")
    odd.write_text("x")
    assert writ("signal", "attest", odd, "--run", "r", "--key", key)[0] == 2
    assert writ("signal", "attest", tmp_path / "gone", "--run", "r", "--key", key)[0] == 2
    assert writ("signal", "attest", output, "--run", "r", "--key", tmp_path / "gone")[0] == 2
    key.chmod(0o644)
    status, _, err = writ("signal", "attest", output, "--run", "r", "--key", key)
    assert (status, "key-mode" in err) == (2, True)
    assert list(tmp_path.rglob("*.att")) == []
    assert writ("signal", "show", output)[0] == 2


def instant(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


ORDER = {
    "--control": "REG-01", "--account": "primary", "--symbol": "AAPL", "--side": "buy",
    "--qty": "10", "--client-order-id": "c-1", "--reason": "agreed",
}  # fmt: skip


LOG = Vkey("writ.local/log", Ed25519Signer.generate().public)


def typed(key: Path, expires: str, **changes: str) -> list[str]:
    vkey = key.with_name("log.vkey")
    vkey.write_text(f"{LOG}\n")
    options = ORDER | {"--vkey": str(vkey), "--mode": "live"}
    options |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    parts = [part for pair in options.items() for part in pair]
    return ["override", "sign", *parts, "--expires", expires, "--key", str(key)]


@pytest.mark.requirement("S4-04")
def test_an_override_is_one_line_for_one_order(writ: Writ, tmp_path: Path, key: Path) -> None:
    status, out, err = writ(*typed(key, instant(2), by="carol"))
    assert status == 0
    assert out.count("\n") == 1
    override = read_override(out).override
    assert (override.control, override.qty, override.principal) == ("REG-01", "10", "*")
    assert (override.log, override.mode) == (str(LOG), "LIVE")
    assert override.override_id in err
    status, _, err = writ(*typed(key, instant(2), mode="simulation"))
    assert (status, "no gateway" in err) == (0, False)
    file, officers = tmp_path / "o", tmp_path / "officers"
    status, again, _ = writ(*typed(key, instant(2)), "--out", str(file))
    assert (status, again) == (0, "")
    assert read_override(file.read_text()).override.override_id != override.override_id
    officers.write_text(f"carol {public_of(key)}\n")
    status, out, _ = writ("override", "show", file, "--officers", officers, "-o", "json")
    assert (status, json.loads(out)["signed_by"]) == (0, "carol")
    officers.write_text(f"dave {Ed25519Signer.generate().public.hex}\n")
    status, _, err = writ("override", "show", file, "--officers", officers)
    assert (status, "no officer" in err) == (1, True)
    there = ("override", "show", file, "--vkey", key.with_name("log.vkey"))
    assert writ(*there)[0] == 0
    elsewhere = tmp_path / "elsewhere.vkey"
    elsewhere.write_text(f"{Vkey(LOG.name, Ed25519Signer.generate().public)}\n")
    status, _, err = writ(*there[:-1], elsewhere)
    assert (status, "another gateway's log" in err) == (1, True)


@pytest.mark.requirement("S4-04")
@pytest.mark.parametrize(
    ("expires", "changes"),
    [
        (instant(25), {}),
        (instant(-1), {}),
        ("2026-11-21T18:00:00", {}),
        ("tomorrow", {}),
        ("2026-02-30T18:00:00Z", {}),
        ("0001-01-01T00:00:00+23:59", {}),
        (instant(1), {"qty": "1e3"}),
        (instant(1), {"qty": "0"}),
        (instant(1), {"mode": "any"}),
        (instant(1), {"vkey": "/nowhere/log.vkey"}),
        (instant(1), {"side": "hold"}),
        (instant(1), {"symbol": "*"}),
        (instant(1), {"account": "*"}),
        (instant(1), {"control": "everything"}),
        (instant(1), {"reason": "two\nlines"}),
    ],
    ids=range(15),  # an instant is another one in each process
)
def test_no_carte_blanche_is_signed(
    writ: Writ, key: Path, expires: str, changes: dict[str, str]
) -> None:
    status, out, err = writ(*typed(key, expires, **changes))
    assert (status, out) == (2, "")
    assert "what to do:" in err
