"""What officers read before they sign: nothing that matters is left out, and nothing is misread."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from signing.manifest import ManifestError, read_fields
from signing.rendering.change import Change, folded
from signing.rendering.manifest import manifest_changes, manifest_words
from signing.rendering.permission import (
    UnreadablePermissionError,
    permission_changes,
    read_permission,
    succession_fault,
)
from signing.rendering.release import (
    BUNDLE,
    CATALOGUE,
    DATA,
    DESCRIPTOR,
    FILES,
    WASM,
    UnreadableReleaseError,
    read_release,
)
from signing.rendering.release_changes import release_changes
from signing.rendering.units import amount, instant, limit_value, limit_words
from signing.units import UNITS, write_value
from support.manifests import (
    DAY_US,
    DEMO,
    FROM_US,
    edited,
    manifest,
    manifest_fields,
    recatalogued,
    release_files,
    sealed,
)


def told(changes: list[Change]) -> set[tuple[str | None, ...]]:
    return {(c.part, c.name, c.change, c.old, c.new, c.effect) for c in changes}


def data_of(files: dict[str, bytes]) -> dict[str, Any]:
    return canonical.decode_object(files[DATA])


@pytest.mark.requirement("S1-15")
def test_limits_are_told_from_to_with_their_units() -> None:
    old = release_files()
    limits = data_of(old)["limits"]
    base = limits["global"] | {
        "order_notional_max_micros": 250_000_500_000,
        "drawdown_max_bps": 250,
        "close_buffer_min_ms": 60_000,
        "leverage_max_bps": 0,
    }
    del base["positions_max_count"]
    scoped = {"primary": {"order_qty_max_e8": 10**8}}
    new = edited(old, limits=limits | {"global": base, "accounts": scoped})
    assert told(release_changes(read_release(old), read_release(new))) == {
        ("limit", "order_notional_max", "changed", "100,000 USD", "250,000.5 USD", "looser"),
        ("limit", "drawdown_max", "changed", "40 %", "2.5 %", "tighter"),
        ("limit", "close_buffer_min", "changed", "15 min", "1 min", "looser"),
        ("limit", "leverage_max", "changed", "1.3 x", "0 x", "tighter"),
        ("limit", "positions_max", "removed", "12", None, "tighter"),
        ("limit", "order_qty_max of account primary", "added", None, "1 units", "tighter"),
    }


AAPL = (
    "borrow easy, class equity, currency USD, lot 1, min_notional_micros 0, multiplier 1, "
    "price_decimals 4, qty_decimals 0, sector Information Technology, tick 100"
)


@pytest.mark.requirement("S1-15")
def test_lists_controls_and_rules_are_told() -> None:
    old = release_files()
    data = data_of(old)
    instruments = dict(data["instruments"])
    gone = instruments.pop("AAPL")
    instruments["AMD"] = instruments["AMD"] | {"lot": 10}
    instruments["ZZZ"] = gone
    controls = canonical.decode_object(old[CATALOGUE])["controls"]
    changed = [controls[0] | {"severity": "low"}, *controls[2:]]
    new = edited(
        old,
        instruments=instruments,
        restricted={"BAC": True},
        compliance_symbols={"KO": True},
        base_currency="EUR",
        permissions={"*": data["permissions"]["*"] | {"extended_hours": True}},
    )
    new = sealed(recatalogued(new, changed) | {BUNDLE: repacked(old[BUNDLE]), WASM: b"other"})
    found = told(release_changes(read_release(old), read_release(new)))
    wanted = {
        ("control", f"{controls[0]['control']} severity", "changed", "critical", "low", ""),
        ("control", controls[1]["control"], "removed", controls[1]["title"], None, "looser"),
        ("instrument", "AAPL", "removed", AAPL, None, "tighter"),
        ("instrument", "ZZZ", "added", None, AAPL, "looser"),
        ("instrument", "AMD lot", "changed", "1", "10", ""),
        ("restricted", "SIRI", "removed", None, None, "looser"),
        ("restricted", "BAC", "added", None, None, "tighter"),
        ("compliance_symbols", "KO", "added", None, None, "tighter"),
        ("currency", "base_currency", "changed", "USD", "EUR", ""),
        ("permission", "* extended_hours", "changed", "false", "true", "looser"),
    }
    assert wanted <= found
    rules = {change[1:3] for change in found if change[0] == "rules"}
    assert rules == {("controls/new.rego", "added"), ("compiled", "changed")}


@pytest.mark.attack
def test_compiled_rules_alone_cannot_change_unseen() -> None:
    old = release_files()
    new = sealed(old | {WASM: b"other"})
    [change] = release_changes(read_release(old), read_release(new))
    assert (change.part, change.name) == ("rules", "compiled, of unchanged sources")


def mutated(value: object) -> Iterator[Any]:
    """The value with one leaf changed or one entry left out, in every way."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, str):
        yield f"{value}x"
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield [*value[:at], *value[at + 1 :]]
            for changed in mutated(item):
                yield [*value[:at], changed, *value[at + 1 :]]
    elif isinstance(value, dict):
        for name, item in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            for changed in mutated(item):
                yield value | {name: changed}


