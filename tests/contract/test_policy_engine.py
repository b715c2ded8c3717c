"""What every policy engine must do; each engine runs all of it, with the release that ships."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace

import pytest

from gateway.domain.decision import EngineFailure, Verdict
from gateway.domain.halt import GLOBAL, HaltTrigger
from gateway.host import ThreadRunner
from gateway.policy.opa_server.engine import OpaServerEngine
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release, shipped_release
from gateway.ports import PolicyEngine
from signing import canonical, records
from support.opa_server import running_opa
from support.policy_cases import (
    LIMIT,
    Document,
    data,
    document,
    drop,
    opa_decides,
    opa_halts,
    put,
    raw,
    stop_limit_document,
)

Making = Callable[[], PolicyEngine]


@contextmanager
def embedded(release: Release) -> Iterator[Making]:
    """One engine for all tests: it belongs to no event loop."""
    with closing(ThreadRunner()) as runner, closing(WasmEngine(release, runner)) as engine:
        yield lambda: engine


@contextmanager
def serving(release: Release) -> Iterator[Making]:
    """One real server for all tests, and an engine of its own for each test's event loop."""
    with running_opa(release) as opa:
        yield lambda: OpaServerEngine(release, opa.endpoint, timeout_ms=60_000)


ENGINES: dict[str, Callable[[Release], AbstractContextManager[Making]]] = {
    "opa-wasm": embedded,
    "opa-server": serving,
}
CALM = {
    "known_only": False,
    "market": {"volatility_told": True, "volatility_index_e4": 1},
    "accounts": {
        "main": {"drawdown_bps": 0, "day_loss_micros": 0, "drift_bps": 0, "rejected_in_a_row": 0}
    },
}


@pytest.fixture(scope="module", params=ENGINES)
def making(request: pytest.FixtureRequest) -> Iterator[tuple[str, Making]]:
    release = replace(shipped_release(), data=canonical.encode(data()))
    with ENGINES[request.param](release) as made:
        yield request.param, made


@pytest.fixture
async def engine(making: tuple[str, Making]) -> AsyncIterator[PolicyEngine]:
    name, make = making
    engine = make()
    assert engine.name == name
    yield engine
    if isinstance(engine, OpaServerEngine):
        await engine.close()


def denied() -> Document:
    return put(document(), ("order", "notional_micros"), LIMIT + 1)


@pytest.mark.requirement("S0-15")
async def test_an_allow_is_whole(engine: PolicyEngine) -> None:
    (verdict,) = await engine.decide([canonical.encode(document())])
    assert isinstance(verdict, Verdict)
    assert verdict.allow is True
    assert verdict.passed == verdict.required == tuple(sorted(verdict.required))
    assert verdict.reasons == ()
    assert verdict.halts == ()
    assert tuple(proof.control for proof in verdict.proofs) == verdict.required
    assert verdict.door == {
        "approval_age_max_ms": 300_000,
        "close_buffer_min_ms": LIMIT,
        "quote_age_max_ms": LIMIT,
        "spread_max_bps": LIMIT,
    }


@pytest.mark.requirement("S1-07")
@pytest.mark.requirement("W-05")
async def test_a_denial_names_control_observed_value_and_limit(engine: PolicyEngine) -> None:
    (verdict,) = await engine.decide([canonical.encode(denied())])
    assert isinstance(verdict, Verdict)
    assert verdict.allow is False
    assert [(r.control, r.observed, r.limit) for r in verdict.reasons] == [
        ("ORD-01", LIMIT + 1, LIMIT)
    ]


async def test_verdicts_come_in_the_order_of_the_documents(engine: PolicyEngine) -> None:
    places = ["allow", "deny", "allow", "deny", "deny", "allow", "deny", "allow"] * 2
    batch = [canonical.encode(document() if p == "allow" else denied()) for p in places]
    answers = await engine.decide(batch)
    assert [isinstance(a, Verdict) and a.allow for a in answers] == [p == "allow" for p in places]


async def test_each_document_of_a_batch_is_decided_as_if_alone(engine: PolicyEngine) -> None:
    documents = [
        document(),
        denied(),
        stop_limit_document(),
        drop(document(), ("account",)),
        drop(document(), ("instrument",)),
        put(document(), ("control", "halted"), True),
    ]
    together = await engine.decide([canonical.encode(case) for case in documents])
    alone = [(await engine.decide([canonical.encode(case)]))[0] for case in documents]
    assert together == alone
    assert opa_decides([(case, data()) for case in documents]) == together


