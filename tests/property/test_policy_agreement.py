"""The module, opa itself and plain arithmetic agree on documents that nobody thought of."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.decision import Verdict
from gateway.policy import decode
from signing import canonical
from support import corpus, policy_cases
from support.boundaries import NEVER_ZERO
from support.policy_cases import Bench, at, data, document, failing, opa_decides, paths, put

# The counted quantity must fit the order's own; tests/corpus pushes it lot by lot.
BOUNDED = {control: fact for control, fact in corpus.BOUNDED.items() if control != "ORD-02"}
LARGE = 2**53 - 1

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with policy_cases.bench() as made:
        yield made


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """An allowed document with up to three parts replaced by anything at all."""
    changed = document()
    for place in draw(st.lists(st.sampled_from(list(paths(document()))), max_size=3)):
        value = draw(json_values)
        if place == corpus.INDEX and isinstance(value, float):
            continue  # no canonical JSON, and known to differ: see tests/corpus
        try:
            changed = put(changed, place, value)
        except (KeyError, TypeError):
            continue  # an earlier change took the section away
    return changed


def odd(case: object) -> bool:
    """Whether the gateway could never have made it: it is no canonical JSON."""
    try:
        canonical.encode(case)
    except canonical.CanonicalError:
        return True
    return False


@settings(max_examples=12)
@given(st.lists(damaged() | json_values, min_size=1, max_size=40))
def test_module_and_opa_agree(bench: Bench, documents: list[object]) -> None:
    answers = bench.under(data()).decide(documents)
    for case, answer in zip(documents, answers, strict=True):
        # A whole number with a point is no canonical JSON: named as a figure, it is no answer.
        assert isinstance(answer, Verdict) or (answer == decode.ENGINE_MALFORMED and odd(case))
    assert opa_decides([(case, data()) for case in documents]) == answers


amounts = st.integers(0, 3) | st.integers(0, LARGE)


@pytest.mark.requirement("S0-15")
@settings(max_examples=150)
@given(st.data())
def test_what_fails_is_what_arithmetic_says(bench: Bench, draws: st.DataObject) -> None:
    base, under = document(), data()
    under["limits"]["global"]["compliance_notional_max_micros"] = LARGE  # of the value drawn below
    expected: set[str] = set()
    for control, (place, limit) in BOUNDED.items():
        observed = draws.draw(amounts)
        maximum = draws.draw(st.sampled_from([observed, observed + 1, observed - 1]) | amounts)
        maximum = max(0, min(maximum, LARGE))
        base = put(base, place, observed)
        under["limits"]["global"][limit] = maximum
        within = 0 < maximum >= observed
        if control in corpus.BLOCKED_DOWN_TO_ZERO:
            within = within or observed == 0
        counted = place[0] == "activity"  # the order itself is in every count
        if control in NEVER_ZERO or counted:
            within = within and observed > 0
        if not within:
            expected.add(control)
        if counted and observed == 0:
            expected.add("INP-01")
    (answer,) = bench.under(under).decide([base])
    assert isinstance(answer, Verdict)
    assert failing(answer) == expected
    assert {reason.control for reason in answer.reasons} == expected
    for reason in answer.reasons:
        if reason.control == "INP-01":
            assert (reason.observed, reason.limit) == (None, None)
            continue
        place, limit = BOUNDED[reason.control]
        assert (reason.observed, reason.limit) == (
            at(base, place),
            under["limits"]["global"][limit],
        )
