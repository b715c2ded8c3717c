"""Limits, instruments, Rego and releases that cannot be: named and refused, and nothing built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.policy.release import shipped_directory
from support.bad_input import BODIES, NUMBERS, TEXTS, untouched
from support.policy_cases import SOURCE

pytestmark = pytest.mark.slow

Told = tuple[int, str, str]
Type = Callable[..., Told]

FILES = ("release.json", "bundle.tar.gz", "policy.wasm", "data.json", "catalogue.json")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The policies without what was built from them, to be damaged."""
    target = tmp_path / "policies"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("release", "__pycache__"))
    return target


def refused(told: Told, status: int = 2) -> None:
    assert told[0] == status, told[2]
    assert told[1] == ""
    assert "what to do" in told[2] or "Usage" in told[2]


NAME = "order_qty_max"


def limits_file(name: str, value: str) -> bytes:
    text = f"base_currency: USD\nglobal:\n  {name}: {value}\n"
    return text.encode("utf-8", "surrogatepass")


HARMLESS = {"padding", "newline", "byte-order mark", "single quotes", "trailing comma"}
"""What YAML takes as it is meant, outside of quotes."""

LIMITS: dict[str, bytes] = {
    **{
        f"{NAME} {kind}": limits_file(NAME, text)
        for kind, text in NUMBERS.items()
        if kind not in HARMLESS
    },
    **{f"{NAME} '{kind}'": limits_file(NAME, f"'{text}'") for kind, text in NUMBERS.items()},
    **{
        f"name {kind}": limits_file(spoil(NAME), "1 units")
        for kind, spoil in TEXTS.items()
        if kind not in HARMLESS
    },
    **{
        kind: make({"base_currency": "USD", "global": {NAME: "1"}})
        for kind, (_, make) in BODIES.items()
        if kind not in HARMLESS
    },
    "limit twice": limits_file(NAME, f"0 units\n  {NAME}: 9 units"),
    "another unit": limits_file(NAME, "5 %"),
    "another currency": limits_file("order_notional_max", "5 EUR"),
    "no unit": limits_file("order_notional_max", "5"),
    "a fraction of the smallest": limits_file(NAME, "0.000000001 units"),
    "2^53": limits_file(NAME, "90071992.54740992 units"),
    "with its unit in the name": limits_file(f"{NAME}_e8", "5 units"),
    "list": limits_file(NAME, "[1]"),
    "table": limits_file(NAME, "{a: 1}"),
    "alias": limits_file(NAME, "&a 1\n  positions_max: *a"),
    "merge key": limits_file("<<", "{order_qty_max: 1}"),
    "tag": limits_file(NAME, "!!int 1"),
    "tag of Python": limits_file(NAME, "!!python/object/apply:os.system ['true']"),
    "two documents": limits_file(NAME, "1") + b"---\n" + limits_file(NAME, "2"),
    "unknown symbol": limits_file(NAME, "1") + b"symbols: {ZZZZ: {order_qty_max: 1}}\n",
    "finer than its instrument": limits_file(NAME, "1")
    + b"symbols: {AAPL: {order_qty_max: 0.5}}\n",
    "an account that is none": limits_file(NAME, "1") + b"accounts: {'a b': {}}\n",
    "no currency": f"global: {{{NAME}: 1}}\n".encode(),
    "nothing global": b"base_currency: USD\n",
    "deep": b"a: " + b"{b: " * 30_000,
    "many aliases": b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "empty": b"",
}


