"""Choosing and setting up the server engine: what is refused, what is written, what doctor says."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.cli.checks import Finding, Grade
from gateway.cli.engine_checks import ACCESS_CHECK, CHECK, engine_findings
from gateway.cli.main import main
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError
from gateway.policy.engine import chosen_endpoint
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_server.setup import configuration
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.release import Release, ReleaseError, shipped_release
from support.opa_server import TOKEN, OpaProcess, running_opa
from support.secrets_made import NOW

OPEN = "package system.authz\n\ndefault allow := true\n"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


def settings(**given: Any) -> Settings:
    chosen: dict[str, Any] = {"engine": "opa-server"} | given
    return Settings(**chosen)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (None, ("127.0.0.1", 8181, False)),
        ("http://127.0.0.1:18181", ("127.0.0.1", 18181, False)),
        ("http://localhost", ("localhost", 80, False)),
        ("http://[::1]:8181/", ("[::1]", 8181, False)),
        ("https://opa.example:8443", ("opa.example", 8443, True)),
        ("https://opa.example", ("opa.example", 443, True)),
    ],
)
def test_addresses_that_are_taken(
    token_file: Path, url: str | None, where: tuple[str, int, bool]
) -> None:
    there = chosen_endpoint(settings(opa_url=url, opa_token_file=token_file), NOW)
    assert there is not None
    assert (there.host, there.port, there.tls) == where
    assert there.token.reveal() == TOKEN
    assert TOKEN not in repr(there)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:8181",
        "http://opa.example:8181",
        "http://127.0.0.1.evil.example",
        "http://0.0.0.0:8181",
        "ftp://127.0.0.1",
        "127.0.0.1:8181",
        "http://",
        "http://[::1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://me:secret@127.0.0.1",
        "http://127.0.0.1/v1",
        "http://127.0.0.1?x=1",
        "http://127.0.0.1#x",
        "unix://opa.sock",
        "unix:opa.sock",
        "unix:///" + "x" * 200,
        "http://127.0.0.1\r\nX: y",
        "http://ex ample",
    ],
)
def test_addresses_that_are_refused(token_file: Path, url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        chosen_endpoint(settings(opa_url=url, opa_token_file=token_file), NOW)
    assert refused.value.code == "config-invalid"
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (None, 0),
        (b"", 0o600),
        (b"short\n", 0o600),
        (b"\xff" * 32, 0o600),
        (b"with blanks in it and long", 0o600),
        (b"x" * 513, 0o600),
        (TOKEN.encode(), 0o640),
        (TOKEN.encode(), 0o604),
    ],
)
def test_token_files_that_are_refused(tmp_path: Path, content: bytes | None, mode: int) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(InvalidInputError) as refused:
        chosen_endpoint(settings(opa_token_file=path), NOW)
    assert refused.value.code == "config-invalid"
    assert refused.value.remedy
    assert TOKEN not in str(refused.value)


def test_settings_that_contradict_each_other_are_refused(token_file: Path) -> None:
    for given in (
        {"engine": "opa-wasm", "opa_url": "http://127.0.0.1:8181"},
        {"engine": "opa-wasm", "opa_token_file": token_file},
        {"opa_url": "http://127.0.0.1:8181"},
        {"opa_token_file": token_file, "opa_ca_file": token_file},
        {"opa_url": "https://x", "opa_token_file": token_file, "opa_ca_file": Path("none.pem")},
    ):
        with pytest.raises(InvalidInputError) as refused:
            chosen_endpoint(settings(**given), NOW)
        assert refused.value.code == "config-invalid"
    with pytest.raises(ValidationError):
        settings(engine="regopy")
    assert chosen_endpoint(Settings(), NOW) is None


def test_the_bundle_for_servers_has_rego_data_and_the_releases_digest(tmp_path: Path) -> None:
    release = shipped_release()
    bundle = server_bundle(release)
    assert bundle == server_bundle(shipped_release())
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(bundle.data)
    done = run_opa(find_opa(), ["inspect", "-f", "json", path], cwd=tmp_path)
    assert done.status == 0, done.said
    manifest = json.loads(done.stdout)["manifest"]
    assert manifest["revision"] == release.digest
    assert sorted(manifest["roots"]) == [
        "base_currency", "compliance_symbols", "instruments", "limits", "permissions",
        "restricted", "writ",
    ]  # fmt: skip
    with tarfile.open(path) as archive:
        data = archive.extractfile("/data.json")
        assert data is not None
        assert data.read() == release.data
    other = server_bundle(replace(release, data=b'{"limits":{}}'))
    assert other.digest != bundle.digest


@pytest.mark.parametrize("damaged", [b"", b"no archive", shipped_release().bundle[:2_000]])
def test_a_damaged_bundle_is_not_served(damaged: bytes) -> None:
    with pytest.raises(ReleaseError) as refused:
        server_bundle(replace(shipped_release(), bundle=damaged))
    assert refused.value.code == "release-bundle"


@pytest.mark.parametrize("url", ["127.0.0.1:8470", "ftp://x", "http://", "http://x/${HOME}"])
def test_a_configuration_that_opa_would_misread_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        configuration(url, Path("/k"), Path("/s"))
    assert refused.value.code == "opa-config-invalid"


def findings(opa: OpaProcess, **given: Any) -> dict[str, Finding]:
    """What doctor finds, by check; the time is generous, because machines are shared."""
    chosen: dict[str, Any] = {
        "opa_url": opa.url,
        "opa_token_file": opa.token_file,
        "engine_timeout_ms": 10_000,
    }
    return {finding.check: finding for finding in engine_findings(settings(**chosen | given))}


def emptied(release: Release) -> bytes:
    """The right revision around no rules at all."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w:gz").close()
    return server_bundle(replace(release, bundle=empty.getvalue())).data


