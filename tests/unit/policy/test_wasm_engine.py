"""What the embedded engine makes of modules that misbehave; each is real Rego, built by opa."""

import asyncio
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.decision import EngineFailure, Verdict
from gateway.host import WORKERS, ThreadRunner
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import ReleaseError, shipped_release
from signing import canonical
from support.policy_cases import document, raw, release_of

pytestmark = pytest.mark.requirement("S1-07")

GOOD = """{"allow": true, "required": {"ORD-01"}, "passed": {"ORD-01"}, "reasons": set(),
  "proofs": {{"control": "ORD-01"}}, "halts": set(),
  "door": {"approval_age_max_ms": 1, "close_buffer_min_ms": 1, "quote_age_max_ms": 1,
    "spread_max_bps": 1}}"""
NO_HALTS = "triggered := set()"
ERROR, TIMEOUT, UNDEFINED, MALFORMED = (
    EngineFailure(f"ENGINE_{name}") for name in ("ERROR", "TIMEOUT", "UNDEFINED", "MALFORMED")
)
# Each of 30,000 characters is looked for among 30,000 others: seconds of time, and no memory.
SLOW = json.dumps({"text": "b" * 30_000, "among": "a" * 30_000 + "b"}).encode()
QUICK = json.dumps({"text": "b", "among": "ab"}).encode()
GREEDY = "count([[x, y] | x := numbers.range(1, 3000)[_]; y := numbers.range(1, 3000)[_]]) > 0"


def module(folder: Path, decisions: str, halts: str = NO_HALTS) -> bytes:
    """Compile two rules into a module with both entry points."""
    (folder / "main.rego").write_text(f"package writ.main\n\n{decisions}\n", encoding="utf-8")
    (folder / "halts.rego").write_text(f"package writ.halts\n\n{halts}\n", encoding="utf-8")
    entries = ["-e", "writ/main/decisions", "-e", "writ/halts/triggered"]
    return compiled(folder, entries)


def compiled(folder: Path, entries: list[str]) -> bytes:
    arguments = ["build", "-b", ".", "-t", "wasm", *entries, "-o", "out.tar.gz"]
    done = run_opa(find_opa(), arguments, cwd=folder)
    assert done.status == 0, done.said
    with tarfile.open(fileobj=io.BytesIO((folder / "out.tar.gz").read_bytes())) as tar:
        member = tar.extractfile("/policy.wasm")
        assert member is not None
        return member.read()


@pytest.fixture
def runner() -> Iterator[ThreadRunner]:
    with closing(ThreadRunner()) as made:
        yield made


@pytest.fixture
def engine_of(tmp_path: Path, runner: ThreadRunner) -> Iterator[Callable[..., WasmEngine]]:
    made: list[WasmEngine] = []

    def make(decisions: str, halts: str = NO_HALTS, timeout_ms: int = 2_000) -> WasmEngine:
        release = release_of(module(tmp_path, decisions, halts))
        made.append(WasmEngine(release, runner, timeout_ms=timeout_ms))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


EngineOf = Callable[..., WasmEngine]


async def test_a_module_of_many_controls_is_loaded(engine_of: EngineOf) -> None:
    """One that declares more memory than the library gives an instance to begin with."""
    words = json.dumps(["w" * 1_000 + str(number) for number in range(1_000)])
    engine = engine_of(
        f"words := {words}\n\ndecisions := [{GOOD} | some _ in input.batch; words[0]]"
    )
    [answer] = await engine.decide([b"{}"])
    assert isinstance(answer, Verdict)
    assert answer.allow


async def test_the_small_module_of_these_tests_can_allow(engine_of: EngineOf) -> None:
    engine = engine_of(f"decisions := [v | some _ in input.batch; v := {GOOD}]")
    first, second = await engine.decide([b"{}", b"{}"])
    assert isinstance(first, Verdict)
    assert first.allow is True
    assert second == first


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        pytest.param("decisions := [] if input.batch == 5", UNDEFINED, id="undefined"),
        pytest.param("decisions := null", MALFORMED, id="null"),
        pytest.param("decisions := true", MALFORMED, id="a bare true"),
        pytest.param('decisions := {"allow": true}', MALFORMED, id="an object"),
        pytest.param("decisions := []", MALFORMED, id="too short"),
        pytest.param(f"decisions := [{GOOD}, {GOOD}, {GOOD}]", MALFORMED, id="too long"),
        pytest.param(
            f'decisions := [v | some _ in input.batch; v := object.union({GOOD}, {{"allow": 1}})]',
            MALFORMED,
            id="allow is no boolean",
        ),
        pytest.param(
            f'decisions := [v | some _ in input.batch; v := object.union({GOOD}, {{"more": 1}})]',
            MALFORMED,
            id="an extra key",
        ),
        pytest.param(
            f'decisions := [v | some _ in input.batch; v := object.remove({GOOD}, ["door"])]',
            MALFORMED,
            id="a missing key",
        ),
        pytest.param(
            "decisions := [v | some _ in input.batch; "
            f'v := object.union({GOOD}, {{"door": {{"approval_age_max_ms": 1.5}}}})]',
            MALFORMED,
            id="a fraction",
        ),
    ],
)
async def test_an_answer_that_does_not_fit_is_a_failure(
    engine_of: EngineOf, decisions: str, expected: EngineFailure
) -> None:
    assert await engine_of(decisions).decide([b"{}", b"{}"]) == [expected, expected]