@pytest.mark.attack
@pytest.mark.requirement("S1-15")
@pytest.mark.parametrize(
    ("part", "least"),
    [("limits", 80), ("instruments", 400), ("restricted", 1), ("permissions", 8)],
)
def test_nothing_in_the_data_of_a_release_changes_unseen(part: str, least: int) -> None:
    files = release_files()
    words, seen = read_release(files), 0
    for value in mutated(words.data[part]):
        try:
            other = read_release(edited(files, **{part: value}))
        except UnreadableReleaseError:
            continue  # refused is as good
        assert release_changes(words, other), value
        seen += 1
    assert seen >= least


@pytest.mark.attack
@pytest.mark.requirement("S1-15")
def test_nothing_in_a_manifest_changes_unseen() -> None:
    fields, seen = manifest_fields(), 0
    for value in mutated(fields):
        try:
            other = read_fields(value)
        except ManifestError:
            continue
        changed = other.limits_digest != fields["limits_digest"]  # told as limits, each by itself
        assert changed or manifest_changes(manifest(), other, "USD", "USD"), value
        seen += 1
    assert seen >= 15


def test_another_label_or_compiler_is_told() -> None:
    old = release_files()
    descriptor = canonical.decode_object(old[DESCRIPTOR])
    descriptor |= {"label": "desk-two", "opa_version": "9.9.9"}
    new = old | {DESCRIPTOR: canonical.encode(descriptor)}
    assert [(c.name, c.new) for c in release_changes(read_release(old), read_release(new))] == [
        ("label", "desk-two"),
        ("opa_version", "9.9.9"),
    ]


