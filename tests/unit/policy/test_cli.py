"""`writ policy` as it is typed."""

import json
import shutil
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.cli.policy_watch import changes, stamps
from gateway.policy.findings import Finding
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


LIMITS = "base_currency: USD\nglobal: {order_qty_max: 7 units}\n"


def test_build_with_other_limits(sources: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS, encoding="utf-8")
    made = tmp_path / "made"
    with_limits = ("build", str(sources), "--label", "trial", "--limits", str(limits))
    assert run(*with_limits, "--out", str(made)) == 0
    release = load_release(made)
    assert release.label == "trial"
    assert dict(release.limits.base) == {"order_qty_max_e8": 700_000_000}
    assert run("build", str(sources), "--data", str(tmp_path), "--out", str(made)) == 0
    assert load_release(made).data == release.data


@pytest.mark.parametrize("option", ["--data", "--limits"])
def test_other_limits_never_take_the_place_of_the_shipped_release(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS, encoding="utf-8")
    given = str(limits if option == "--limits" else tmp_path)
    assert run("build", str(sources), option, given) == 2
    assert "--out" in capsys.readouterr().err
    assert load_release(sources / "release") == shipped_release()


def test_build_tells_what_denies_every_order(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", str(sources), "--out", str(tmp_path / "made")) == 0
    told = capsys.readouterr().err
    assert "36 limits are zero or left out" in told
    assert "permissions.json" in told
    demo = SOURCE.parent / "gateway" / "demo" / "policy"
    with_data = ("build", str(sources), "--data", str(demo), "--out", str(tmp_path / "made"))
    assert run(*with_data) == 0
    told = capsys.readouterr().err
    assert "1 limit is zero or left out" in told
    assert "permissions.json" not in told


@pytest.mark.parametrize("label", ["Bad Label", "", "a" * 33, "\u202egnirts", "../x"])
def test_a_label_that_cannot_be_leaves_the_release_as_it_is(
    sources: Path, capsys: pytest.CaptureFixture[str], label: str
) -> None:
    assert run("build", str(sources), "--label", label) == 2
    assert "cannot be a label (release-label)" in capsys.readouterr().err
    assert load_release(sources / "release") == shipped_release()


def test_limits_are_printed_as_people_write_them(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "limits.yaml").write_text(LIMITS, encoding="utf-8")
    made = tmp_path / "made"
    with_data = ("build", str(sources), "--data", str(tmp_path), "--out", str(made))
    assert run(*with_data) == 0
    capsys.readouterr()
    assert run("limits", str(made)) == 0
    printed = capsys.readouterr().out
    assert "  order_qty_max: 7 units\n" in printed
    (tmp_path / "limits.yaml").write_text(printed, encoding="utf-8")
    before = load_release(made).data
    assert run(*with_data) == 0
    assert load_release(made).data == before
    capsys.readouterr()
    assert run("limits", str(sources)) == 0
    assert "  order_qty_max: 0 units\n" in capsys.readouterr().out


def test_limits_that_are_wrong_build_nothing(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text("base_currency: USD\nglobal:\n  order_qty_mx: 7\n", encoding="utf-8")
    with_limits = ("build", str(sources), "--limits", str(limits), "--out", str(tmp_path / "made"))
    assert run(*with_limits) == 2
    told = capsys.readouterr().err
    assert f"{limits}:3: 'order_qty_mx' is no limit" in told
    assert "did you mean order_qty_max?" in told
    assert not (tmp_path / "made").exists()


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
    assert (finding["file"], finding["kind"]) == ("main.rego", "error")
    assert finding["line"] > 0
    assert finding["message"].startswith("undefined ref: input.bitch")
    assert finding["what_to_do"]


def test_a_warning_is_told_and_stops_nothing(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("limits/limits.yaml", "no effect", "remove it", 3, warning=True)]
    monkeypatch.setattr("gateway.policy.check.check", lambda *_: found)
    assert run("check", str(sources)) == 0
    told = capsys.readouterr()
    assert "limits/limits.yaml:3" in told.out
    assert "warning" in told.out
    assert "in order" in told.err


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


def test_changes_of_the_files_are_seen(sources: Path) -> None:
    seen = changes(sources, poll_s=0.01)
    assert next(seen) == []
    control = sources / "controls" / "order_notional.rego"
    control.write_text(control.read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")
    assert next(seen) == ["controls/order_notional.rego"]
    (sources / "controls" / "order_notional_test.rego").unlink()
    (sources / "limits" / "limits.yaml").write_text("", encoding="utf-8")
    assert next(seen) == ["controls/order_notional_test.rego", "limits/limits.yaml"]
    assert not [name for name in stamps(sources) if name.startswith("release")]


def test_watching_runs_the_tests_again_until_it_is_stopped(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    control = sources / "controls" / "order_notional.rego"

    def breaks_it_then_stops(_: float) -> None:
        text = control.read_text(encoding="utf-8")
        if "proven if 1 == 1" in text:
            raise KeyboardInterrupt
        control.write_text(text + "\nproven if 1 == 1\n", encoding="utf-8")

    monkeypatch.setattr("gateway.cli.policy_watch.wait_s", breaks_it_then_stops)
    assert run("test", str(sources), "--watch", "--run", "order_notional_test") == 0
    told = capsys.readouterr()
    first, *_, last = told.out.splitlines()
    assert first.endswith("tests pass: all pass")
    assert last.endswith("tests pass: NOT IN ORDER")
    assert "controls.order_notional_test.test_one_beyond fails" in told.out
    assert "changed: controls/order_notional.rego" in told.err
    assert told.err.endswith("stopped\n")


def test_watching_tells_what_does_not_compile(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "main.rego").write_text("package writ.main\n\nallow if {\n", encoding="utf-8")

    def stops(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.cli.policy_watch.wait_s", stops)
    assert run("test", str(sources), "--watch") == 0
    assert "main.rego:4: rego_parse_error" in capsys.readouterr().out