def test_doctor_finds_a_sound_server_sound() -> None:
    for unix in (False, True):
        with running_opa(shipped_release(), unix=unix) as opa:
            found = findings(opa)
            assert [f.grade for f in found.values()] == [Grade.OK, Grade.OK], found


@pytest.mark.parametrize(
    ("given", "says", "helps"),
    [
        pytest.param({"release": None}, "no bundle", "policy:read", id="no bundle"),
        pytest.param(
            {"release": replace(shipped_release(), digest="0" * 64)},
            "ENGINE_REVISION",
            "opa-config",
            id="another release",
        ),
        pytest.param(
            {"release": shipped_release(), "bundle": emptied(shipped_release())},
            "ENGINE_UNDEFINED",
            "entry points",
            id="no such rule",
        ),
        pytest.param(
            {"release": shipped_release(), "authz": "package other\n", "healthy": False},
            "HTTP status 500",
            "authorization policy",
            id="no authorization policy",
        ),
    ],
)
def test_doctor_explains_a_server_that_cannot_decide(
    given: dict[str, Any], says: str, helps: str
) -> None:
    release = given.pop("release")
    with running_opa(release, **given) as opa:
        found = findings(opa)[CHECK]
    assert found.grade is Grade.FAIL
    assert says in found.found
    assert helps in found.remedy


def test_doctor_explains_a_wrong_token_and_an_absent_server(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another-token-0123456789", encoding="ascii")
    wrong.chmod(0o600)
    with running_opa(shipped_release()) as opa:
        found = findings(opa, opa_token_file=wrong)
        assert found[CHECK].grade is Grade.FAIL
        assert "401" in found[CHECK].found
        assert "WRIT_OPA_TOKEN_FILE" in found[CHECK].remedy
        opa.stop()
        found = findings(opa)
        assert list(found) == [CHECK]
        assert "ENGINE_UNREACHABLE" in found[CHECK].found
        assert "opa-config" in found[CHECK].remedy


def test_doctor_explains_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = replace(shipped_release(), opa_version="1.20.0")
    monkeypatch.setattr("gateway.cli.engine_checks.load_release", lambda _folder: older)
    with running_opa(shipped_release()) as opa:
        found = findings(opa)[CHECK]
    assert found.grade is Grade.FAIL
    assert "ENGINE_VERSION" in found.found
    assert "1.20.0" in found.found


@pytest.mark.parametrize(
    ("authz", "grade"), [(OPEN, Grade.FAIL), ("", Grade.FAIL), ("with token", Grade.NOTE)]
)
def test_doctor_warns_of_a_server_that_is_too_open(authz: str, grade: Grade) -> None:
    if authz == "with token":
        authz = f'package system.authz\n\nallow if input.identity == "{TOKEN}"\n'
    with running_opa(shipped_release(), authz=authz) as opa:
        found = findings(opa)
        assert found[CHECK].grade is Grade.OK
        assert found[ACCESS_CHECK].grade is grade
        assert found[ACCESS_CHECK].remedy
        with opa.http() as http:  # the attempt left nothing behind
            assert "writ-doctor" not in http.get("/v1/policies").text


def test_doctor_says_that_the_embedded_engine_needs_nothing() -> None:
    [found] = engine_findings(Settings())
    assert (found.grade, "opa-wasm" in found.found) == (Grade.OK, True)
    [refused] = engine_findings(settings())
    assert refused.grade is Grade.FAIL
    assert "WRIT_OPA_TOKEN_FILE" in refused.found


def test_the_script_that_starts_the_server_becomes_it(
    tmp_path: Path, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"url": "http://127.0.0.1:8470", "key-file": "opa.key", "token-file": str(token_file)}
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    with pytest.raises(SystemExit) as ended:
        main(["policy", "opa-config", *options, "--out", str(tmp_path / "opa")])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("exec opa run --server ")
