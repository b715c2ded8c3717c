"""The manifest: one writing, a closed set of fields, and nothing that could mean two things."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import canonical
from signing.manifest import (
    MANIFEST_BYTES_MAX,
    ManifestError,
    encode_manifest,
    manifest_digest,
    parse_manifest,
    read_fields,
)
from support.manifests import DAY_US, FROM_US, manifest, manifest_fields

LIVE_ACCOUNT = {"broker": "alpaca", "broker_account": "A1", "hosts": ["api.example.com:443"]}


def changed(path: str, value: object) -> dict[str, Any]:
    """The fields with the value at a path such as `accounts.primary.hosts` replaced."""
    fields = copy.deepcopy(manifest_fields())
    *way, last = path.split(".")
    at: Any = fields
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value
    return fields


@pytest.mark.requirement("S1-02")
def test_a_manifest_has_one_writing() -> None:
    data = canonical.encode(manifest_fields())
    read = parse_manifest(data)
    assert encode_manifest(read) == data
    assert manifest_digest(read) == canonical.digest(data)
    assert read.accounts["primary"].hosts == ("paper-api.example.com:443",)
    assert parse_manifest(encode_manifest(read)) == read
    with pytest.raises(ManifestError, match="canonical"):
        parse_manifest(data + b"\n")
    with pytest.raises(ManifestError, match="at most"):
        parse_manifest(b" " * (MANIFEST_BYTES_MAX + 1))


@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize("name", sorted(manifest_fields()))
def test_no_field_may_be_missing_or_of_another_kind(name: str) -> None:
    fields = manifest_fields()
    del fields[name]
    with pytest.raises(ManifestError, match=f"{name}: is missing"):
        read_fields(fields)
    for value in (None, [1], {"": 1}, -1, "", True, 2**53):
        with pytest.raises(ManifestError, match=f"^{name}"):
            read_fields(manifest_fields() | {name: value})
    with pytest.raises(ManifestError, match="is not a field"):
        read_fields({**manifest_fields(), "bypass": True})


@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("environment", ["Production", "prod uction", "p" * 33, "-p"]),
        ("gateway", ["https://x.example/log", "x+y", "x y"]),
        ("mode", ["live", "SIMULATION", "RESEARCH", "LIVE "]),
        ("accounts", [{}, {"a b": LIVE_ACCOUNT}, {"x" * 33: LIVE_ACCOUNT}, {"": LIVE_ACCOUNT}]),
        ("accounts.primary.hosts", [["b:1", "a:1"], ["a:1", "a:1"], [f"h{i}:1" for i in range(9)]]),
        ("accounts.primary.broker_account", ["", "A 1", "A/1"]),
        ("release_digest", ["F" * 64, "f" * 63]),
        ("limits_digest", ["g" * 64]),
        ("strategies", [[], ["b", "a"], ["a", "a"], ["*", "a"], ["a b"]]),
        ("ceilings.orders_per_day", [0, -1, 10**9 + 1, True]),
        ("ceilings.notional_per_day_micros", [0, 2**53]),
        ("epoch", [0, 10**9 + 1]),
        ("valid_until_us", [FROM_US, FROM_US - 1, FROM_US + 366 * DAY_US + 1]),
        ("attestations.0.jurisdiction", ["USA", "us", "US-ABCD"]),
        ("attestations.0.kind", ["licence"]),
        ("attestations.0.reference", ["", " ", "a\nb", "x" * 201, "a\u202eb"]),
        ("attestations.0.valid_until_us", [FROM_US, 0]),
        ("attestations", [[manifest_fields()["attestations"][0]] * 2]),
        ("acknowledgement.version", ["", "v 1"]),
        ("acknowledgement.text", ["", "\n", "a\tb", "a\x1b[2Kb", "x" * 16_385, "a\u200bb"]),
        ("at_lapse", ["keep"]),
    ],
)
def test_values_out_of_bounds_are_refused(path: str, values: list[Any]) -> None:
    read_fields(manifest_fields())
    for value in values:
        with pytest.raises(ManifestError, match=f"^{path.partition('.')[0]}"):
            read_fields(changed(path, value))


@pytest.mark.attack
@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize(
    "host",
    [
        "https://api.example.com:443", "api.example.com", "api.example.com:0",
        "api.example.com:65536", "api.example.com:0443", "API.example.com:443",
        "api.example.com.:443", "*.example.com:443", "api.example.com:443/v2",
        "u@api.example.com:443", "api..com:443", "-a.com:443", "a_b.com:443", "127.1:443",
        "0x7f.1:443", "2130706433:443", "127.0.0.01:443", "[::1%eth0]:443",
        "[0:0:0:0:0:0:0:1]:443", "[::FFFF]:443", "::1:443", "api.example.com:443\n",
        "\u0430.com:443", "a." * 127 + "com:443",
    ],
)  # fmt: skip
def test_a_host_has_one_writing(host: str) -> None:
    with pytest.raises(ManifestError, match=r"hosts\[0\]"):
        read_fields(changed("accounts.primary.hosts", [host]))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:80", "[::1]:8080", "localhost:1", "a-b.c1.example:443"]
)
def test_hosts_that_are_hosts(host: str) -> None:
    read_fields(changed("accounts.primary.hosts", [host]))


@pytest.mark.requirement("S1-02")
@pytest.mark.requirement("S2-11")
def test_live_says_more_than_paper() -> None:
    read_fields(manifest_fields(mode="LIVE", accounts={"a": LIVE_ACCOUNT}))
    inside = {"broker": "simulator", "broker_account": "none", "hosts": []}
    read_fields(manifest_fields(accounts={"a": inside}))
    for account in (
        inside,
        LIVE_ACCOUNT | {"broker_account": "none"},
        LIVE_ACCOUNT | {"hosts": []},
    ):
        with pytest.raises(ManifestError, match="LIVE"):
            read_fields(manifest_fields(mode="LIVE", accounts={"a": account}))
    with pytest.raises(ManifestError, match="attestations"):
        read_fields(manifest_fields(mode="LIVE", accounts={"a": LIVE_ACCOUNT}, attestations=[]))


@pytest.mark.requirement("S2-11")
def test_it_lapses_with_the_first_attestation_that_ends() -> None:
    short = {**manifest_fields()["attestations"][0], "valid_until_us": FROM_US + DAY_US}
    long = manifest()
    assert long.lapses_us == long.valid_until_us
    found = manifest(attestations=[short])
    assert found.lapses_us == FROM_US + DAY_US
    assert [found.valid_at(FROM_US + d) for d in (-1, 0, DAY_US - 1, DAY_US)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert manifest(attestations=[]).lapses_us == long.valid_until_us


def test_strategies_are_named_or_all() -> None:
    assert manifest().allows_strategy("momentum")
    assert not manifest().allows_strategy("other")
    assert not manifest().allows_strategy("*")
    assert manifest(strategies=["*"]).allows_strategy("other")


def test_a_value_that_no_manifest_has_is_not_written() -> None:
    good = manifest()
    for bad in (
        replace(good, epoch=0),
        replace(good, strategies=("b", "a")),
        replace(good, valid_until_us=1.5),  # pyright: ignore[reportArgumentType]  a wrong type is the case
        replace(good, mode="RESEARCH"),
    ):
        with pytest.raises(ManifestError):
            encode_manifest(bad)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_other_bytes_are_no_manifest(data: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(data)


@pytest.mark.attack
@pytest.mark.requirement("S1-02")
def test_another_document_is_no_manifest() -> None:
    """A decision, or anything else that is signed, is not taken for a manifest."""
    decision = {"v": 1, "decision_id": "d", "verdict": {"allow": True}, "account": "primary"}
    with pytest.raises(ManifestError):
        parse_manifest(canonical.encode(decision))
