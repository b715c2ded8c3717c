"""A release is used only when every byte is the one that its descriptor names."""

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gateway.demo
from gateway.domain.instrument import Instrument
from gateway.policy.release import (
    BUNDLE,
    DATA,
    DESCRIPTOR,
    FILE_MAX_BYTES,
    WASM,
    ReleaseError,
    load_release,
    release_folder,
    shipped_directory,
    shipped_release,
)
from gateway.policy.release_data import Limits, parse_data
from signing import canonical
from support.policy_cases import data, limits

DEMO = Path(gateway.demo.__file__).parent / "release"
# The twenty shares whose prices come with the demonstration.
SHARES = "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_directory(), tmp_path / "release"))


@pytest.mark.requirement("S2-02")
def test_the_shipped_limits_are_all_zero() -> None:
    release = shipped_release()
    assert release.label == "shipped"
    assert set(release.limits.base) == set(limits())
    assert set(release.limits.base.values()) == {0}


def test_digests_name_the_bytes() -> None:
    release = shipped_release()
    assert release.digest == canonical.digest(release.descriptor)
    for digest, content in (
        (release.bundle_digest, release.bundle),
        (release.wasm_digest, release.wasm),
        (release.data_digest, release.data),
    ):
        assert digest == canonical.digest(content)


def test_the_demonstration_differs_in_its_data_only() -> None:
    shipped, demonstration = shipped_release(), load_release(DEMO)
    assert demonstration.label == "demonstration"
    assert demonstration.revision == shipped.revision
    assert demonstration.bundle == shipped.bundle
    assert demonstration.wasm == shipped.wasm
    assert demonstration.digest != shipped.digest
    assert set(demonstration.limits.base) == set(shipped.limits.base)
    assert " ".join(sorted(demonstration.instruments)) == SHARES
    assert demonstration.instruments["JPM"] == Instrument(
        "JPM", "equity", "Financials", "USD", 0, 4, 1, 100
    )


@pytest.mark.parametrize("name", [BUNDLE, WASM, DATA, DESCRIPTOR])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ReleaseError) as caught:
        load_release(folder)
    assert caught.value.code == "release-missing"
    assert caught.value.remedy


@pytest.mark.parametrize("name", [BUNDLE, WASM, DATA])
@pytest.mark.parametrize("damage", ["flip", "cut", "grow"])
def test_a_file_that_is_not_the_named_one(folder: Path, name: str, damage: str) -> None:
    content = bytearray((folder / name).read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        content.pop()
    else:
        content += b"\x00"
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ReleaseError) as caught:
        load_release(folder)
    assert caught.value.code == "release-digest"
    assert name in caught.value.detail


@pytest.mark.parametrize("name", [DATA, DESCRIPTOR])
def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ReleaseError, match="is no regular file") as caught:
        load_release(folder)
    assert caught.value.code == "release-missing"


def test_a_file_beyond_all_bounds(folder: Path) -> None:
    with (folder / WASM).open("ab") as file:
        file.truncate(FILE_MAX_BYTES + 1)
    with pytest.raises(ReleaseError, match="larger than"):
        load_release(folder)


Fields = dict[str, Any]


def without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        *(without(name) for name in ("v", "revision", "label", "wasm_sha256", "opa_version")),
        lambda fields: fields | {"extra": 1},
        lambda fields: fields | {"v": 2},
        lambda fields: fields | {"v": True},
        lambda fields: fields | {"label": ""},
        lambda fields: fields | {"label": "Über"},
        lambda fields: fields | {"revision": "1"},
        lambda fields: fields | {"opa_version": "latest"},
        lambda fields: fields | {"data_sha256": "A" * 64},
        lambda fields: fields | {"data_sha256": 5},
        lambda fields: [fields],
    ],
)
def test_a_malformed_descriptor(folder: Path, change: Callable[[Fields], object]) -> None:
    fields = canonical.decode_object((folder / DESCRIPTOR).read_bytes())
    (folder / DESCRIPTOR).write_bytes(canonical.encode(change(fields)))
    with pytest.raises(ReleaseError) as caught:
        load_release(folder)
    assert caught.value.code == "release-malformed"


def test_a_descriptor_that_is_written_in_another_way(folder: Path) -> None:
    content = (folder / DESCRIPTOR).read_bytes()
    (folder / DESCRIPTOR).write_bytes(content + b"\n")
    with pytest.raises(ReleaseError) as caught:
        load_release(folder)
    assert caught.value.code == "release-malformed"


def test_data_is_read() -> None:
    parsed = parse_data(canonical.encode(data()))
    assert parsed.base_currency == "USD"
    assert parsed.limits == Limits(limits(), {}, {}, {})
    assert parsed.restricted == frozenset()
    assert set(parsed.permissions) == {"*"}
    assert parsed.instruments == {
        "ACME": Instrument("ACME", "equity", "Industrials", "USD", 0, 4, 10, 100)
    }


