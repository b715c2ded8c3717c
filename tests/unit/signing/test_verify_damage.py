"""Whatever is done to the files of a log, it is seen, and the first bad entry is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signing.checkpoint import Checkpoint, sign_checkpoint
from signing.envelope import open_envelope, seal
from signing.merkle import Tree, leaf_hash
from signing.tiles import FULL, TileName, encode_bundle
from signing.verify import Report, verify_log
from support.logs import LogBuilder, filled_log, seeded

SIZE = 600

pytestmark = pytest.mark.requirement("W-01")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    return filled_log(tmp_path_factory.mktemp("original") / "log", SIZE)


@pytest.fixture
def log(original: LogBuilder, tmp_path: Path) -> LogBuilder:
    """A copy of the log that a test may damage."""
    shutil.copytree(original.directory, tmp_path / "log")
    tree = Tree()
    for entry in original.entries:
        tree.append(leaf_hash(entry))
    return LogBuilder(tmp_path / "log", entries=list(original.entries), tree=tree)


def check(log: LogBuilder) -> Report:
    report = verify_log(log.directory, log.vkey)
    assert not report.ok
    return report


def failed(report: Report) -> list[int]:
    return [step.number for step in report.steps if not step.ok]


def flip(path: Path, at: int, mask: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)


def offset_of(log: LogBuilder, index: int) -> int:
    """Where entry `index`, behind its length, begins in its bundle."""
    first = index // FULL * FULL
    return len(encode_bundle(log.entries[first:index])) + 2


def bundle_path(log: LogBuilder, index: int) -> Path:
    first = index // FULL * FULL
    return log.directory / TileName("entries", index // FULL, min(FULL, SIZE - first)).path


def tile_file(log: LogBuilder, level: int, index: int, width: int) -> Path:
    return log.directory / TileName(level, index, width).path


@pytest.mark.parametrize("index", [0, 1, 5, 255, 256, 300, 511, 512, 599])
@pytest.mark.parametrize("place", [-2, -1, 0, 40, 200])
def test_a_flipped_byte_in_a_bundle(log: LogBuilder, index: int, place: int) -> None:
    flip(bundle_path(log, index), offset_of(log, index) + place)
    report = check(log)
    assert report.first_bad_index == index
    assert 3 in failed(report)
    assert 2 not in failed(report)


@pytest.mark.parametrize("index", [0, 1, 5, 255, 256, 300, 511, 512, 599])
@pytest.mark.parametrize("place", [0, 31])
def test_a_flipped_byte_in_a_tile_of_leaves(log: LogBuilder, index: int, place: int) -> None:
    width = min(FULL, SIZE - index // FULL * FULL)
    flip(tile_file(log, 0, index // FULL, width), index % FULL * 32 + place)
    report = check(log)
    assert report.first_bad_index == index
    assert failed(report) == [2]


@pytest.mark.parametrize("index", [0, 1])
def test_a_flipped_byte_in_an_upper_tile(log: LogBuilder, index: int) -> None:
    flip(tile_file(log, 1, 0, 2), index * 32)
    report = check(log)
    assert report.first_bad_index == index * FULL
    assert failed(report) == [2]


def test_every_byte_of_the_checkpoint_counts(log: LogBuilder) -> None:
    path = log.directory / "checkpoint"
    whole = path.read_bytes()
    for at in range(len(whole)):
        flip(path, at)
        report = check(log)
        assert failed(report) == list(range(1, 9))
        assert report.first_bad_index is None
        path.write_bytes(whole)
    assert verify_log(log.directory, log.vkey).ok


def test_damage_in_two_places(log: LogBuilder) -> None:
    """A damaged tile here and a damaged bundle there: each account is wrong, and each is told."""
    flip(bundle_path(log, 300), offset_of(log, 300) + 40)
    flip(tile_file(log, 0, 0, FULL), 7 * 32)
    report = check(log)
    assert {2, 3} <= set(failed(report))
    assert report.first_bad_index == 7
    assert "entry 300" in report.steps[2].detail


def test_damage_of_tile_and_bundle_of_the_same_entry(log: LogBuilder) -> None:
    """Both agree with each other and not with the root: the upper tile names their tile."""
    entry = seal("decision", log.decision(9_999, allow=False), log.decider)
    log.entries[300] = entry
    bundle_path(log, 300).write_bytes(encode_bundle(log.entries[256:512]))
    path = tile_file(log, 0, 1, FULL)
    data = bytearray(path.read_bytes())
    data[44 * 32 : 45 * 32] = leaf_hash(entry)
    path.write_bytes(data)
    report = check(log)
    assert report.first_bad_index == 256
    assert "neither" in report.steps[2].detail


@pytest.mark.parametrize("length", [0, 1, 33, 63])
def test_damage_everywhere(log: LogBuilder, length: int) -> None:
    """Tiles and bundles are wrong, and so is the tile that could arbitrate."""
    flip(bundle_path(log, 300), offset_of(log, 300) + 40)
    flip(tile_file(log, 0, 0, FULL), 7 * 32)
    path = tile_file(log, 1, 0, 2)
    path.write_bytes(path.read_bytes()[:length])
    report = check(log)
    assert 2 in failed(report)
    assert report.first_bad_index == 300, "the signature of the entry itself"


def rewritten(log: LogBuilder, entries: list[bytes]) -> None:
    """Publish other entries in place of the log's, every tile recomputed."""
    shutil.rmtree(log.directory / "tile")
    log.published = 0
    log.entries = list(entries)
    log.tree = Tree()
    for entry in entries:
        log.tree.append(leaf_hash(entry))
    log.publish_tiles()


