"""The model section: whose word counts, with which age, and what is left out."""

from __future__ import annotations

import pytest

from gateway.domain.fact import MODEL_FACTS, Fact, FactValue, Reading
from gateway.facts.model import higher_volatility_e4, model_facts
from gateway.facts.pushed import PushedFacts
from gateway.market.closes import Series
from gateway.market.health import HistoricalHealth, stated_regime
from support.facts import NOON_US

FIELDS = {field for field, _ in MODEL_FACTS.values()}
HEALTH = HistoricalHealth(Series(("2015-08-24",), (NOON_US,), (200_000,)))


def push(store: PushedFacts, name: str, value: FactValue, at_us: int = NOON_US) -> None:
    store.put(Fact(name, value, at_us, 1_000, "monitor", "desk", None), at_us)


def test_nobody_says_anything_and_nothing_is_known() -> None:
    assert model_facts(None, None, NOON_US) == {}
    assert model_facts(PushedFacts(), None, NOON_US) == {}


def test_the_stated_model_of_a_historical_feed_says_everything_with_its_age() -> None:
    facts = model_facts(PushedFacts(), HEALTH, NOON_US + 1_500)
    assert set(facts) == FIELDS
    assert {fact["age_ms"] for fact in facts.values()} == {2}
    assert {fact["source"] for fact in facts.values()} == {"historical"}
    assert facts["volatility_e4"]["value"] == 200_000
    assert facts["regime"]["value"] == "NORMAL"
    assert facts["data_integrity"]["value"] is True
    assert facts["protocol_firing"]["value"] is True


def test_before_its_first_value_the_stated_model_says_nothing() -> None:
    assert model_facts(None, HEALTH, NOON_US - 1) == {}
    assert HEALTH.reading("model.temper", NOON_US) is None


@pytest.mark.parametrize(
    ("index_e4", "regime"),
    [
        (1, "CALM"),
        (149_999, "CALM"),
        (150_000, "NORMAL"),
        (249_999, "NORMAL"),
        (250_000, "STRESSED"),
        (399_999, "STRESSED"),
        (400_000, "CRISIS"),
        (900_000, "CRISIS"),
    ],
)
def test_the_bands_of_the_stated_regime(index_e4: int, regime: str) -> None:
    assert stated_regime(index_e4).value == regime


@pytest.mark.requirement("S1-09")
def test_a_pushed_fact_wins_and_a_source_that_falls_silent_is_not_replaced() -> None:
    store = PushedFacts()
    push(store, "model.drift", 9_000)
    fresh = model_facts(store, HEALTH, NOON_US + 1_000_000)
    assert fresh["drift_e4"] == {"value": 9_000, "age_ms": 1_000, "source": "monitor"}
    assert fresh["entropy_e4"]["source"] == "historical"
    late = model_facts(store, HEALTH, NOON_US + 1_000_001)
    assert set(late) == FIELDS - {"drift_e4"}


def test_a_reading_from_the_future_is_left_out() -> None:
    class Ahead:
        def reading(self, name: str, at_us: int) -> Reading | None:
            return Reading(1, at_us + 1, "ahead")

    assert model_facts(None, Ahead(), NOON_US) == {}


@pytest.mark.requirement("S2-03")
@pytest.mark.parametrize(
    ("index_e4", "pushed_e4", "judged_e4"),
    [
        (200_000, None, 200_000),
        (200_000, 500_000, 500_000),
        (500_000, 200_000, 500_000),
        (None, 500_000, 500_000),
        (None, None, None),
    ],
)
def test_halts_are_judged_by_the_higher_volatility(
    index_e4: int | None, pushed_e4: int | None, judged_e4: int | None
) -> None:
    store = PushedFacts()
    if pushed_e4 is not None:
        push(store, "model.volatility", pushed_e4)
    assert higher_volatility_e4(index_e4, store, NOON_US) == judged_e4
    assert higher_volatility_e4(index_e4, None, NOON_US) == index_e4
    assert higher_volatility_e4(index_e4, store, NOON_US + 1_000_001) == index_e4