def repacked(bundle: bytes) -> bytes:
    """The same bundle with one more rule."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as source,
        tarfile.open(fileobj=out, mode="w:gz") as target,
    ):
        for member in source:
            target.addfile(member, source.extractfile(member))
        extra = tarfile.TarInfo("/controls/new.rego")
        extra.size = 9
        target.addfile(extra, io.BytesIO(b"package x"))
    return out.getvalue()


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("value", [0, 1, 12, 999, 60_000, 1_500_000, 123_456_789_012, 2**53 - 1])
def test_values_are_those_of_the_server(unit: str, value: int) -> None:
    for bare in ("order_notional_max", "leverage_max"):
        name = f"{bare}_{unit}"
        said = limit_value(name, value, "USD").replace(",", "")
        assert said == write_value(value, unit, "USD", bare)
        assert limit_words(name) == bare
    assert (limit_words("odd"), limit_value("odd", 5, "USD")) == ("odd", "5")


def test_amounts_and_instants() -> None:
    assert amount(250_000_000_001, "USD") == "250,000.000001 USD"
    assert amount(-1_500_000, "EUR") == "-1.5 EUR"
    assert instant(FROM_US) == "2026-12-01 00:00:00 UTC"
    assert instant(FROM_US + 1) == "2026-12-01 00:00:00.000001 UTC"
    assert instant(2**53 - 1) == "2255-06-05 23:47:34.740991 UTC"


@pytest.mark.attack
@pytest.mark.requirement("S1-15")
@pytest.mark.parametrize("name", [BUNDLE, WASM, DATA])
def test_a_swapped_file_of_a_release_is_refused(name: str) -> None:
    files = release_files()
    shipped = release_files(Path(DEMO).parents[2] / "policies" / "release")
    other = {**shipped, BUNDLE: files[BUNDLE] + b"x", WASM: b"swapped"}
    with pytest.raises(UnreadableReleaseError, match=name):
        read_release({**files, name: other[name]})


@pytest.mark.parametrize("name", FILES)
def test_a_release_that_cannot_be_told_is_refused(name: str) -> None:
    files = release_files()
    with pytest.raises(UnreadableReleaseError, match=f"no {name}"):
        read_release({k: v for k, v in files.items() if k != name})
    if name != DESCRIPTOR:
        files = {**files, name: b"[]"}
        if name != WASM:
            with pytest.raises(UnreadableReleaseError, match=name):
                read_release(sealed(files))
    else:
        with pytest.raises(UnreadableReleaseError, match=name):
            read_release({**files, name: b"{}"})


@pytest.mark.parametrize(
    "parts",
    [
        {"limits": []},
        {"limits": {"global": {"a": -1}, "accounts": {}, "strategies": {}, "symbols": {}}},
        {"limits": {"global": {"a\u202eb": 1}, "accounts": {}, "strategies": {}, "symbols": {}}},
        {"instruments": {"A": {"lot": {}}}},
        {"restricted": {"A": 1}},
        {"permissions": {"*": {}}},
        {"more": {}},
    ],
)
def test_data_that_cannot_be_told_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(UnreadableReleaseError, match=DATA):
        read_release(edited(release_files(), **parts))
    controls = canonical.decode_object(release_files()[CATALOGUE])["controls"]
    for bad in ([{"title": "x"}], [{"control": "A"}], [controls[0]] * 2, [{"control": {}}]):
        with pytest.raises(UnreadableReleaseError, match=CATALOGUE):
            read_release(recatalogued(release_files(), bad))


LIVE = {
    "mode": "LIVE",
    "environment": "live-1",
    "accounts": {
        "primary": {"broker": "ibkr", "broker_account": "U1", "hosts": ["api.example.com:443"]},
        "second": {"broker": "alpaca", "broker_account": "A2", "hosts": ["b:1", "c:2"]},
    },
    "strategies": ["*"],
    "ceilings": {"orders_per_day": 1_500, "notional_per_day_micros": 1},
    "epoch": 2,
    "valid_until_us": FROM_US + 100 * DAY_US,
    "acknowledgement": {"version": "2026-01", "text": "Another text."},
    "at_lapse": "leave",
}


@pytest.mark.requirement("S1-15")
@pytest.mark.requirement("S2-11")
def test_a_manifest_is_told_as_what_it_changes() -> None:
    attestations = [{**manifest_fields()["attestations"][0], "kind": "membership"}]
    new = manifest(**LIVE, attestations=attestations)
    assert told(manifest_changes(manifest(), new, "USD", "USD")) == {
        ("mode", "mode", "changed", "PAPER", "LIVE", "looser"),
        ("environment", "environment", "changed", "production", "live-1", ""),
        ("account", "primary broker", "changed", "alpaca", "ibkr", ""),
        ("account", "primary broker_account", "changed", "PA1234", "U1", ""),
        ("host", "paper-api.example.com:443 of account primary", "removed", None, None, "tighter"),
        ("host", "api.example.com:443 of account primary", "added", None, None, "looser"),
        ("account", "second", "added", None, "alpaca account A2 at b:1, c:2", "looser"),
        ("strategy", "strategies", "changed", "momentum, value", "every strategy", "looser"),
        ("ceiling", "orders per day", "changed", "500", "1,500", "looser"),
        ("ceiling", "notional per day", "changed", "250,000 USD", "0.000001 USD", "tighter"),
        ("epoch", "epoch", "changed", "1", "2", ""),
        ("validity", "valid until", "changed", "2027-03-01 00:00:00 UTC",
         "2027-03-11 00:00:00 UTC", "looser"),
        ("attestation", "registration in US: SEC 8-12345", "removed",
         "until 2027-12-01 00:00:00 UTC", None, ""),
        ("attestation", "membership in US: SEC 8-12345", "added",
         None, "until 2027-12-01 00:00:00 UTC", ""),
        ("lapse", "when it lapses", "changed", "working orders are cancelled",
         "working orders are left at the broker", ""),
        ("acknowledgement", "text under the same version", "changed", "2026-01", "2026-01", ""),
    }  # fmt: skip
    back = {(c.name, c.effect) for c in manifest_changes(new, manifest(), "USD", "USD")}
    assert ("strategies", "tighter") in back
    assert ("second", "tighter") in back
    assert manifest_changes(new, new, "USD", "USD") == []
    assert [c.name for c in manifest_changes(new, new, "USD", "EUR")] == ["notional per day"]


def test_every_field_of_a_manifest_is_told_in_a_change() -> None:
    """A field that nobody is told of could be changed behind the officers' backs."""
    other = manifest_fields(
        **LIVE,
        gateway="other.example/log",
        valid_from_us=FROM_US + 1,
        release_digest="a" * 64,
        limits_digest="b" * 64,
        attestations=[],
    )
    for name in manifest_fields().keys() - {"v", "limits_digest", "mode", "accounts"}:
        new = manifest(**{name: other[name]})
        assert manifest_changes(manifest(), new, "USD", "USD"), name


