"""`writ policy` as it is typed."""

import json
import shutil
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.policy.release import load_release, shipped_release
from support.policy_cases import SOURCE


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["policy", *arguments])
    code = caught.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SOURCE, tmp_path / "policies"))


def test_build(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made"
    assert run("build", str(sources), "--out", str(out), "-o", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    release = shipped_release()
    assert load_release(out) == release
    assert shown["digest"] == release.digest
    assert shown["folder"] == str(out)


def test_build_with_other_limits(sources: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.json"
    limits.write_text('{"order_qty_max_e8": 7}', encoding="utf-8")
    assert run("build", str(sources), "--label", "trial", "--limits", str(limits)) == 0
    release = load_release(sources / "release")
    assert (release.label, dict(release.limits)) == ("trial", {"order_qty_max_e8": 7})


def test_build_refuses_what_does_not_compile(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "main.rego").write_text("package writ.main\n\nallow if {\n", encoding="utf-8")
    assert run("build", str(sources)) == 2
    assert "main.rego" in capsys.readouterr().err


def test_check_names_file_message_and_remedy(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_rego = sources / "main.rego"
    text = main_rego.read_text(encoding="utf-8")
    main_rego.write_text(text.replace("input.batch", "input.bitch"), encoding="utf-8")
    assert run("check", str(sources), "-o", "json") == 1
    (finding, *_rest) = json.loads(capsys.readouterr().out)
    assert finding["file"].startswith("main.rego:")
    assert finding["message"].startswith("undefined ref: input.bitch")
    assert finding["what_to_do"]


@pytest.mark.slow
def test_check_of_this_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(SOURCE)) == 0
    assert "in order" in capsys.readouterr().err


def test_test(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", str(sources), "--run", "order_notional_test") == 0
    assert "data.writ.controls.order_notional_test.test_at_the_limit: PASS" in (
        capsys.readouterr().out
    )
    assert run("test", str(sources), "--run", "no_such_test") == 1


def test_test_fails_with_a_failing_test(sources: Path) -> None:
    control = sources / "controls" / "order_notional.rego"
    text = control.read_text(encoding="utf-8")
    control.write_text(text.replace("num.within(", "not num.within("), encoding="utf-8")
    assert run("test", str(sources), "--run", "order_notional_test") == 1


def test_without_opa_nothing_is_checked(
    sources: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPA_BIN", str(tmp_path / "nothing"))
    assert run("check", str(sources)) == 3
    assert "make tools" in capsys.readouterr().err