def test_a_history_rewritten_under_the_old_checkpoint(log: LogBuilder) -> None:
    entries = list(log.entries)
    entries[300] = entries[300].replace(b"a", b"b", 1)
    rewritten(log, entries)
    report = check(log)
    assert {2, 5} <= set(failed(report))
    assert report.first_bad_index == 300, "its own signature gives it away"


def test_a_history_reordered_under_the_old_checkpoint(log: LogBuilder) -> None:
    entries = list(log.entries)
    entries[301], entries[300] = entries[300], entries[301]
    rewritten(log, entries)
    report = check(log)
    assert {2, 6} <= set(failed(report))
    assert report.first_bad_index == 301, "the first whose time goes back"


def test_a_history_of_which_nothing_shows_a_fault(log: LogBuilder) -> None:
    """Whoever has the decision key can make sound entries; the old root then proves none."""
    fork = LogBuilder(log.directory, at_us=log.at_us + 1_000 * SIZE)
    fork.entries, fork.tree, fork.published = log.entries[:500], Tree(), 0
    for entry in fork.entries:
        fork.tree.append(leaf_hash(entry))
    for number in range(5_000, 5_100):
        fork.decide(number, allow=False)
    shutil.rmtree(log.directory / "tile")
    fork.publish_tiles()
    report = check(log)
    assert failed(report) == [2]
    assert report.first_bad_index == 0


def test_a_log_signed_again_with_another_key(log: LogBuilder) -> None:
    other = LogBuilder(log.directory, log_signer=seeded(9), entries=log.entries, tree=log.tree)
    (log.directory / "checkpoint").write_bytes(other.checkpoint())
    assert failed(check(log)) == list(range(1, 9))
    report = verify_log(log.directory, other.vkey)
    assert failed(report) == [4, 5], "entry 0 pins the first key, so nothing else can be proven"
    assert report.first_bad_index == 0


@pytest.mark.parametrize("index", [7, 300, 599])
def test_an_entry_signed_again_with_another_key(log: LogBuilder, index: int) -> None:
    envelope = open_envelope(log.entries[index])
    log.entries[index] = seal(envelope.kind, envelope.payload, seeded(9))
    rewritten(log, log.entries)
    (log.directory / "checkpoint").write_bytes(log.checkpoint())
    report = check(log)
    assert failed(report) == [5]
    assert report.first_bad_index == index


