"""Every command with arguments that cannot be: a usage error with a remedy, and nothing done."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from signing.keys import Ed25519Signer, Vkey
from support.bad_input import BODIES, NUMBERS, TEXTS, databases, untouched
from support.processes import ALL_SCOPES, WRIT, GatewayProcess, simulation
from support.release_folder import write_release

Told = tuple[int, str, str]
Type = Callable[..., Told]

USAGE = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[GatewayProcess]:
    """A gateway that would trade, were it asked properly."""
    folder = tmp_path_factory.mktemp("gateway")
    server = simulation(folder, write_release(folder / "release"))
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "test").status == 0
        yield server
    finally:
        assert server.stop() == 0, server.log()
    assert "Traceback" not in server.log()


def refused(told: Told, *, status: int = USAGE) -> None:
    """That a command ended as a refusal should: nothing on stdout, a reason on stderr."""
    assert told[0] == status, told[2]
    assert told[1] == ""
    assert "Traceback" not in told[2]
    assert "what to do" in told[2] or "Usage:" in told[2] or "--help" in told[2], told[2]


BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
PREVIEW = ("order", "preview", "buy", "10", "AAPL", "--limit", "24.80")
WHY = ("--reason", "drill")
FREE_TEXT = ("newline", "NUL", "lone surrogate", "right-to-left", "over-long")


def replaced(command: tuple[str, ...], place: int, value: str) -> tuple[str, ...]:
    # A number may begin with a dash: what stands after `--` is no option.
    if value.startswith("-") and not command[place - 1].startswith("--"):
        options = command[5:] if len(command) > 5 else ()
        positional = [value if i == place else c for i, c in enumerate(command[:5])]
        return (*positional[:2], *options, "--", *positional[2:])
    return tuple(value if i == place else part for i, part in enumerate(command))


def numbers() -> Iterator[tuple[str, tuple[str, ...]]]:
    for base in (BUY, PREVIEW):
        for name, place in (("qty", 3), ("--limit", 6)):
            for kind, value in NUMBERS.items():
                yield f"{base[1]} {name} {kind}", replaced(base, place, value)
        for kind, value in NUMBERS.items():
            yield f"{base[1]} --stop {kind}", (*base, f"--stop={value}")
    plain_whole = {"padding", "plus", "leading zero", "underscore", "Arabic digits", "minus zero"}
    for command, option in (((*BUY,), "--wait"), (("order", "list"), "--limit")):
        for kind, value in NUMBERS.items():
            if kind in plain_whole | {"fullwidth digits"}:
                continue  # typed by a person and read as the number that it shows
            yield f"{option} {kind}", (*command, f"{option}={value}")
        yield f"{option} too many", (*command, f"{option}=501")


OPTIONS: tuple[tuple[tuple[str, ...], str, str, bool], ...] = (
    # command, option, a good value, whether the value may be typed in another case
    (BUY, "--tif", "day", True),
    (BUY, "--account", "primary", False),
    (BUY, "--client-order-id", "c-1", True),
    (BUY, "--strategy-id", "s-1", True),
    (BUY, "--key", "k-1", True),
    (("order", "list"), "--account", "primary", True),
    (("order", "list"), "--status", "filled", True),
    (("omega4", "lift", *WHY), "--until", "2090-01-01T00:00:00Z", True),
    (("kill", *WHY), "--symbol", "AAPL", False),
    (("kill", *WHY), "--account", "primary", False),
    (("kill", *WHY), "--strategy", "s-1", True),
)
ADDRESS_PARTS = ("", ".", "..", "../mode", "x?y=z", "x#y", "%2e%2e", "a/b", "a b")


def texts() -> Iterator[tuple[str, tuple[str, ...]]]:
    for kind, spoil in TEXTS.items():
        yield f"symbol {kind}", replaced(BUY, 4, spoil("AAPL"))
        yield f"preview symbol {kind}", replaced(PREVIEW, 4, spoil("AAPL"))
        yield f"resume {kind}", ("resume", spoil("halt_x"), *WHY)
        if kind != "case":
            yield f"side {kind}", replaced(BUY, 2, spoil("buy"))
            yield f"mode set {kind}", ("mode", "set", spoil("RESEARCH"))
    for command, option, good, any_case in OPTIONS:
        name = " ".join(command[:2])
        for kind, spoil in TEXTS.items():
            if not (any_case and kind == "case"):
                yield f"{name} {option} {kind}", (*command, f"{option}={spoil(good)}")


def reasons_and_ids() -> Iterator[tuple[str, tuple[str, ...]]]:
    for command in (("kill",), ("resume", "all"), ("omega4", "lift"), ("omega4", "restore")):
        for kind in FREE_TEXT:
            name = f"{' '.join(command)} --reason {kind}"
            yield name, (*command, f"--reason={TEXTS[kind]('drill')}")
    for command in ("show", "explain", "receipt", "cancel"):
        for kind, spoil in TEXTS.items():
            yield f"order {command} {kind}", ("order", command, spoil("ord_1"))
        for part in ADDRESS_PARTS:
            yield f"order {command} {part!r}", ("order", command, part)


COMMANDS = {**dict(numbers()), **dict(texts()), **dict(reasons_and_ids())}


@pytest.mark.parametrize("name", COMMANDS)
def test_bad_arguments_are_refused_and_change_nothing(
    server: GatewayProcess, typed: Type, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WRIT_URL", server.url)
    monkeypatch.setenv("WRIT_API_KEY", server.key)
    before = databases(server.data)
    status, out, err = typed(*COMMANDS[name])
    assert status == USAGE, err
    assert out == ""
    assert "what to do" in err or "Usage:" in err, err
    assert databases(server.data) == before


ADDRESSES = (
    *("nowhere", "ftp://127.0.0.1", "http://", "http://[::1", "http://a b", "http://x:99999"),
    *("http://\udcff", "http://x\n", "http://127.0.0.1:0x1f", "file:///etc/passwd", "//x", "http:"),
)


@pytest.mark.parametrize("url", ADDRESSES, ids=[ascii(url) for url in ADDRESSES])
def test_addresses_that_are_none(typed: Type, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("WRIT_URL", url)
    monkeypatch.setenv("WRIT_API_KEY", "writ_x")
    for command in (("status",), BUY, ("kill", *WHY), ("order", "cancel", "o")):
        told = typed(*command)
        assert told[0] in (USAGE, 3)
        refused(told, status=told[0])


@pytest.mark.parametrize("key", ["", " ", "é", "a\nb", "a\x7f", "\udcff", "x" * 20_000])
def test_keys_that_are_none(
    server: GatewayProcess, typed: Type, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("WRIT_URL", server.url)
    monkeypatch.setenv("WRIT_API_KEY", key)
    refused(typed("status"))


def made_files(folder: Path) -> dict[str, Path]:
    """Things that stand where a file is expected, of which none is one that can be used."""
    (folder / "empty").touch()
    (folder / "rubbish").write_bytes(bytes(range(256)) * 300)
    (folder / "json").write_text("{}")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "endless").symlink_to("/dev/zero")
    names = ("empty", "rubbish", "json", "folder", "loop", "dangling", "endless")
    return {name: folder / name for name in names} | {
        "missing": folder / "missing",
        "below a file": folder / "json" / "x",
        "too long a name": folder / ("x" * 300),
        "not UTF-8": Path(f"{folder}/a\udcffb"),
    }


KINDS = (
    *("empty", "rubbish", "json", "folder", "loop", "dangling", "endless", "missing"),
    *("below a file", "too long a name", "not UTF-8"),
)


@pytest.fixture
def things(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "things").mkdir()
    return made_files(tmp_path / "things")


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_where_a_file_is_read(
    typed: Type, tmp_path: Path, things: dict[str, Path], kind: str
) -> None:
    vkey, log = tmp_path / "good.vkey", tmp_path / "log"
    log.mkdir()
    vkey.write_text(f"{Vkey('writ.example/log', Ed25519Signer.generate().public)}\n")
    path = things[kind]
    unread = 3 if kind in ("loop", "below a file", "too long a name") else USAGE
    with untouched(tmp_path):
        refused(typed("audit", "verify", "--vkey", path, "--log", log), status=unread)
        refused(typed("audit", "receipt", "1", "--log", log, "--vkey", path), status=unread)
        refused(typed("keys", "show", path))
        refused(typed("keys", "show", path.with_name(path.name + ".key")))
        status, _, err = typed("audit", "verify", "--vkey", vkey, "--receipt", path)
        assert status in (1, USAGE, 3), err
        assert "Traceback" not in err
        status, _, err = typed("audit", "verify", "--vkey", vkey, "--log", log, "--earlier", path)
        assert status in (1, USAGE, 3), err
        assert "Traceback" not in err


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_where_a_folder_is_read(
    typed: Type, tmp_path: Path, things: dict[str, Path], kind: str
) -> None:
    vkey = tmp_path / "good.vkey"
    vkey.write_text(f"{Vkey('writ.example/log', Ed25519Signer.generate().public)}\n")
    path = things[kind]
    with untouched(tmp_path):
        refused(typed("policy", "check", path))
        refused(typed("policy", "test", path))
        refused(typed("policy", "build", path, "--out", tmp_path / "out"))
        refused(typed("serve", "--release", path, "--port", "0", "--data", tmp_path / "data"))
        status, _, err = typed("audit", "verify", "--vkey", vkey, "--log", path)
        assert status in (1, USAGE, 3), err
        assert "Traceback" not in err
        status, _, err = typed("audit", "receipt", "0", "--log", path)
        assert status in (1, USAGE, 3), err
        assert "Traceback" not in err
        if kind not in ("missing", "folder", "not UTF-8"):
            refused(typed("access", "add", "bob", "--scope", "read", "--data", path))
            refused(typed("demo", "--once", "--orders", "1", "--data", path))


@pytest.mark.parametrize("kind", ["json", "loop", "below a file", "too long a name"])
def test_what_stands_where_a_folder_is_made(
    typed: Type, tmp_path: Path, things: dict[str, Path], kind: str
) -> None:
    path = things[kind]
    with untouched(tmp_path):
        refused(typed("keys", "new", "--name", "writ.example/log", "--out", path))
        refused(typed("keys", "new", "--kind", "identity", "--out", path))


@pytest.mark.parametrize("kind", [kind for kind in TEXTS if kind != "case"])
def test_names_that_are_none(typed: Type, tmp_path: Path, kind: str) -> None:
    name = TEXTS[kind]("bob/x")
    with untouched(tmp_path):
        refused(typed("access", "add", "--scope", "read", "--data", tmp_path / "d", "--", name))
        refused(typed("access", "revoke", "--data", tmp_path / "none", "--", name), status=USAGE)
        if kind not in ("look-alike", "fullwidth", "combining"):
            refused(typed("keys", "new", f"--name={name} x", "--out", tmp_path / "keys"))
        refused(typed("audit", "receipt", "--log", tmp_path, "--", name), status=1)
        refused(typed(name))
        refused(typed("order", name))


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_orders_and_ports_that_are_none(typed: Type, tmp_path: Path, kind: str) -> None:
    if kind in ("padding", "plus", "leading zero", "underscore", "Arabic digits", "minus zero"):
        return
    if kind != "fullwidth digits":
        refused(typed("demo", "--once", f"--orders={NUMBERS[kind]}", "--data", tmp_path / "demo"))
        refused(typed("serve", f"--port={NUMBERS[kind]}", "--data", tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


ACCESS_FILES = {
    **{name: make for name, (_, make) in BODIES.items()},
    "version true": lambda b: str({**b, "v": True}).encode(),
    "another version": lambda _: b'{"v": 3, "keys": []}',
    "keys are text": lambda _: b'{"v": 1, "keys": "abc"}',
    "a key is null": lambda _: b'{"v": 1, "keys": [null]}',
    "a key is empty": lambda _: b'{"v": 1, "keys": [{}]}',
    "cut short": lambda _: b'{"v": 1, "keys": [{"id"',
}


@pytest.mark.parametrize("name", [n for n in ACCESS_FILES if n != "huge string"])
def test_an_access_file_that_is_damaged_is_not_written_over(
    typed: Type, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "access.json"
    file.touch(0o600)
    file.write_bytes(ACCESS_FILES[name]({"v": 1, "keys": []}))
    (tmp_path / "access.json.lock").touch(0o600)
    with untouched(tmp_path):
        for command in (("list",), ("add", "bob", "--scope", "read"), ("revoke", "bob")):
            told = typed("access", *command, "--data", tmp_path)
            refused(told, status=3)
            assert "access-file-unreadable" in told[2]


def test_a_pipe_in_place_of_the_access_file_keeps_nobody_waiting(
    typed: Type, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "access.json", 0o600)
    began = time.monotonic()
    refused(typed("access", "list", "--data", tmp_path), status=3)
    assert time.monotonic() - began < 5


def test_a_reader_that_goes_away_is_no_defect(server: GatewayProcess) -> None:
    environment = {**os.environ, "WRIT_URL": server.url, "WRIT_API_KEY": server.key}
    for command in (
        ("order", "list"),
        ("mode", "show"),
        ("--help",),
        ("halt", "list", "-o", "json"),
    ):
        read, write = os.pipe()
        os.close(read)
        try:
            done = subprocess.run(
                [WRIT, *command],
                env=environment,
                stdout=write,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                timeout=30,
                check=False,
            )
        finally:
            os.close(write)
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1, 141), command
