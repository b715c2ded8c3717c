"""Only the exact version of `opa` is used, wherever it is found."""

from pathlib import Path

import pytest

from gateway.policy import opa_tool
from gateway.policy.opa_tool import OpaToolError, find_opa, opa_version, required_version, run_opa
from support.policy_cases import SOURCE


@pytest.fixture
def real() -> Path:
    return find_opa()


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_required_version_is_written_beside_the_policies() -> None:
    assert (SOURCE / "OPA_VERSION").read_text(encoding="ascii").strip() == required_version()


def test_what_is_found_is_the_required_version(real: Path) -> None:
    assert opa_version(real) == required_version()


def test_the_chosen_one_comes_first(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "my-opa"
    link.symlink_to(real)
    monkeypatch.setenv("OPA_BIN", str(link))
    assert find_opa() == link


@pytest.mark.parametrize("text", ["echo Version: 1.20.0", "exit 1", "echo nothing"])
def test_a_chosen_one_of_another_version_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("OPA_BIN", str(script(tmp_path / "opa", text)))
    with pytest.raises(OpaToolError) as caught:
        find_opa()
    assert caught.value.code == "opa-version"
    assert "make tools" in caught.value.remedy


def test_a_chosen_one_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPA_BIN", str(tmp_path / "opa"))
    with pytest.raises(OpaToolError, match="no opa that runs"):
        find_opa()


def test_the_path_is_searched(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "opa").symlink_to(real)
    monkeypatch.delenv("OPA_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_opa() == tmp_path / "opa"


def test_another_version_on_the_path_is_passed_over(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "path" / "opa", "echo Version: 9.9.9")
    tools = tmp_path / "tree" / ".tools" / "bin"
    tools.mkdir(parents=True)
    (tmp_path / "tree" / "policies").mkdir()
    (tmp_path / "tree" / "policies" / "OPA_VERSION").write_text(required_version(), "ascii")
    monkeypatch.setattr(
        opa_tool.policies, "__file__", str(tmp_path / "tree" / "policies" / "__init__.py")
    )
    monkeypatch.delenv("OPA_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(OpaToolError, match=r"opa .* was not found \(.* is 9\.9\.9\)") as caught:
        find_opa()
    assert "make tools" in caught.value.remedy
    (tools / "opa").symlink_to(real)
    assert find_opa() == tools / "opa"


def test_a_run_that_does_not_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opa_tool, "TIMEOUT_S", 0.05)
    with pytest.raises(OpaToolError) as caught:
        run_opa(script(tmp_path / "opa", "exec sleep 60"), ["test"], cwd=tmp_path)
    assert caught.value.code == "opa-timeout"


def test_both_streams_and_the_status_come_back(tmp_path: Path) -> None:
    opa = script(tmp_path / "opa", "echo out; echo err >&2; exit 7")
    done = run_opa(opa, ["test"], cwd=tmp_path)
    assert (done.status, done.said) == (7, "err\nout")


@pytest.mark.parametrize(("chosen", "run_with"), [(None, "800"), ("50", "50")])
def test_garbage_is_collected_seldom_unless_the_environment_says_how_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, run_with: str
) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    if chosen:
        monkeypatch.setenv("GOGC", chosen)
    monkeypatch.setenv("KEPT", "yes")
    opa = script(tmp_path / "opa", 'echo "$GOGC $KEPT"')
    assert run_opa(opa, ["test"], cwd=tmp_path).said == f"{run_with} yes"
