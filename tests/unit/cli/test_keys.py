"""`writ keys`: key files, and what is public about them."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.main import main
from signing.keys import Ed25519Signer, Vkey
from vault.signers import load_key

Writ = Callable[..., tuple[int, str, str]]
ORIGIN = "writ.example/log"


@pytest.fixture
def writ(capsys: pytest.CaptureFixture[str]) -> Writ:
    """Runs `writ keys …`; returns its exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["keys", *map(str, arguments)])
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return status, told.out, told.err

    return run


@pytest.mark.requirement("W-01")
def test_a_log_key(writ: Writ, tmp_path: Path) -> None:
    status, out, _ = writ("new", "--name", ORIGIN, "--out", tmp_path / "keys", "-o", "json")
    assert status == 0
    private = tmp_path / "keys" / "log.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    public = Ed25519Signer(load_key(private)).public
    vkey = Vkey(ORIGIN, public)
    assert (tmp_path / "keys" / "log.vkey").read_text() == f"{vkey}\n"
    assert (tmp_path / "keys" / "log.pub").read_text() == f"{public.hex}\n"
    assert json.loads(out) == {
        "public_key": public.hex,
        "keyid": public.keyid,
        "origin": ORIGIN,
        "vkey": str(vkey),
    }
    for name in ("log.vkey", "log.key", "log.pub"):
        command = ("show", tmp_path / "keys" / name, "--name", ORIGIN, "-o", "json")
        assert writ(*command)[:2] == (0, out)


def test_an_identity_key(writ: Writ, tmp_path: Path) -> None:
    status, out, _ = writ("new", "--kind", "identity", "--out", tmp_path, "-o", "json")
    assert status == 0
    assert json.loads(out).keys() == {"public_key", "keyid"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identity.key", "identity.pub"]


def test_nothing_private_is_shown(writ: Writ, tmp_path: Path) -> None:
    told = "".join(map(str, writ("new", "--name", ORIGIN, "--out", tmp_path)))
    told += "".join(map(str, writ("show", tmp_path / "log.key")))
    seed = load_key(tmp_path / "log.key").private_bytes_raw()
    assert seed.hex() not in told
    assert (tmp_path / "log.key").read_text().splitlines()[1] not in told


def test_a_key_is_never_replaced(writ: Writ, tmp_path: Path) -> None:
    writ("new", "--name", ORIGIN, "--out", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    status, out, err = writ("new", "--name", ORIGIN, "--out", tmp_path)
    assert (status, out) == (2, "")
    assert "key-exists" in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("new",),
        ("new", "--name", "https://a"),
        ("new", "--name", "a b"),
        ("new", "--kind", "identity", "--name", ORIGIN),
        ("new", "--kind", "officer"),
    ],
)
def test_wrong_usage_leaves_no_key(writ: Writ, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, out, _ = writ(*arguments, "--out", tmp_path / "keys")
    assert (status, out) == (2, "")
    assert not (tmp_path / "keys").exists()


def test_a_passphrase(writ: Writ, tmp_path: Path) -> None:
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    new = ("new", "--name", ORIGIN, "--out", tmp_path / "k", "--passphrase-file", secret)
    assert writ(*new)[0] == 0
    key = tmp_path / "k" / "log.key"
    assert load_key(key, b"correct horse")
    assert writ("show", key, "--passphrase-file", secret)[0] == 0
    for given in (("show", key), ("show", key, "--passphrase-file", wrong)):
        status, out, err = writ(*given)
        assert (status, out) == (2, "")
        assert "key-passphrase" in err


@pytest.mark.parametrize("content", ["", "nonsense", "a+b+c", "02" + "00" * 31, "ff" * 40])
def test_files_that_hold_no_key(writ: Writ, tmp_path: Path, content: str) -> None:
    for suffix in (".pub", ".vkey", ".key"):
        path = tmp_path / f"log{suffix}"
        path.write_text(content)
        path.chmod(0o600)
        status, out, err = writ("show", path)
        assert (status, out) == (2, "")
        assert err
    status, _, err = writ("show", tmp_path / "none.pub")
    assert status == 2
    assert "No such file" in err
