"""One changed byte anywhere in a published log is found, and the right entry is named."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.tiles import FULL, TileName, encode_bundle, parse_path
from signing.verify import verify_log
from support.logs import LogBuilder, filled_log

SIZE = 520

# The files are put back after every example, so one copy serves them all.
SHARED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    log = filled_log(tmp_path_factory.mktemp("log") / "log", SIZE)
    # An older partial tile and bundle, as they stay behind when a log grows.
    older = LogBuilder(log.directory, entries=log.entries, tree=log.tree, published=512)
    older.publish_tiles(515)
    return log


def files(log: LogBuilder) -> list[Path]:
    return sorted(path for path in log.directory.rglob("*") if path.is_file())


def expected(log: LogBuilder, name: TileName, at: int) -> int:
    """The index of the entry that byte `at` of a tile file belongs to."""
    if name.level == "entries":
        for offset in range(name.width):
            upto = log.entries[name.index * FULL : name.index * FULL + offset + 1]
            if at < len(encode_bundle(upto)):
                return name.index * FULL + offset
        raise AssertionError
    return (name.index * FULL + at // 32) * FULL**name.level


def test_the_log_is_sound(log: LogBuilder) -> None:
    assert verify_log(log.directory, log.vkey).ok
    kinds = {path.relative_to(log.directory).parts[0] for path in files(log)}
    assert kinds == {"checkpoint", "tile", "blobs"}


@pytest.mark.requirement("W-01")
@given(st.data())
@SHARED
def test_a_flipped_byte_is_found(log: LogBuilder, data: st.DataObject) -> None:
    tiles = [path for path in files(log) if "blobs" not in path.parts]
    path = data.draw(st.sampled_from([*tiles, *tiles, files(log)[0]]))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    try:
        report = verify_log(log.directory, log.vkey)
    finally:
        path.write_bytes(whole)
    assert not report.ok
    name = parse_path(str(path.relative_to(log.directory)))
    if name is not None:
        assert report.first_bad_index == expected(log, name, at)
    elif path.name == "checkpoint":
        assert report.first_bad_index is None
    else:
        assert report.first_bad_index is not None


@given(st.data())
@SHARED
def test_a_file_cut_short_or_made_longer_is_found(log: LogBuilder, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files(log)))
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        changed = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        changed = whole + data.draw(st.binary(min_size=1, max_size=40))
    path.write_bytes(changed)
    try:
        report = verify_log(log.directory, log.vkey)
    finally:
        path.write_bytes(whole)
    assert not report.ok


@given(st.data())
@SHARED
def test_two_files_exchanged_are_found(log: LogBuilder, data: st.DataObject) -> None:
    one, other = data.draw(
        st.lists(st.sampled_from(files(log)), min_size=2, max_size=2, unique=True)
    )
    kept = one.read_bytes(), other.read_bytes()
    one.write_bytes(kept[1])
    other.write_bytes(kept[0])
    try:
        report = verify_log(log.directory, log.vkey)
    finally:
        one.write_bytes(kept[0])
        other.write_bytes(kept[1])
    assert not report.ok


@pytest.mark.requirement("W-01")
@given(st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_removed_file_is_missed(
    log: LogBuilder, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """All but documents, which retention may delete, and partial tiles that others replace."""
    copy = tmp_path_factory.mktemp("copy") / "log"
    shutil.copytree(log.directory, copy)
    tiles = [path for path in files(log) if "blobs" not in path.parts and path.name != "3"]
    path = data.draw(st.sampled_from(tiles)).relative_to(log.directory)
    (copy / path).unlink()
    report = verify_log(copy, log.vkey)
    assert not report.ok
    name = parse_path(str(path))
    if name is not None and name.width in {FULL, 2}:
        span = FULL ** (0 if name.level == "entries" else name.level)
        assert report.first_bad_index == name.index * FULL * span