@pytest.mark.requirement("S1-07")
async def test_a_malformed_document_is_denied_and_disturbs_no_mate(engine: PolicyEngine) -> None:
    strange = [5, None, False, {}, [], "text", [document()], {"batch": [document()]}]
    answers = await engine.decide([raw(document()), *map(raw, strange), raw(document())])
    assert [isinstance(answer, Verdict) for answer in answers] == [True] * len(answers)
    assert [isinstance(a, Verdict) and a.allow for a in answers] == [
        True,
        *[False] * len(strange),
        True,
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"1,[2", b"3]"], id="two halves that join"),
        pytest.param([b'{"v":1},{"v":1}', b""], id="two in one and none in the other"),
        pytest.param([b"]}", b"{"], id="a batch that ends early"),
        pytest.param([b"", b" "], id="nothing"),
        pytest.param([b"NaN", b"Infinity"], id="numbers that JSON does not have"),
        pytest.param([b"\xff", b"\xef\xbb\xbf{}"], id="no UTF-8, a byte order mark"),
        pytest.param([b"[" * 100_000, b"9" * 5_000], id="too deep, too long"),
    ],
)
async def test_bytes_that_are_no_document_fail_for_themselves(
    engine: PolicyEngine, pieces: list[bytes]
) -> None:
    good = canonical.encode(document())
    answers = await engine.decide([good, pieces[0], good, pieces[1]])
    assert [isinstance(a, Verdict) and a.allow for a in answers] == [True, False, True, False]
    assert all(isinstance(answers[i], EngineFailure) for i in (1, 3))


async def test_an_oversized_document_fails_for_itself(engine: PolicyEngine) -> None:
    large = put(document(), ("ids", "principal"), "x" * 100_000)
    first, second = await engine.decide([raw(large), raw(document())])
    assert isinstance(first, EngineFailure)
    assert isinstance(second, Verdict)
    assert second.allow is True


async def test_an_empty_batch_has_no_answers(engine: PolicyEngine) -> None:
    assert await engine.decide([]) == []


async def test_more_than_sixteen_is_the_callers_defect(engine: PolicyEngine) -> None:
    full = [canonical.encode(document())] * 16
    assert len(await engine.decide(full)) == 16
    with pytest.raises(ValueError, match="at most 16"):
        await engine.decide([*full, full[0]])


@pytest.mark.requirement("S2-03")
async def test_halts(engine: PolicyEngine) -> None:
    beyond = put(CALM, ("market", "volatility_index_e4"), LIMIT + 1)
    assert await engine.triggered_halts(canonical.encode(CALM)) == []
    assert await engine.triggered_halts(canonical.encode(beyond)) == [
        HaltTrigger("OMEGA2_VOLATILITY", GLOBAL, LIMIT + 1, LIMIT)
    ]
    for facts in ({}, 5, drop(CALM, ("accounts",)), beyond):
        assert opa_halts([(facts, data())]) == [await engine.triggered_halts(raw(facts))]


@pytest.mark.parametrize("facts", [b"", b"{", b"NaN", b"\xff", b"{}{}"])
@pytest.mark.requirement("S2-03")
async def test_halt_facts_that_cannot_be_read_are_a_failure(
    engine: PolicyEngine, facts: bytes
) -> None:
    assert isinstance(await engine.triggered_halts(facts), EngineFailure)


async def test_the_engine_can_be_named_in_a_record(engine: PolicyEngine) -> None:
    (verdict,) = await engine.decide([canonical.encode(denied())])
    assert isinstance(verdict, Verdict)
    records.check(
        "decision",
        {
            "at_us": 1,
            "decision_id": "dec_1",
            "order_id": "ord_1",
            "account": "main",
            "principal": "strategy-a",
            "client_order_id": "none",
            "broker_client_id": "wr-1",
            "mode": "RESEARCH",
            "label": "research",
            "market_us": 1,
            "input_digest": "0" * 64,
            "release_digest": "0" * 64,
            "engine": {"name": engine.name, "version": engine.version},
            "allow": False,
            "verdict": json.loads(canonical.encode(verdict.payload())),
            "failure": "none",
        },
    )


async def test_an_engine_with_its_release_is_ready(engine: PolicyEngine) -> None:
    assert await engine.readiness() is None
