"""The mutation test: an allowed input, each part of it deleted and corrupted, must be denied.

What still allows must be a field that policies/schemas marks `x-writ-optional`, with the reason
written there. Every mutant is decided by the module and by opa itself.
"""

import copy
from collections.abc import Iterator

import pytest

from gateway.domain.decision import EngineFailure, Verdict
from support import policy_cases
from support.mutants import (
    BASES,
    allows,
    corrupted,
    described,
    limit_mutants,
    marked,
    mutants,
    schema,
)
from support.policy_cases import (
    Bench,
    Data,
    Document,
    Place,
    data,
    document,
    drop,
    opa_decides,
    opa_halts,
    paths,
    put,
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with policy_cases.bench() as made:
        yield made


def with_both(bench: Bench, cases: list[tuple[Document, Data]]) -> list[Verdict | EngineFailure]:
    """The module's answers, opa itself having said the same of each."""
    answers: list[Verdict | EngineFailure] = []
    for mutant, under in cases:
        answers += bench.under(under).decide([mutant])
    assert opa_decides(cases) == answers
    return answers


def still_allowed(
    bench: Bench, cases: list[tuple[Place, Document, Data]]
) -> dict[Place, list[object]]:
    answers = with_both(bench, [(mutant, under) for _, mutant, under in cases])
    found: dict[Place, list[object]] = {}
    for (place, mutant, _), answer in zip(cases, answers, strict=True):
        if allows(answer):
            found.setdefault(place, []).append(mutant)
    return found


@pytest.mark.parametrize("name", ["document", "limits"])
def test_every_reason_is_written_out(name: str) -> None:
    reasons = marked(name)
    assert reasons
    assert all(isinstance(reason, str) and len(reason) > 40 for reason in reasons.values())


def test_the_schema_describes_every_part_of_the_document() -> None:
    parts = dict(described(schema("document")))
    for base in BASES.values():
        assert set(paths(base())) == set(parts)


def test_the_limits_and_instruments_are_the_ones_the_schemas_describe() -> None:
    assert set(data()["limits"]["global"]) == set(schema("limits")["properties"])
    one = schema("instruments")["additionalProperties"]["properties"]
    assert set(data()["instruments"]["ACME"]) == set(one)


@pytest.mark.slow
@pytest.mark.requirement("S0-15")
@pytest.mark.requirement("S1-07")
def test_every_part_of_an_allowed_document_counts(bench: Bench) -> None:
    parts = dict(described(schema("document")))
    found: set[Place] = set()
    for base in BASES.values():
        assert allows(bench.under(data()).decide([base()])[0])
        cases = [(place, mutant, data()) for place, mutant in mutants(base(), parts)]
        assert len(cases) > 400
        found |= set(still_allowed(bench, cases))
    assert found == set(marked("document"))


@pytest.mark.slow
@pytest.mark.requirement("S2-02")
def test_every_limit_counts(bench: Bench) -> None:
    found: set[Place] = set()
    for base in BASES.values():
        cases = list(limit_mutants(base()))
        found |= set(still_allowed(bench, cases))
    assert found == set(marked("limits"))


HALT_LIMITS = (
    "volatility_index_max_e4",
    "day_loss_max_micros",
    "drawdown_max_bps",
    "reconciliation_drift_max_bps",
    "rejections_in_a_row_max_count",
)
"""Limits that the second query compares."""


@pytest.mark.requirement("S2-03")
def test_limits_that_no_order_control_reads_are_read_for_halts(bench: Bench) -> None:
    quiet = {"drawdown_bps": 0, "day_loss_micros": 0, "rejected_in_a_row": 0, "drift_bps": 0}
    calm: Document = {
        "known_only": False,
        "market": {"volatility_told": True, "volatility_index_e4": 1},
        "accounts": {"main": quiet},
    }
    assert bench.under(data()).halts(calm) == []
    cases: list[tuple[Document, Data]] = []
    for name in HALT_LIMITS:
        place = ("limits", "global", name)
        cases.append((calm, drop(data(), place)))
        cases += [(calm, put(data(), place, bad)) for bad in (0, *corrupted(1_000, {}))]
    answers = [bench.under(under).halts(facts) for facts, under in cases]
    assert all(isinstance(answer, list) and len(answer) == 1 for answer in answers)
    assert opa_halts(cases) == answers


def instrument_mutants() -> Iterator[tuple[Place, Data]]:
    parts = dict(described(schema("instruments")["additionalProperties"]))
    listed = data()["instruments"]["ACME"]
    for name, value in listed.items():
        place = ("instruments", "ACME", name)
        yield place, drop(data(), place)
        for bad in corrupted(value, parts[(name,)]):
            yield place, put(data(), place, bad)
    for place in (("instruments",), ("instruments", "ACME")):
        yield place, drop(data(), place)
        for bad in (None, [], {}, 0, "text", True):
            yield place, put(data(), place, bad)


@pytest.mark.requirement("S0-15")
def test_every_part_of_a_listed_instrument_counts(bench: Bench) -> None:
    cases = [(place, document(), under) for place, under in instrument_mutants()]
    assert still_allowed(bench, cases) == {}


@pytest.mark.requirement("S0-15")
def test_an_instrument_that_is_damaged_in_the_release_and_so_in_the_facts_is_no_proof(
    bench: Bench,
) -> None:
    cases: list[tuple[Place, Document, Data]] = []
    for place, under in instrument_mutants():
        stated = copy.deepcopy(document())
        listed = under.get("instruments")
        stated["instrument"] = listed.get("ACME") if isinstance(listed, dict) else None
        cases.append((place, stated, under))
    assert still_allowed(bench, cases) == {}