def test_a_release_of_before_there_was_such_a_list_is_read() -> None:
    assert parse_data(changed("compliance_symbols", gone=True)).compliance_symbols == frozenset()
    listed = parse_data(changed("compliance_symbols", value={"ACME": True}))
    assert listed.compliance_symbols == {"ACME"}


def test_what_was_read_cannot_be_changed() -> None:
    parsed = parse_data(canonical.encode(data()))
    for mapping in (parsed.limits.base, parsed.instruments, parsed.permissions):
        with pytest.raises(TypeError):
            mapping["ACME"] = 1  # type: ignore[index]  # that is the point


def changed(*path: str, value: object = None, gone: bool = False) -> bytes:
    document = copy.deepcopy(data())
    node = document
    for name in path[:-1]:
        node = node[name]
    if gone:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return canonical.encode(document)


BAD_DATA = [
    b"",
    b"[]",
    b"{}",
    canonical.encode(data()) + b" ",
    changed("limits", gone=True),
    changed("instruments", gone=True),
    changed("more", value=1),
    changed("limits", value=[]),
    changed("instruments", value=5),
    *(
        changed("limits", "global", "order_qty_max_e8", value=bad)
        for bad in (-1, "1", None, True, [], canonical.INT_MAX * -1)
    ),
    changed("limits", "global", "Order-Limit", value=1),
    changed("limits", "global", gone=True),
    changed("limits", "more", value={}),
    changed("limits", "symbols", value={"a b": {}}),
    changed("limits", "accounts", value={"main": {"order_qty_max_e8": -1}}),
    changed("limits", "accounts", value={"main": 5}),
    changed("base_currency", value="usd"),
    changed("base_currency", value=None),
    changed("restricted", value={"ACME": False}),
    changed("restricted", value={"a b": True}),
    changed("restricted", value=["ACME"]),
    changed("compliance_symbols", value={"ACME": 1}),
    changed("compliance_symbols", value={"a b": True}),
    changed("compliance_symbols", value=None),
    changed("permissions", value=[]),
    changed("permissions", "*", "more", value=1),
    changed("permissions", "*", "extended_hours", value=0),
    changed("permissions", "*", "principals", value={"a b": True}),
    changed("permissions", "*", "principals", value={"a": 1}),
    changed("permissions", "*", "classes", value={"*": True}),
    changed("permissions", value={"a b": data()["permissions"]["*"]}),
    changed("instruments", "A B", value=data()["instruments"]["ACME"]),
    changed("instruments", "ACME", value=None),
    changed("instruments", "ACME", "more", value=1),
    *(changed("instruments", "ACME", name, gone=True) for name in data()["instruments"]["ACME"]),
    *(
        changed("instruments", "ACME", name, value=bad)
        for name in ("class", "sector", "currency", "borrow")
        for bad in ("", 5, None, "x" * 65)
    ),
    *(
        changed("instruments", "ACME", name, value=bad)
        for name in ("qty_decimals", "price_decimals")
        for bad in (-1, 9, "2", None, True)
    ),
    *(
        changed("instruments", "ACME", name, value=bad)
        for name in ("lot", "tick", "multiplier")
        for bad in (0, -1, "1", None, True)
    ),
]


@pytest.mark.requirement("S2-02")
def test_the_strictest_limit_counts() -> None:
    found = Limits(
        {"a_max_bps": 10, "b_min_ms": 10, "zero_max_bps": 0},
        {"main": {"a_max_bps": 9, "b_min_ms": 12, "zero_max_bps": 5}},
        {"s": {"a_max_bps": 11, "b_min_ms": 9}},
        {"X": {"a_max_bps": 0, "c_max_bps": 3}},
    )
    assert found.strictest("a_max_bps") == 10
    assert found.strictest("a_max_bps", account="main", strategy="s") == 9
    assert found.strictest("a_max_bps", strategy="s") == 10
    assert found.strictest("b_min_ms", account="main", strategy="s") == 12
    assert found.strictest("zero_max_bps", account="main") == 0
    assert found.strictest("a_max_bps", symbol="X") == 0
    assert found.strictest("c_max_bps", symbol="X") == 0
    assert found.strictest("d_max_bps", symbol="X") == 0


@pytest.mark.parametrize("encoded", BAD_DATA, ids=range(len(BAD_DATA)))
def test_malformed_data(encoded: bytes) -> None:
    with pytest.raises(ReleaseError) as caught:
        parse_data(encoded)
    assert caught.value.code == "release-data"


def test_a_link_is_followed_once_and_a_loop_leads_nowhere(tmp_path: Path) -> None:
    turned, loop = tmp_path / "release", tmp_path / "loop"
    turned.symlink_to(tmp_path)
    loop.symlink_to(loop)
    assert release_folder(turned) == tmp_path.resolve()
    with pytest.raises(ReleaseError) as caught:
        release_folder(loop)
    assert caught.value.code == "release-missing"
