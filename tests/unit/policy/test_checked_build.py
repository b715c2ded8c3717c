"""`writ policy build` builds nothing that `writ policy check` refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.policy.check import check
from gateway.policy.release import load_release, shipped_release
from support.policy_cases import SOURCE

CONTROL = "controls/spread.rego"
PROOF = "proven if num.within(observed, limits[limit])"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SOURCE, tmp_path / "policies"))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            CONTROL,
            PROOF,
            f"default proven := true\n\n{PROOF}",
            f"{CONTROL}:34: `proven` has a default",
        ),
        (
            CONTROL,
            PROOF,
            f"{PROOF}\n\nproven := observed",
            f"{CONTROL}:36: `proven` is something else",
        ),
        (
            CONTROL,
            PROOF,
            f"{PROOF}\n\nproven if true",
            f"{CONTROL}:36: `proven` needs nothing to be so",
        ),
        (CONTROL, "input.market.spread_bps", "input.market.width", "undefined ref: input.market"),
        (CONTROL, "#   severity: high\n", "", "METADATA has no custom.severity"),
        ("main.rego", "required := object.keys(registry)", "required := set()", "required leaves"),
        ("main.rego", '\t"MKT-02": "spread",\n', "", "MKT-02 is missing in the registry"),
    ],
)
def test_what_check_refuses_is_not_built(
    sources: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    old: str,
    new: str,
    told: str,
) -> None:
    text = (sources / file).read_text(encoding="utf-8")
    assert old in text
    (sources / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["policy", "build", str(sources), "--out", str(tmp_path / "made")])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in said
    for finding in (one for one in check(sources) if not one.warning):
        assert f"{finding.place}: {finding.message}" in said
    assert not (tmp_path / "made").exists()
    assert load_release(sources / "release") == shipped_release()


def test_the_tests_are_not_run(sources: Path, tmp_path: Path) -> None:
    """They are the time that `check` takes; a release is the same without them."""
    failing = "package writ.controls.spread_test\n\ntest_fails if false\n"
    (sources / "controls" / "spread_test.rego").write_text(failing, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["policy", "build", str(sources), "--out", str(tmp_path / "made")])
    assert ended.value.code == 0
    assert load_release(tmp_path / "made") == shipped_release()