@pytest.mark.parametrize("kind", LIMITS)
def test_limits_that_are_none_build_nothing(
    typed: Type, tmp_path: Path, sources: Path, kind: str
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_bytes(LIMITS[kind])
    with untouched(tmp_path):
        refused(typed("policy", "build", sources, "--limits", limits))


INSTRUMENT = {
    "class": "equity",
    "currency": "USD",
    "lot": 1,
    "price_decimals": 4,
    "qty_decimals": 0,
    "sector": "tech",
    "tick": 100,
    "multiplier": 1,
    "min_notional_micros": 0,
    "borrow": "easy",
}


@pytest.mark.parametrize("field", INSTRUMENT)
def test_instruments_that_are_none_build_nothing(
    typed: Type, tmp_path: Path, sources: Path, field: str
) -> None:
    file = sources / "lists" / "instruments.json"
    values: list[object] = [None, True, 1.5, -1, 2**53, [], {}, "", "x" * 65]
    if isinstance(INSTRUMENT[field], int):
        values += ["1", "١"]
    for value in values:
        file.write_text(json.dumps({"AAPL": {**INSTRUMENT, field: value}}), encoding="utf-8")
        with untouched(tmp_path):
            refused(typed("policy", "build", sources))
    missing = {name: value for name, value in INSTRUMENT.items() if name != field}
    for fields in (missing, {**INSTRUMENT, "bypass": True}):
        file.write_text(json.dumps({"AAPL": fields}), encoding="utf-8")
        refused(typed("policy", "build", sources))


@pytest.mark.parametrize("kind", [kind for kind in TEXTS if kind not in ("case", "path")])
def test_symbols_that_are_none_build_nothing(
    typed: Type, tmp_path: Path, sources: Path, kind: str
) -> None:
    file = sources / "lists" / "instruments.json"
    file.write_text(json.dumps({TEXTS[kind]("AAPL"): INSTRUMENT}), encoding="utf-8")
    with untouched(tmp_path):
        refused(typed("policy", "build", sources))


CONTROL = Path("controls") / "order_qty.rego"


def appended(text: str) -> Callable[[Path], object]:
    def change(source: Path) -> None:
        with (source / CONTROL).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def added(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda source: (source / name).write_bytes(data)


def linked(name: str, target: str) -> Callable[[Path], object]:
    return lambda source: (source / name).symlink_to(target)


def without_metadata(source: Path) -> None:
    text = (source / CONTROL).read_text(encoding="utf-8")
    (source / CONTROL).write_text(text[text.index("package ") :], encoding="utf-8")


REGO: dict[str, tuple[Callable[[Path], object], str]] = {
    # name: what is done to the sources, what the complaint names
    "a function that is not allowed": (
        appended('\nfetched := http.send({"method": "GET", "url": "http://127.0.0.1"})\n'),
        "order_qty.rego",
    ),
    "the clock": (appended("\nnow := time.now_ns()\n"), "order_qty.rego"),
    "the environment": (appended("\nenv := opa.runtime()\n"), "order_qty.rego"),
    "no METADATA": (without_metadata, "order_qty.rego"),
    "a package in another root": (
        added("controls/evil.rego", b"package system.authz\n\nallow := true\n"),
        "evil.rego",
    ),
    "a package with a path in it": (
        added("controls/evil.rego", b'package writ.controls["../main"]\n\nallow := true\n'),
        "evil.rego",
    ),
    "data of its own": (
        added("controls/evil.rego", b"package limits\n\norder_qty_max_e8 := 1000000\n"),
        "evil.rego",
    ),
    "bytes that are no text": (
        added("controls/evil.rego", b"package x\n\xff\xfe\x00"),
        "evil.rego",
    ),
    "a program": (added("controls/evil.rego", b"\x7fELF\x02\x01\xff\xfe"), "evil.rego:1"),
    "a NUL": (added("controls/evil.rego", b"package writ.controls.evil\n\x00\n"), "evil.rego"),
    "an empty file": (added("controls/evil.rego", b""), "evil.rego"),
    "endless nesting": (
        added("controls/evil.rego", b"package writ.controls.evil\n\nx := " + b"[" * 100_000),
        "evil.rego",
    ),
    "a link to itself": (linked("controls/evil.rego", "evil.rego"), "evil.rego"),
    "a link to nowhere": (linked("controls/evil.rego", "nowhere"), "stat controls/evil.rego"),
    "a folder with the name of a file": (
        lambda source: (source / "controls" / "evil.rego").mkdir(),
        "evil.rego",
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", REGO)
def test_rego_that_cannot_be_is_named(typed: Type, sources: Path, kind: str) -> None:
    change, named = REGO[kind]
    change(sources)
    with untouched(sources):
        status, out, err = typed("policy", "check", sources)
    assert status in (1, 2), err
    assert named in out + err
    assert "panic" not in out + err
    assert '"errors"' not in out + err, "opa's own JSON is for programs"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def exchanged(path: Path) -> None:
    other = path.with_name("data.json" if path.name != "data.json" else "catalogue.json")
    path.write_bytes(other.read_bytes())


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def one_byte(path: Path) -> None:
    """Somewhere in the middle; words have no digest, so there it is a byte that JSON needs."""
    data = bytearray(path.read_bytes())
    data[0 if path.name == "catalogue.json" else len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = (cut, exchanged, endless, loop, folder, one_byte, Path.unlink)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGE, ids=[made.__name__ for made in DAMAGE])
def test_a_release_that_was_tampered_with_starts_nothing(
    typed: Type, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    release = tmp_path / "release"
    shutil.copytree(shipped_directory(), release)
    damage(release / name)
    data = tmp_path / "data"
    told = typed("serve", "--release", release, "--port", "0", "--data", data)
    refused(told)
    assert "release-" in told[2] or "catalogue" in told[2]
    assert not (data / "writ.db").exists()