@pytest.mark.parametrize("keep", [0, 1, 43, 87])
def test_a_bundle_cut_short(log: LogBuilder, keep: int) -> None:
    path = bundle_path(log, 512)
    path.write_bytes(encode_bundle(log.entries[512 : 512 + keep]))
    report = check(log)
    assert failed(report) == [3]
    assert report.first_bad_index == 512 + keep
    path.write_bytes(encode_bundle(log.entries[512:])[:-1])
    assert check(log).first_bad_index == 599


@pytest.mark.parametrize("length", [0, 31, 32, 33, 88 * 32 - 1])
def test_a_tile_cut_short(log: LogBuilder, length: int) -> None:
    path = tile_file(log, 0, 2, 88)
    path.write_bytes(path.read_bytes()[:length])
    report = check(log)
    assert failed(report) == [2]
    assert report.first_bad_index == 512 + length // 32


@pytest.mark.parametrize("extra", [b"\x00", b"x" * 32])
def test_bytes_behind_a_tile(log: LogBuilder, extra: bytes) -> None:
    for path, index in (
        (tile_file(log, 0, 2, 88), 600),
        (tile_file(log, 0, 0, FULL), 256),
        (tile_file(log, 1, 0, 2), 512),
    ):
        whole = path.read_bytes()
        path.write_bytes(whole + extra)
        report = check(log)
        assert failed(report) == [2]
        assert report.first_bad_index == index
        path.write_bytes(whole)


@pytest.mark.parametrize("index", [0, 512])
def test_an_entry_appended_to_a_bundle(log: LogBuilder, index: int) -> None:
    path = bundle_path(log, index)
    path.write_bytes(path.read_bytes() + encode_bundle([log.entries[9]]))
    report = check(log)
    assert failed(report) == [3]
    assert report.first_bad_index == min(index + FULL, SIZE)
    path.write_bytes(encode_bundle(log.entries[index : index + FULL]) + b"\x00")
    assert failed(check(log)) == [3]


@pytest.mark.parametrize(
    ("path", "step", "index"),
    [
        ("tile/entries/000", 3, 0),
        ("tile/entries/001", 3, 256),
        ("tile/entries/002.p/88", 3, 512),
        ("tile/0/000", 2, 0),
        ("tile/0/002.p/88", 2, 512),
        ("tile/1/000.p/2", 2, 0),
    ],
)
def test_a_missing_file(log: LogBuilder, path: str, step: int, index: int) -> None:
    (log.directory / path).unlink()
    report = check(log)
    assert failed(report) == [step]
    assert report.first_bad_index == index


def test_a_truncated_log_with_an_older_partial_tile(log: LogBuilder) -> None:
    """What the older files still prove stays proven; the first entry they lack is named."""
    for level, name in ((0, "tile/0"), ("entries", "tile/entries")):
        (log.directory / f"{name}/002.p/88").unlink()
        older = TileName(level, 2, 40)  # type: ignore[arg-type]  # a level is one or the other
        data = (
            encode_bundle(log.entries[512:552])
            if level == "entries"
            else b"".join(leaf_hash(entry) for entry in log.entries[512:552])
        )
        (log.directory / older.path).write_bytes(data)
    report = check(log)
    assert report.first_bad_index == 552


def test_a_log_of_which_nothing_is_left(log: LogBuilder) -> None:
    shutil.rmtree(log.directory / "tile")
    report = check(log)
    assert report.first_bad_index == 0
    assert {2, 3} <= set(failed(report))


def test_a_checkpoint_over_more_than_there_is_ends(log: LogBuilder) -> None:
    """The signed size may be anything: what is not there is not looked for, entry by entry."""
    note = sign_checkpoint(Checkpoint(log.origin, 2**50, bytes(32)), log.log_signer)
    (log.directory / "checkpoint").write_bytes(note)
    report = check(log)
    assert report.first_bad_index == 600


