"""The corpus finds what it is for: a control that proves too much, a comparison one off."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.domain.decision import Verdict
from gateway.policy.build import CAPABILITIES
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.opa_wasm import DECISIONS, HALTS
from gateway.policy.sources import stage
from support.corpus import Case, under_of
from support.policy_cases import SOURCE, Bench, bench, failing, release_of

pytestmark = pytest.mark.slow

CONTROLS = sorted(path for path in (SOURCE / "controls").glob("*.rego") if "_test" not in path.stem)
COMPARISONS = {
    "below instead of at most": ("observed <= limit", "observed < limit"),
    "above instead of at least": ("observed >= limit", "observed > limit"),
    "a limit of zero stands": ("\tvalue > 0\n", "\tvalue >= 0\n"),
    "facts below zero": ("\tvalue >= 0\n", "\tvalue >= -1\n"),
    "one number too many": ("value < 9007199254740992", "value <= 9007199254740992"),
    "one number too many below zero": (
        "value > -9007199254740992",
        "value >= -9007199254740992",
    ),
    "the limit is not looked at": ("\tpositive(limit)\n", ""),
    "the fact is not looked at": ("\tnatural(observed)\n", ""),
}


def module_of(sources: Path) -> bytes:
    """The sources as the module of a release."""
    built = sources.parent / "module.tar.gz"
    capabilities = (SOURCE / CAPABILITIES).resolve()
    arguments = ["build", "-b", ".", "-o", built, "--capabilities", capabilities]
    done = run_opa(
        find_opa(), [*arguments, "-t", "wasm", "-e", DECISIONS, "-e", HALTS], cwd=sources
    )
    assert done.status == 0, done.said
    with tarfile.open(fileobj=io.BytesIO(built.read_bytes())) as archive:
        module = archive.extractfile("/policy.wasm")
        assert module is not None
        return module.read()


def staged(folder: Path) -> Path:
    sources = folder / "sources"
    sources.mkdir()
    stage(SOURCE, sources)
    return sources


def surprises(changed: Bench, cases: Sequence[Case]) -> list[Case]:
    """The cases whose known answer a module does not give."""
    answers = changed.decide_under([(case.document, under_of(case)) for case in cases])
    return [
        case
        for case, answer in zip(cases, answers, strict=True)
        if not isinstance(answer, Verdict) or failing(answer) != case.failing
    ]


def sharp(cases: Sequence[Case]) -> list[Case]:
    """Every edge once: those of one instrument, and all that move a limit."""
    return [
        case
        for case in cases
        if case.control and (case.limits or case.document["order"]["symbol"] in {"SPY", "NO.SUCH"})
    ]


def test_the_module_built_here_gives_no_surprise(tmp_path: Path, cases: list[Case]) -> None:
    with bench(release_of(module_of(staged(tmp_path)))) as unchanged:
        assert surprises(unchanged, sharp(cases)) == []


@pytest.mark.requirement("S0-15")
@pytest.mark.parametrize("control", CONTROLS, ids=lambda path: path.stem)
def test_a_control_that_always_passes(tmp_path: Path, cases: list[Case], control: Path) -> None:
    sources = staged(tmp_path)
    with (sources / "controls" / control.name).open("a", encoding="utf-8") as file:
        file.write("\nproven := true\n")
    # What fails for two reasons is denied for the other one too, and would show nothing here.
    single = [case for case in sharp(cases) if case.failing and len(case.failing) == 1]
    with bench(release_of(module_of(sources))) as changed:
        found = surprises(changed, single)
    assert len({case.control for case in found}) == 1


@pytest.mark.requirement("S2-02")
@pytest.mark.parametrize("mistake", COMPARISONS)
def test_a_comparison_that_is_one_off(tmp_path: Path, cases: list[Case], mistake: str) -> None:
    sources = staged(tmp_path)
    library = sources / "lib" / "num.rego"
    before, after = COMPARISONS[mistake]
    text = library.read_text(encoding="utf-8")
    assert before in text
    library.write_text(text.replace(before, after), encoding="utf-8")
    with bench(release_of(module_of(sources))) as changed:
        assert surprises(changed, sharp(cases))