@pytest.mark.requirement("S1-15")
def test_a_manifest_is_told_in_full() -> None:
    words = dict(manifest_words(manifest(), "USD"))
    assert words["account primary"] == "alpaca account PA1234 at paper-api.example.com:443"
    assert words["notional per day"] == "250,000 USD"
    assert words["acknowledgement 2026-01"] == "We have read the limits.\nWe agree."
    assert words["registration in US: SEC 8-12345"] == "until 2027-12-01 00:00:00 UTC"
    assert words["strategies"] == "momentum, value"
    both = [manifest_fields()["attestations"][0] | {"reference": r} for r in ("A", "B")]
    full = manifest_words(manifest(attestations=both), "USD")
    assert len(dict(full)) == len(full)  # nothing is told under a name that is taken
    inside = {"a": {"broker": "simulator", "broker_account": "none", "hosts": []}}
    words = dict(manifest_words(manifest(accounts=inside, strategies=["*"]), "USD"))
    assert words["account a"] == "simulator inside the gateway"
    assert words["strategies"] == "every strategy"


def targets(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    named = {f"release/{name}": data for name, data in files.items()}
    return {**named, "manifest.json": canonical.encode(manifest_fields(files, **changes))}


@pytest.mark.requirement("S1-15")
def test_a_permission_is_a_manifest_with_its_release() -> None:
    old, new = release_files(), edited(release_files(), restricted={})
    standing, wanted = read_permission(targets(old)), read_permission(targets(new, epoch=2))
    names = {c.part for c in permission_changes(standing, wanted)}
    assert names == {"epoch", "release", "restricted"}
    assert succession_fault(standing, wanted) is None
    assert "only rise" in str(succession_fault(wanted, standing))
    assert succession_fault(standing, standing) is None  # signed anew
    assert "only rise" in str(succession_fault(standing, read_permission(targets(new))))
    first = permission_changes(None, wanted)
    assert {c.change for c in first} == {"added"}
    assert [c.new for c in first if c.part == "permission"] == [
        "principals *; classes crypto, equity, etf; no extended hours",
        "principals strategy; classes crypto, equity, etf; no extended hours",
    ]
    assert {"release", "control", "rules", "limit", "instrument", "permission", "currency"} == {
        c.part for c in first
    }
    assert len(folded(first)) < len(first)
    assert [c.part for c in permission_changes(standing, None)] == ["mode", "account", "release"]
    assert read_permission({}) is None
    assert permission_changes(None, None) == []


@pytest.mark.attack
@pytest.mark.requirement("S1-15")
def test_files_that_do_not_belong_together_are_refused() -> None:
    """A swapped release, one without a manifest, a file that no one reads: nobody signs for it."""
    files, other = release_files(), edited(release_files(), restricted={})
    swapped = targets(files) | {f"release/{name}": data for name, data in other.items()}
    for bad, why in (
        (swapped, "another release"),
        (targets(files, limits_digest="a" * 64), "other limits"),
        (targets(files) | {"extra.json": b"{}"}, "extra.json"),
        ({k: v for k, v in targets(files).items() if k != "manifest.json"}, "no manifest"),
        ({"manifest.json": targets(files)["manifest.json"]}, "has no release.json"),
        (targets(files) | {"manifest.json": b"{}"}, "missing"),
    ):
        with pytest.raises(UnreadablePermissionError, match=why):
            read_permission(bad)


def test_instruments_of_which_the_same_is_said_share_a_line() -> None:
    changes = [
        Change("instrument", "A", "added", None, "lot 1", "looser"),
        Change("instrument", "B", "added", None, "lot 2", "looser"),
        Change("instrument", "C", "added", None, "lot 1", "looser"),
        Change("instrument", "D lot", "changed", "1", "2"),
        Change("instrument", "E lot", "changed", "1", "2"),
        Change("limit", "x", "changed", "1", "2", "looser"),
        Change("limit", "y", "changed", "1", "2", "looser"),
        Change("restricted", "S", "added", effect="tighter"),
        Change("restricted", "T", "removed", effect="looser"),
        Change("restricted", "U", "added", effect="tighter"),
    ]
    names = ["A, C", "B", "D lot", "E lot", "x", "y", "S, U", "T"]
    assert [c.name for c in folded(changes)] == names


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (Change("limit", "x", "changed", "1 %", "2 %"), "limit x: from 1 % to 2 %"),
        (Change("mode", "mode", "changed", "PAPER", "LIVE"), "mode: from PAPER to LIVE"),
        (Change("limit", "x", "added", None, "2 %"), "added limit x: 2 %"),
        (Change("limit", "x", "removed", "1 %"), "removed limit x, which was 1 %"),
        (Change("host", "a:1", "added"), "added host a:1"),
        (
            Change("control", "A", "added", None, "x\n looser  a:\tb"),
            "added control A: x looser a: b",
        ),
        (Change("host", "a:1", "removed"), "removed host a:1"),
        (
            Change("control", "A unit", "changed", None, "bps"),
            "control A unit: from nothing to bps",
        ),
        (Change("control", "A unit", "changed", "bps"), "control A unit: from bps to nothing"),
    ],
)
def test_a_change_is_one_sentence(change: Change, sentence: str) -> None:
    assert change.sentence == sentence