@pytest.mark.parametrize(("one", "other"), [(5, 6), (0, 255), (256, 511), (512, 599)])
def test_entries_of_a_bundle_exchanged(log: LogBuilder, one: int, other: int) -> None:
    log.entries[one], log.entries[other] = log.entries[other], log.entries[one]
    first = one // FULL * FULL
    bundle_path(log, one).write_bytes(encode_bundle(log.entries[first : first + FULL]))
    report = check(log)
    assert 3 in failed(report)
    assert report.first_bad_index == one


def test_bundles_exchanged(log: LogBuilder) -> None:
    first, second = bundle_path(log, 0), bundle_path(log, 256)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert check(log).first_bad_index == 0


STRAY: dict[str, tuple[str, Callable[[LogBuilder], bytes], int]] = {
    "in the root": ("README", lambda _: b"", 8),
    "hidden": (".checkpoint.tmp", lambda _: b"", 8),
    "beside the tiles": ("tile/README", lambda _: b"", 8),
    "a tile with a wrong name": ("tile/0/0", lambda _: bytes(32), 8),
    "an empty tile": ("tile/0/000.p/0", lambda _: b"", 8),
    "a full tile as a partial one": ("tile/0/000.p/256", lambda _: bytes(8192), 8),
    "a level too high": ("tile/7/000.p/1", lambda _: bytes(32), 8),
    "a tile above the tree": ("tile/2/000.p/1", lambda log: log.tree.root(), 2),
    "a tile far ahead": ("tile/0/005", lambda _: bytes(8192), 2),
    "a tile just ahead": ("tile/0/003.p/1", lambda _: bytes(32), 2),
    "a wider tile": ("tile/0/002.p/90", lambda log: wider(log, 2), 2),
    "a wider upper tile": ("tile/1/000.p/3", lambda log: upper(log) + bytes(32), 2),
    "a bundle far ahead": ("tile/entries/005", lambda log: encode_bundle(log.entries[:256]), 3),
    "an older tile of another log": ("tile/0/002.p/3", lambda _: bytes(96), 2),
    "an older bundle of another log": (
        "tile/entries/001.p/2",
        lambda log: encode_bundle(log.entries[:2]),
        3,
    ),
    "a wider bundle that does not continue": (
        "tile/entries/002.p/90",
        lambda log: encode_bundle([*log.entries[:89], b"x"]),
        3,
    ),
    "a document with a wrong name": ("blobs/README", lambda _: b"", 8),
    "a document in capitals": ("blobs/" + "AB" * 32, lambda _: b"", 8),
    "a document in a folder": ("blobs/ab/" + "ab" * 32, lambda _: b"", 8),
    "a document of other bytes": ("blobs/" + "ab" * 32, lambda _: b"x", 8),
}


def wider(log: LogBuilder, more: int) -> bytes:
    hashes = b"".join(leaf_hash(entry) for entry in log.entries[512:])
    return hashes + bytes(32 * more)


def upper(log: LogBuilder) -> bytes:
    return log.tree.node(8, 0) + log.tree.node(8, 1)


@pytest.mark.parametrize("name", STRAY)
def test_a_stray_file(log: LogBuilder, name: str) -> None:
    path, make, step = STRAY[name]
    file = log.directory / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(make(log))
    assert failed(check(log)) == [step]


def test_a_changed_document_is_blamed_on_the_first_entry_that_names_it(log: LogBuilder) -> None:
    for index in (2, 7, 500):
        payload = open_envelope(log.entries[index]).payload
        digest = payload.get("input_digest") or payload.get("wasm_digest")
        if digest is None:
            continue
        path = log.directory / "blobs" / digest
        whole = path.read_bytes()
        flip(path, 3)
        report = check(log)
        assert failed(report) == [8]
        assert report.first_bad_index == index
        path.write_bytes(whole)


def test_a_document_that_never_ends_is_not_read_into_memory(log: LogBuilder) -> None:
    digest = open_envelope(log.entries[6]).payload["input_digest"]
    with (log.directory / "blobs" / digest).open("wb") as file:
        file.truncate(2**33)
    assert check(log).first_bad_index == 6
