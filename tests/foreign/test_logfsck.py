"""A published log before Tessera's fsck, and before ours."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from signing.tiles import FULL, TileName, encode_bundle
from signing.verify import verify_log
from support.logs import LogBuilder, filled_log, make_log

pytestmark = pytest.mark.requirement("W-01")

Run = Callable[..., CompletedProcess[str]]
SIZE = 600


def fsck(foreign: Run, log: LogBuilder, folder: Path) -> tuple[int, str]:
    """Exit status and words of the foreign verifier."""
    vkey = folder / "log.vkey"
    vkey.write_text(f"{log.vkey}\n")
    done = foreign("logfsck", log.directory, vkey)
    return done.returncode, done.stdout


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, SIZE])
def test_it_accepts_our_logs(foreign: Run, tmp_path: Path, size: int) -> None:
    log = filled_log(tmp_path / "log", size)
    assert fsck(foreign, log, tmp_path) == (0, "sound\n")


def test_it_accepts_a_log_with_every_kind_of_entry(foreign: Run, tmp_path: Path) -> None:
    make_log(tmp_path / "log", decisions=40)
    log = LogBuilder(tmp_path / "log")
    assert fsck(foreign, log, tmp_path) == (0, "sound\n")


def test_it_accepts_the_tiles_of_70_000_entries(foreign: Run, tmp_path: Path) -> None:
    """Three levels of tiles; what the entries say is no matter of that verifier."""
    log = LogBuilder(tmp_path / "log")
    for number in range(70_000):
        log.add_bytes(b"entry %d" % number)
    log.publish()
    for path in ("tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"):
        assert (log.directory / path).is_file()
    assert fsck(foreign, log, tmp_path) == (0, "sound\n")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    return filled_log(tmp_path_factory.mktemp("original") / "log", SIZE)


@pytest.fixture
def log(original: LogBuilder, tmp_path: Path) -> LogBuilder:
    shutil.copytree(original.directory, tmp_path / "log")
    return LogBuilder(tmp_path / "log", entries=original.entries, tree=original.tree)


@pytest.mark.parametrize(
    "path",
    [
        "checkpoint",
        "tile/0/000",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ],
)
def test_both_refuse_a_flipped_byte(
    foreign: Run, log: LogBuilder, tmp_path: Path, path: str
) -> None:
    file = log.directory / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert fsck(foreign, log, tmp_path)[0] == 1
    assert not verify_log(log.directory, log.vkey).ok


def test_both_refuse_a_truncated_log(foreign: Run, log: LogBuilder, tmp_path: Path) -> None:
    (log.directory / "tile/entries/002.p/88").unlink()
    assert fsck(foreign, log, tmp_path)[0] == 1
    assert verify_log(log.directory, log.vkey).first_bad_index == 512


MISTAKES: dict[str, tuple[str, Callable[[LogBuilder], bytes]]] = {
    "an entry appended to a full bundle": (
        "tile/entries/000",
        lambda log: encode_bundle([*log.entries[:FULL], log.entries[9]]),
    ),
    "an entry appended to a partial bundle": (
        "tile/entries/002.p/88",
        lambda log: encode_bundle([*log.entries[512:], log.entries[9]]),
    ),
    "a stray tile": ("tile/0/005", lambda _: bytes(FULL * 32)),
    "a stray partial tile": (TileName(0, 1, 7).path, lambda _: bytes(7 * 32)),
    "a stray bundle": ("tile/entries/005", lambda log: encode_bundle(log.entries[:FULL])),
    "a stray file": ("tile/0/README", lambda _: b"x"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_ours_refuses_what_it_does_not_see(
    foreign: Run, log: LogBuilder, tmp_path: Path, name: str
) -> None:
    path, make = MISTAKES[name]
    file = log.directory / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(make(log))
    assert fsck(foreign, log, tmp_path) == (0, "sound\n")
    assert not verify_log(log.directory, log.vkey).ok
