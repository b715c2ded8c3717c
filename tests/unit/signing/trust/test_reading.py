"""Metadata has one reading: what another reader could take for something else is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from signing.trust import Council, TrustError
from signing.trust.library import Metadata, Root
from signing.trust.metadata import (
    METADATA_BYTES_MAX,
    in_words,
    read_metadata,
    signed_bytes,
    to_moment,
    to_us,
    write_metadata,
)
from signing.trust.roles import council_of, root_of, tuf_key
from support.trust_root import ANNA, BERT, COUNCIL, NOW_US, Json, TrustFolder, officer

pytestmark = pytest.mark.requirement("W-04")

EXPIRES = to_moment(NOW_US)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = TrustFolder(tmp_path_factory.mktemp("trust"))
    made.begin()
    return made.pinned


def test_it_reads_what_it_writes(root: bytes) -> None:
    metadata = read_metadata(Root, root)
    assert write_metadata(metadata) == root
    assert council_of(metadata.signed) == COUNCIL


def test_a_council_survives_being_written() -> None:
    strange = Council(
        (officer("anna", ANNA, BERT, roles=("risk", "admin")),), 1, COUNCIL.publisher, True
    )
    for council in (COUNCIL, strange):
        assert council_of(root_of(council, 7, EXPIRES)) == council


def text_change(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old in data.decode()
        return data.decode().replace(old, new, 1).encode()

    return change


def field_change(act: Callable[[Json], Any]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        metadata = json.loads(data)
        act(metadata)
        return json.dumps(metadata).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: b"null",
        lambda data: data[:-10],
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: b"[" * 100_000,
        lambda data: data + b" " * METADATA_BYTES_MAX,
        lambda data: data.replace(b"anna", "änna".encode()),
        text_change('"version": 1', '"version": 1, "version": 1'),
        text_change('"version": 1', '"version": 1.0'),
        text_change('"version": 1', '"version": true'),
        text_change('"version": 1', '"version": 0'),
        text_change('"version": 1', '"version": 9007199254740992'),
        text_change('"version": 1', '"version": NaN'),
        text_change('"version": 1', '"version": "1"'),
        text_change('"version": 1', f'"version": 1{"0" * 5000}'),
        text_change('"threshold": 2', '"threshold": 2e0'),
        text_change('"threshold": 2', '"threshold": "2"'),
        text_change("Z", ".0Z"),
        text_change('"_type": "root"', '"_type": "targets"'),
        field_change(lambda one: one.update(further=1)),
        field_change(lambda one: one.pop("signatures")),
        field_change(lambda one: one.update(signatures={})),
        field_change(lambda one: one.update(signed=[])),
        field_change(lambda one: one["signatures"].append([])),
        field_change(lambda one: one["signatures"][0].update(further=1)),
        field_change(lambda one: one["signatures"][0].update(sig=1)),
        field_change(lambda one: one.update(signatures=one["signatures"] * 2)),
        field_change(lambda one: one.update(signatures=[{"keyid": str(n), "sig": ""}
                                                        for n in range(65)])),
        field_change(lambda one: one["signed"].pop("expires")),
        field_change(lambda one: one["signed"].update(spec_version=None)),
        field_change(lambda one: one["signed"].update(expires="2026-13-01T00:00:00Z")),
        field_change(lambda one: one["signed"].update(keys=[])),
        field_change(lambda one: one["signed"]["roles"].pop("snapshot")),
        field_change(lambda one: one["signed"]["roles"].update(x={"keyids": [], "threshold": 1})),
    ],
)  # fmt: skip
def test_one_reading(root: bytes, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TrustError) as refused:
        read_metadata(Root, change(root))
    assert refused.value.code == "metadata-form"


ANNAS = tuf_key(ANNA.public).keyid
PUBLISHERS = tuf_key(COUNCIL.publisher).keyid


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda one: one.update(further=1), "root-form"),
        (lambda one: one.update(consistent_snapshot=False), "root-form"),
        (lambda one: one.update({"x-writ-development": 1}), "root-form"),
        (lambda one: one["keys"][ANNAS].update(further=1), "root-form"),
        (lambda one: one["keys"][ANNAS]["keyval"].update(further=1), "root-form"),
        (lambda one: one["keys"][ANNAS].update({"x-writ-officer": 7}), "officer-name"),
        (lambda one: one["keys"][ANNAS].pop("x-writ-officer"), "officer-name"),
        (lambda one: one["keys"][ANNAS].update({"x-writ-officer": "Anna"}), "officer-name"),
        (lambda one: one["keys"][ANNAS].update({"x-writ-roles": "risk"}), "officer-role"),
        (lambda one: one["keys"][ANNAS].update({"x-writ-roles": ["king"]}), "officer-role"),
        (lambda one: one["keys"][ANNAS].update({"x-writ-roles": ["risk"] * 2}), "root-form"),
        (lambda one: one["keys"][ANNAS]["keyval"].update(public="00"), "key-refused"),
        (lambda one: one["keys"][ANNAS]["keyval"].update(public="AB" * 32), "key-refused"),
        (lambda one: one["keys"].pop(ANNAS), "root-form"),
        (lambda one: one["roles"]["root"]["keyids"].reverse(), "root-form"),
        (lambda one: one["roles"]["root"].update(further=1), "root-form"),
        (lambda one: one["roles"]["targets"]["keyids"].pop(), "root-form"),
        (lambda one: one["roles"]["targets"].update(threshold=3), "root-form"),
        (lambda one: one["roles"]["root"].update(threshold=True), "threshold-low"),
        (lambda one: one["roles"]["snapshot"].update(keyids=[]), "root-form"),
        (lambda one: one["roles"]["snapshot"].update(threshold=2), "root-form"),
        (lambda one: one["roles"]["timestamp"].update(keyids=[]), "publisher"),
        (lambda one: one["roles"]["timestamp"].update(keyids={PUBLISHERS: 1}), "root-form"),
        (lambda one: one["roles"]["root"].update(keyids={ANNAS: 1}), "threshold-high"),
        (lambda one: one["roles"]["timestamp"]["keyids"].append(ANNAS), "publisher"),
        (lambda one: one["roles"]["timestamp"].update(keyids=[ANNAS]), "publisher-officer"),
    ],
)
def test_a_root_is_exactly_what_writ_writes(
    root: bytes, act: Callable[[Json], Any], code: str
) -> None:
    metadata = json.loads(root)
    act(metadata["signed"])
    read = read_metadata(Root, json.dumps(metadata).encode())
    with pytest.raises(TrustError) as refused:
        council_of(read.signed)
    assert refused.value.code == code


def test_a_root_of_an_earlier_library_is_read(root: bytes) -> None:
    read: Metadata[Root] = read_metadata(Root, root.replace(b'"1.0.31"', b'"1.0.30"'))
    assert council_of(read.signed) == COUNCIL
    assert b"1.0.30" in signed_bytes(read.signed)


def test_times() -> None:
    assert to_moment(NOW_US + 999_999) == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert to_us(to_moment(NOW_US + 999_999)) == NOW_US
    assert in_words(NOW_US) == "2027-01-15 08:00:00 UTC"
    for us in (-1, 253_402_300_800_000_000):
        with pytest.raises(TrustError) as refused:
            to_moment(us)
        assert refused.value.code == "time"


def test_files_are_for_everybody(tmp_path: Path) -> None:
    made = TrustFolder(tmp_path)
    made.begin()
    assert made.path("1.root.json").stat().st_mode & 0o777 == 0o644
