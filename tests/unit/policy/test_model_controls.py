"""What models say: old, without an age, or not what it must be; in the module and in opa."""

import pytest

from support.both_ways import MODEL, both, sole
from support.policy_cases import LIMIT, Bench, data, document, drop, put

MODEL_ROWS = {
    "MOD-01": ("S1-14", "S2-03"),
    "MOD-02": ("S1-14",),
    "MOD-03": ("S1-09", "S1-14"),
    "MOD-04": ("S1-09", "S1-14"),
    "MOD-05": ("S1-10",),
    "MOD-06": ("S1-11",),
}

model_facts = pytest.mark.parametrize(
    ("name", "control"),
    [
        pytest.param(
            name, control, marks=[pytest.mark.requirement(row) for row in MODEL_ROWS[control]]
        )
        for name, control in MODEL.items()
    ],
)


@model_facts
@pytest.mark.parametrize("age_ms", [LIMIT + 1, 2**53 - 1])
def test_an_old_word_of_a_model_is_the_sole_failure(
    bench: Bench, name: str, control: str, age_ms: int
) -> None:
    base = put(document(), ("model", name, "age_ms"), age_ms)
    assert both(bench, base, data()) == {control}
    [reason] = sole(bench, base, data()).reasons
    if name in ("regime", "data_integrity", "protocol_firing"):
        assert (reason.observed, reason.limit) == (age_ms, LIMIT)


@pytest.mark.requirement("S1-09")
@pytest.mark.parametrize("value", [0, "missing"])
def test_without_an_age_that_counts_no_model_is_believed(bench: Bench, value: int | str) -> None:
    place = ("limits", "global", "model_age_max_ms")
    under = drop(data(), place) if value == "missing" else put(data(), place, value)
    fresh = document()
    for reading in fresh["model"].values():
        reading["age_ms"] = 0
    assert both(bench, fresh, under) == set(MODEL.values())


@pytest.mark.parametrize(
    ("name", "value", "also"),
    [
        pytest.param("data_integrity", False, set(), marks=pytest.mark.requirement("S1-10")),
        pytest.param("protocol_firing", False, set(), marks=pytest.mark.requirement("S1-11")),
        pytest.param("data_integrity", "true", {"INP-01"}, marks=pytest.mark.requirement("S1-10")),
        pytest.param("protocol_firing", 1, {"INP-01"}, marks=pytest.mark.requirement("S1-11")),
        pytest.param(
            "regime", "PANIC", {"INP-01", "REG-01"}, marks=pytest.mark.requirement("S1-14")
        ),
    ],
)
def test_a_mismatch_is_the_sole_failure(
    bench: Bench, name: str, value: object, also: set[str]
) -> None:
    base = put(document(), ("model", name, "value"), value)
    assert both(bench, base, data()) == {MODEL[name]} | also


@pytest.mark.requirement("S2-03")
def test_an_index_of_zero_is_a_broken_feed(bench: Bench) -> None:
    base = put(document(), ("model", "volatility_e4", "value"), 0)
    assert both(bench, base, data()) == {"MOD-01"}
