"""A release can be had again, byte for byte, from the sources; and says so when it cannot."""

import shutil
from pathlib import Path

import pytest

import gateway.demo
from gateway.domain.errors import InvalidInputError
from gateway.policy.build import build
from gateway.policy.catalogue import CATALOGUE
from gateway.policy.data_files import data_over, limit_names, release_data
from gateway.policy.opa_tool import required_version
from gateway.policy.release import (
    BUNDLE,
    DATA,
    DESCRIPTOR,
    WASM,
    load_release,
    shipped_directory,
)
from gateway.policy.release_data import parse_data
from gateway.policy.sources import rego_sources, revision
from support.policy_cases import SOURCE

DEMO = Path(gateway.demo.__file__).parent
FILES = (BUNDLE, WASM, DATA, CATALOGUE, DESCRIPTOR)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy elsewhere, under another name and with other times."""
    copy = Path(shutil.copytree(SOURCE, tmp_path / "elsewhere", copy_function=shutil.copyfile))
    shutil.rmtree(copy / "release")
    return copy


@pytest.mark.parametrize(
    ("release", "given", "command"),
    [
        pytest.param(shipped_directory(), None, "writ policy build", id="shipped"),
        pytest.param(
            DEMO / "release",
            DEMO / "policy",
            "writ policy build --out gateway/demo/release --label demonstration "
            "--data gateway/demo/policy",
            id="demonstration",
        ),
    ],
)
def test_the_release_is_what_the_sources_build(
    sources: Path, tmp_path: Path, release: Path, given: Path | None, command: str
) -> None:
    made = build(sources, tmp_path / "made", release_label(release), release_data(sources, given))
    for name in FILES:
        same = (tmp_path / "made" / name).read_bytes() == (release / name).read_bytes()
        assert same, f"{release / name} is not what the sources build: run `{command}`"
    assert load_release(release) == made
    assert sorted(path.name for path in release.iterdir()) == sorted(FILES)


def release_label(release: Path) -> str:
    return load_release(release).label


def test_building_twice_gives_the_same_folder(sources: Path, tmp_path: Path) -> None:
    data = release_data(sources)
    first = build(sources, tmp_path / "made", "shipped", data)
    before = {name: (tmp_path / "made" / name).read_bytes() for name in FILES}
    assert build(sources, tmp_path / "made", "shipped", data) == first
    assert {name: (tmp_path / "made" / name).read_bytes() for name in FILES} == before
    assert first.opa_version == required_version()


def test_the_revision_names_the_sources_and_nothing_else(sources: Path) -> None:
    before = revision(sources)
    (sources / "controls" / "order_qty_test.rego").unlink()
    (sources / "limits" / "limits.yaml").write_text("{}", encoding="utf-8")
    assert revision(sources) == before
    control = sources / "controls" / "order_qty.rego"
    control.rename(control.with_name("order_quantity.rego"))
    renamed = revision(sources)
    assert renamed != before
    with (sources / "main.rego").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert revision(sources) not in {before, renamed}


def test_tests_are_no_sources() -> None:
    names = [path.as_posix() for path in rego_sources(SOURCE)]
    assert names == sorted(names)
    assert "main.rego" in names
    assert not [name for name in names if name.endswith("_test.rego")]


LIMITS = "base_currency: EUR\nglobal: {order_qty_max: 5}\nsymbols: {AAPL: {order_qty_max: 3}}\n"
PERMISSIONS = '{"main": {"principals": {"*": true}, "classes": {}, "extended_hours": true}}'


def test_other_limits_change_the_data_only(sources: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS, encoding="utf-8")
    plain = build(sources, tmp_path / "a", "shipped", release_data(sources))
    data = release_data(sources, limits=limits)
    other = build(sources, tmp_path / "b", "shipped", data)
    assert dict(other.limits.base) == {"order_qty_max_e8": 500_000_000}
    assert {key: dict(table) for key, table in other.limits.symbols.items()} == {
        "AAPL": {"order_qty_max_e8": 300_000_000}
    }
    assert other.parsed.base_currency == "EUR"
    assert other.instruments == plain.instruments
    assert (other.revision, other.wasm, other.bundle) == (plain.revision, plain.wasm, plain.bundle)
    assert other.digest != plain.digest


def test_a_folder_of_data_takes_the_place_file_by_file(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "limits.yml").write_text(LIMITS, encoding="utf-8")  # a name that nothing reads
    with pytest.raises(InvalidInputError, match=r"none of limits\.yaml"):
        release_data(SOURCE, given)
    (given / "permissions.json").write_text(PERMISSIONS, encoding="utf-8")
    (given / "restricted.json").write_text('{"AAPL": true}', encoding="utf-8")
    found = parse_data(release_data(SOURCE, given))
    assert set(found.permissions) == {"main"}
    assert found.restricted == {"AAPL"}
    assert set(found.limits.base) == limit_names(SOURCE)
    (given / "limits.yaml").write_text(LIMITS, encoding="utf-8")
    found = parse_data(release_data(SOURCE, given))
    assert found.limits.strictest("order_qty_max_e8", symbol="AAPL") == 300_000_000


def test_a_release_with_other_data(tmp_path: Path) -> None:
    base = load_release(DEMO / "release").data
    with pytest.raises(InvalidInputError, match=r"none of limits\.yaml"):
        data_over(base, tmp_path, limit_names(SOURCE))
    (tmp_path / "limits.yaml").write_text(LIMITS, encoding="utf-8")
    found, before = parse_data(data_over(base, tmp_path, limit_names(SOURCE))), parse_data(base)
    assert dict(found.limits.base) == {"order_qty_max_e8": 500_000_000}
    assert (found.instruments, found.permissions) == (before.instruments, before.permissions)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("limits.yaml", "{", "policy-limits"),
        ("limits.yaml", "base_currency: USD\nglobal: {order_qty_max: 1.5 kg}", "policy-limits"),
        ("limits.yaml", "base_currency: USD\nglobal: {order_qty_max: 90071993}", "policy-limits"),
        ("limits.yaml", "base_currency: USD\nglobal: {order_qty_max: -1}", "policy-limits"),
        ("limits.yaml", "[]", "policy-limits"),
        ("instruments.json", "{", "policy-data"),
        ("instruments.json", '{"AAPL": {}, "AAPL": {}}', "policy-data"),
        ("instruments.json", '{"AAPL": {}}', "policy-data"),
        ("restricted.json", '{"AAPL": false}', "policy-data"),
        ("restricted.json", '{"AAPL": 1.5}', "policy-data"),
        ("instruments.json", '{"AAPL": {"lot": NaN}}', "policy-data"),
        ("instruments.json", '{"AAPL": {"lot": 9007199254740992}}', "policy-data"),
        ("instruments.json", "[" * 100_000, "policy-data"),
        ("permissions.json", '{"main": {}}', "policy-data"),
        ("permissions.json", "[]", "policy-data"),
    ],
)
def test_data_that_is_none(tmp_path: Path, name: str, content: str, code: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        release_data(SOURCE, tmp_path)
    assert caught.value.code == code
    assert caught.value.detail.startswith(f"{tmp_path / name}:")
    assert caught.value.remedy


def test_a_limits_file_that_is_not_there() -> None:
    with pytest.raises(InvalidInputError):
        release_data(SOURCE, limits=SOURCE / "missing.yaml")


def test_rego_that_does_not_compile_builds_nothing(sources: Path, tmp_path: Path) -> None:
    with (sources / "main.rego").open("a", encoding="utf-8") as file:
        file.write("\nallow if {\n")
    with pytest.raises(InvalidInputError, match=r"main\.rego") as caught:
        build(sources, tmp_path / "made", "shipped", release_data(sources))
    assert caught.value.code == "policy-sources"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "forbidden",
    [
        'http.send({"method": "get", "url": "http://localhost"})',
        "time.now_ns()",
        'rand.intn("x", 5)',
        'opa.runtime()["env"]',
        'uuid.rfc4122("x")',
        'net.lookup_ip_addr("localhost")',
        "7 / 3",
        'regex.match("a+", "a")',
        'sprintf("%d", [1])',
    ],
)
def test_functions_outside_the_capabilities_build_nothing(
    sources: Path, tmp_path: Path, forbidden: str
) -> None:
    with (sources / "main.rego").open("a", encoding="utf-8") as file:
        file.write(f"\nsurprise := {forbidden}\n")
    with pytest.raises(InvalidInputError, match="undefined function"):
        build(sources, tmp_path / "made", "shipped", release_data(sources))


def test_a_control_without_words_builds_nothing(sources: Path, tmp_path: Path) -> None:
    control = sources / "controls" / "leverage.rego"
    text = control.read_text(encoding="utf-8")
    control.write_text(text.replace("#   severity: high\n", ""), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="severity") as caught:
        build(sources, tmp_path / "made", "shipped", release_data(sources))
    assert caught.value.code == "policy-metadata"


def test_a_folder_without_sources(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        build(tmp_path, tmp_path / "made", "shipped", b"{}")
    assert caught.value.code == "policy-sources"
