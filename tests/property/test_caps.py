"""A cap only ever tightens: what it lets through was let through without it, on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from gateway.domain.decision import Verdict
from gateway.facts.caps import caps_facts
from signing.overlay import CAPPABLE
from support import policy_cases
from support.policy_cases import (
    LIMIT,
    Bench,
    Data,
    Document,
    data,
    document,
    failing,
    put,
    stop_limit_document,
)

FACTS = {
    "day_turnover_max_micros": ("projected", "day_turnover_micros"),
    "gross_exposure_max_micros": ("projected", "gross_exposure_micros"),
    "leverage_max_bps": ("projected", "leverage_bps"),
    "margin_debit_max_micros": ("projected", "margin_debit_micros"),
    "order_notional_max_micros": ("order", "notional_micros"),
    "position_notional_max_micros": ("projected", "position_notional_micros"),
    "positions_max_count": ("projected", "positions_count"),
    "short_notional_max_micros": ("projected", "short_notional_micros"),
}
"""Limit that can be capped -> the fact that it bounds."""

NUMBERS = st.sampled_from([0, 1, 999, LIMIT, 1_001, 2**53 - 1])
TABLES = st.dictionaries(st.sampled_from(sorted(CAPPABLE)), NUMBERS, max_size=4)
CAPS = st.dictionaries(st.sampled_from(sorted(CAPPABLE)), NUMBERS, max_size=8)
CASES = st.fixed_dictionaries(
    {
        "sale": st.booleans(),
        "exit": st.tuples(st.booleans(), st.booleans()),
        "facts": st.dictionaries(st.sampled_from(sorted(CAPPABLE)), NUMBERS, max_size=3),
        "limits": st.fixed_dictionaries(
            {"global": TABLES, "accounts": TABLES, "symbols": TABLES, "strategies": TABLES}
        ),
    }
)


PLAIN: dict[str, Any] = {
    "sale": False,
    "exit": (False, False),
    "facts": {},
    "limits": {"global": {}, "accounts": {}, "symbols": {}, "strategies": {}},
}
"""An order within every signed limit."""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with policy_cases.bench() as made:
        yield made


def decided(bench: Bench, case: dict[str, Any], caps: dict[str, int]) -> Verdict:
    """The verdict on a case under caps."""
    base: Document = stop_limit_document() if case["sale"] else document()
    base["order"] |= {"strategy_id": "momentum", "reduce_only": case["exit"][0]}
    base["projected"]["reduces"] = case["exit"][1]
    for name, value in case["facts"].items():
        base = put(base, FACTS[name], value)
    under: Data = data()
    tables = case["limits"]
    under["limits"]["global"] |= tables["global"]
    under["limits"]["accounts"] = {base["order"]["account"]: tables["accounts"]}
    under["limits"]["symbols"] = {"ACME": tables["symbols"]}
    under["limits"]["strategies"] = {"momentum": tables["strategies"]}
    [answer] = bench.under(under).decide([base | {"caps": caps_facts(caps)}])
    assert isinstance(answer, Verdict)
    return answer


@pytest.mark.requirement("S0-02")
@pytest.mark.requirement("S2-02")
@profile(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CASES, CAPS)
def test_a_cap_never_turns_a_denial_into_an_allow(
    bench: Bench, case: dict[str, Any], caps: dict[str, int]
) -> None:
    free, capped = decided(bench, case, {}), decided(bench, case, caps)
    assert not (capped.allow and not free.allow)
    assert failing(free) <= failing(capped)
    assert capped.required == free.required
    for name, value in free.door.items():
        assert capped.door[name] == value  # no cap reaches what is compared at the door


@pytest.mark.requirement("S0-02")
@pytest.mark.parametrize("name", CAPPABLE)
@pytest.mark.parametrize("cap", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1])
def test_a_cap_below_the_signed_limit_is_the_sole_reason(bench: Bench, name: str, cap: int) -> None:
    answer = decided(bench, PLAIN, {name: cap})
    assert answer.allow is (cap >= LIMIT)
    assert [(r.observed, r.limit, r.source) for r in answer.reasons] == (
        [] if cap >= LIMIT else [(LIMIT, cap, "caps")]
    )


@pytest.mark.requirement("S0-13")
@pytest.mark.requirement("S0-14")
@pytest.mark.parametrize("name", ["short_notional_max_micros", "margin_debit_max_micros"])
def test_what_is_blocked_may_still_be_none(bench: Bench, name: str) -> None:
    case = PLAIN | {"facts": {name: 0}}
    assert decided(bench, case, {name: 0}).allow
    assert not decided(bench, case | {"facts": {name: 1}}, {name: 0}).allow