async def test_a_time_limit_ends_the_call_and_not_the_engine(engine_of: EngineOf) -> None:
    rules = f'decisions := [v | some d in input.batch; trim(d.text, d.among) == ""; v := {GOOD}]'
    engine = engine_of(rules, timeout_ms=400)
    for _ in range(3):  # more often than there are instances
        assert await engine.decide([SLOW]) == [TIMEOUT]
    (answer,) = await engine.decide([QUICK])
    assert isinstance(answer, Verdict)
    assert answer.allow is True


async def test_memory_is_bounded(engine_of: EngineOf) -> None:
    engine = engine_of(
        f"decisions := [v | some _ in input.batch; {GREEDY}; v := {GOOD}]", timeout_ms=60_000
    )
    assert await engine.decide([b"{}"]) == [ERROR]


@pytest.mark.parametrize(
    ("halts", "expected"),
    [
        ("triggered := set() if input == 5", UNDEFINED),
        ("triggered := true", MALFORMED),
        ('triggered := {{"cause": "OMEGA2_DRAWDOWN"}}', MALFORMED),
        ('triggered := set() if trim(input.text, input.among) == ""', TIMEOUT),
    ],
)
@pytest.mark.requirement("S2-03")
async def test_halts_that_cannot_be_told_are_a_failure(
    engine_of: EngineOf, halts: str, expected: EngineFailure
) -> None:
    engine = engine_of("decisions := []", halts, timeout_ms=400)
    assert await engine.triggered_halts(SLOW) == expected


async def test_a_closed_engine_fails_and_never_allows(runner: ThreadRunner) -> None:
    engine = WasmEngine(shipped_release(), runner)
    engine.close()
    assert await engine.decide([canonical.encode(document())]) == [ERROR]
    assert await engine.triggered_halts(b"{}") == ERROR


async def test_waiting_for_a_thread_is_bounded(runner: ThreadRunner) -> None:
    free = threading.Event()
    taken = [asyncio.ensure_future(runner.run(free.wait)) for _ in range(WORKERS)]
    with closing(WasmEngine(shipped_release(), runner, timeout_ms=10)) as engine:
        assert await engine.decide([canonical.encode(document())]) == [TIMEOUT]
    free.set()
    assert await asyncio.gather(*taken) == [True] * WORKERS


async def test_threads_that_have_ended_are_a_failure(runner: ThreadRunner) -> None:
    with closing(WasmEngine(shipped_release(), runner)) as engine:
        runner.close()
        assert await engine.decide([canonical.encode(document())]) == [ERROR]


def test_a_module_that_is_not_the_named_one_is_refused(runner: ThreadRunner) -> None:
    release = shipped_release()
    damaged = bytearray(release.wasm)
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(ReleaseError, match="not the one that the descriptor names") as caught:
        WasmEngine(replace(release, wasm=bytes(damaged)), runner)
    assert caught.value.code == "release-wasm"


@pytest.mark.parametrize("wasm", [b"", b"\x00asm", b"not a module", b"\x00asm\x01\x00\x00\x00"])
def test_a_module_that_is_none_is_refused(runner: ThreadRunner, wasm: bytes) -> None:
    with pytest.raises(ReleaseError) as caught:
        WasmEngine(release_of(wasm), runner)
    assert caught.value.code == "release-wasm"


def test_half_a_module_is_refused(runner: ThreadRunner) -> None:
    wasm = shipped_release().wasm
    with pytest.raises(ReleaseError):
        WasmEngine(release_of(wasm[: len(wasm) // 2]), runner)


def test_a_module_without_both_entry_points_is_refused(
    tmp_path: Path, runner: ThreadRunner
) -> None:
    (tmp_path / "main.rego").write_text("package writ.main\n\ndecisions := []\n", encoding="utf-8")
    wasm = compiled(tmp_path, ["-e", "writ/main/decisions"])
    with pytest.raises(ReleaseError, match="lacks an entry point"):
        WasmEngine(release_of(wasm), runner)


def test_a_module_that_asks_the_host_is_refused(tmp_path: Path, runner: ThreadRunner) -> None:
    wasm = module(tmp_path, 'decisions := [time.now_ns(), sprintf("%d", [count(input.batch)])]')
    with pytest.raises(ReleaseError, match="asks the host for functions"):
        WasmEngine(release_of(wasm), runner)


async def test_calls_at_the_same_time_are_answered_each(runner: ThreadRunner) -> None:
    with closing(WasmEngine(shipped_release(), runner)) as engine:
        calls = [engine.decide([raw(document())] * n) for n in range(1, 9)]
        answers = await asyncio.gather(*calls)
    assert [len(answer) for answer in answers] == list(range(1, 9))
    assert all(isinstance(v, Verdict) and not v.allow for answer in answers for v in answer)
