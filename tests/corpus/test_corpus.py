"""What the corpus is: large, mixed, the same each time, and at every edge of every control."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jsonschema_rs
import pytest

from gateway.domain.decision import Verdict
from gateway.policy.catalogue import CATALOGUE
from gateway.policy.release import shipped_directory
from signing import canonical
from support.boundaries import ABSENT, BELOW, BEYOND, SIDES, ZERO, corpus
from support.corpus import BLOCKED_DOWN_TO_ZERO, BOUNDED, Case, data, limits_of, under_of
from support.policy_cases import SOURCE, Bench, at, failing, raw

CONTROLS = {
    row["control"]: row
    for row in json.loads((shipped_directory() / CATALOGUE).read_bytes())["controls"]
}
ONE_SIDED = {"OMEGA-2": {BELOW}}  # a halt stands or it does not
GUARDED_TWICE = {
    # What is missing or of another type here, no well-formed document has.
    "OMEGA-2": {ZERO, ABSENT},
    "OMEGA-4": {ZERO, ABSENT},
    "LIV-01": {ZERO, ABSENT},
    "MAN-01": {ZERO, ABSENT},
    "MAN-02": {ZERO, ABSENT},
    "MAN-03": {ZERO, ABSENT},
    # Without any entry an account is permitted neither its principals nor its classes.
    "PRM-01": {ABSENT},
    "PRM-02": {ABSENT},
    # No lots are no order at all; permissions, rates and floors go by the instrument too.
    "INS-01": {ZERO, ABSENT},
    # A quote has an age and a spread, or there is none.
    "MKT-01": {ABSENT},
    "MKT-02": {ABSENT},
    # What an order of nothing or of unknown worth is worth, ORD-01 asks too.
    "ORD-06": {ZERO, ABSENT},
    "SHT-04": {ZERO},
    # Nothing short is what is proven, and without the fact SHT-01 cannot be proven either.
    "SHT-02": {ZERO, ABSENT},
    # What is missing or of another type here, no well-formed document has.
    "SHT-03": {ABSENT},
    "RPL-01": {ZERO},
    # Nothing in doubt is what is proven.
    "UNK-01": {ZERO},
    # Zero is no regime and no word, and the age limit at zero stops all that models say at once.
    "MOD-02": {ZERO},
    "MOD-05": {ZERO},
    "MOD-06": {ZERO},
}


OF_HALTS = {"reconciliation_drift_max_bps", "rejections_in_a_row_max_count"}
"""Limits that no control of orders reads: the second query alone (``test_halts``)."""


def uncovered(controls: Iterable[str], cases: Iterable[Case]) -> dict[str, set[str]]:
    """The edges that the cases lack, by control.

    Each side must be there; one of beyond and below, zero, and absent must be failures of the
    control alone (zero and absent of it and `well formed`, where both guard the same part).
    """
    seen = {control: set[str]() for control in controls}
    alone = {control: set[str]() for control in controls}
    for case in cases:
        if case.control in seen and case.failing is not None:
            seen[case.control].add(case.side)
            if case.failing == {case.control}:
                alone[case.control].add(case.side)
    lacking: dict[str, set[str]] = {}
    for control, sides in seen.items():
        wanted = set(SIDES) - ONE_SIDED.get(control, set())
        must = {ZERO, ABSENT} - GUARDED_TWICE.get(control, set())
        missing = (wanted - sides) | {f"{side} alone" for side in must - alone[control]}
        if not alone[control] & {BEYOND, BELOW}:
            missing.add("one off alone")
        if missing:
            lacking[control] = missing
    return lacking


def test_it_is_large_and_a_third_of_it_is_allowed(
    cases: list[Case], documents: list[bytes], module_says: list[bytes]
) -> None:
    allowed = sum(json.loads(answer).get("allow", False) for answer in module_says)
    assert len(cases) >= len(documents) >= 2_000
    assert allowed >= len(documents) * 30 // 100
    assert len(documents) - allowed >= 1_000
    assert len(set(documents)) >= 2_000


@pytest.mark.requirement("S0-15")
@pytest.mark.requirement("S1-07")
def test_what_fails_is_what_was_written_down(cases: list[Case], bench: Bench) -> None:
    known = [case for case in cases if case.failing is not None]
    assert len(known) > 2_000
    answers = bench.decide_under([(case.document, under_of(case)) for case in known])
    wrong: list[tuple[Case, set[str]]] = []
    for case, answer in zip(known, answers, strict=True):
        assert isinstance(answer, Verdict), case
        if failing(answer) != case.failing:
            wrong.append((case, failing(answer)))
    assert wrong == []


@pytest.mark.requirement("S0-15")
@pytest.mark.requirement("S2-02")
def test_every_control_has_every_edge(cases: list[Case]) -> None:
    assert uncovered(CONTROLS, cases) == {}
    assert {case.control for case in cases if case.control} == set(CONTROLS)


def test_a_control_without_its_edges_would_be_noticed(cases: list[Case]) -> None:
    assert set(uncovered([*CONTROLS, "NEW-01"], cases)) == {"NEW-01"}
    for control in CONTROLS:
        assert set(uncovered(CONTROLS, [c for c in cases if c.control != control])) == {control}
        for side in (ABSENT, ZERO):
            fewer = [c for c in cases if (c.control, c.side) != (control, side)]
            assert set(uncovered(CONTROLS, fewer)) == {control}


@pytest.mark.requirement("S0-15")
@pytest.mark.parametrize("control", sorted(BOUNDED))
def test_an_edge_is_exactly_at_the_limit_and_exactly_one_beyond(
    cases: list[Case], control: str
) -> None:
    place, limit = BOUNDED[control]
    found: set[tuple[int, bool]] = set()
    for case in cases:
        if case.control == control and case.point in {place[1], limit} and case.side != ABSENT:
            distance = at(case.document, place) - limits_of(case).get(limit, 0)
            if abs(distance) <= 1:
                found.add((distance, case.failing == frozenset()))
    assert {(-1, True), (0, True), (1, False)} <= found
    assert (1, True) not in found
    # Nothing under a limit of nothing is a distance of zero too, and no proof.
    others = (
        set[tuple[int, bool]]()
        if control in BLOCKED_DOWN_TO_ZERO | {"ORD-01", "ORD-02"} or place[0] == "activity"
        else {(0, False)}
    )
    assert found - {(-1, True), (0, True), (1, False)} == others


@pytest.mark.requirement("S2-02")
def test_every_limit_of_a_control_is_zero_once_and_absent_once_and_alone(
    cases: list[Case],
) -> None:
    owners: dict[str, set[str]] = {}
    for control, row in CONTROLS.items():
        for limit in row["limits"]:
            owners.setdefault(limit, set()).add(control)
    # A limit that no control of orders reads would be one that nobody is held to.
    assert set(data()["limits"]["global"]) == set(owners) | OF_HALTS
    # What several controls read stops them all, and nothing else.
    expected = {limit: {frozenset(controls)} for limit, controls in owners.items()}
    for value in (0, None):
        found: dict[str, set[frozenset[str]]] = {}
        for case in cases:
            if case.limits and case.limits[0][1] == value and case.failing:
                found.setdefault(case.limits[0][0], set()).add(case.failing)
        assert found == expected


def test_allowed_orders_are_of_every_kind(cases: list[Case]) -> None:
    allowed = [case.document for case in cases if case.failing == frozenset() and not case.moved]
    properties = json.loads((SOURCE / "schemas" / "document.json").read_bytes())["properties"]
    for section, name in (
        ("order", "side"), ("order", "type"), ("order", "time_in_force"), ("control", "mode"),
        ("instrument", "class"),
    ):  # fmt: skip
        counts = Counter(document[section][name] for document in allowed)
        assert set(counts) == set(properties[section]["properties"][name]["enum"])
        assert min(counts.values()) >= 20
    assert {document["order"]["symbol"] for document in allowed} == set(data()["instruments"])


def test_what_is_allowed_is_canonical_and_fits_the_schema(cases: list[Case]) -> None:
    schema = json.loads((SOURCE / "schemas" / "document.json").read_bytes())
    fits = jsonschema_rs.validator_for(schema)
    allowed = [case.document for case in cases if case.failing == frozenset()]
    assert allowed
    assert [document for document in allowed if not fits.is_valid(document)] == []
    assert [document for document in allowed if raw(document) != canonical.encode(document)] == []


SAME = """
import hashlib
from support.boundaries import corpus
from support.policy_cases import raw
print(hashlib.sha256(b"\\n".join(raw(case.document) for case in corpus())).hexdigest())
"""


def test_it_is_the_same_each_time() -> None:
    tests = Path(__file__).resolve().parents[1]
    digests = set[str]()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests.parent}:{tests}"}
        done = subprocess.run(
            [sys.executable, "-c", SAME],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert [raw(case.document) for case in corpus()] == [raw(case.document) for case in corpus()]
