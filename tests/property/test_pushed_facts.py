"""Pushed facts against the plainest of models: a list of all that was taken, newest last."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import WritError
from gateway.domain.fact import MODEL_FACTS, Fact, FactValue, Prices, Reading, Withdrawal
from gateway.facts.model import model_facts
from gateway.facts.pushed import SKEW_MAX_US, PushedFacts, Standing
from gateway.market.pushed import PushedQuotes
from support.facts import NOON_US

NAMES = ("model.drift", "model.entropy", "quote.AAPL")

pushes = st.builds(
    lambda name, value, ago, ttl_ms, who, sequence, step: (
        (name, value, ago, ttl_ms, who, sequence),
        step,
    ),
    st.sampled_from(NAMES),
    st.integers(1, 5),
    st.integers(-2 * SKEW_MAX_US, 3_000_000),
    st.integers(1, 2_500),
    st.sampled_from(("one", "two")),
    st.none() | st.integers(0, 4),
    st.integers(0, 1_500_000),
)


@given(st.lists(pushes, max_size=40))
def test_what_stands_is_the_newest_that_was_taken_and_never_old_or_of_the_future(
    given_pushes: list[tuple[tuple[str, int, int, int, str, int | None], int]],
) -> None:
    store, now_us = PushedFacts(), NOON_US
    taken: dict[str, list[tuple[Standing, int]]] = {name: [] for name in NAMES}
    for (name, value, ago, ttl_ms, who, sequence), step in given_pushes:
        now_us += step
        sent: FactValue = Prices(value, value + 1, value) if name.startswith("quote") else value
        fact = Fact(name, sent, now_us - ago, ttl_ms, who, who, sequence)
        before = {known: store.reading(known, now_us) for known in NAMES}
        try:
            standing = store.put(fact, now_us)
        except WritError:
            assert {known: store.reading(known, now_us) for known in NAMES} == before
        else:
            taken[name].append((standing, now_us))
            reading = store.reading(name, now_us)
            assert reading is not None
            assert reading.value == sent
        for known in NAMES:
            reading = store.reading(known, now_us)
            if reading is None:
                assert not taken[known] or not taken[known][-1][0].stands(now_us)
                continue
            newest = taken[known][-1][0]
            assert reading == Reading(newest.fact.value, newest.since_us, newest.fact.source)
            assert reading.at_us <= now_us <= reading.at_us + newest.fact.ttl_ms * 1000
        instants = [one.fact.at_us for one, _ in taken[name]]
        assert instants == sorted(instants)
        _one_source_at_a_time(taken[name])
        _documents_tell_the_same(store, now_us)


def _one_source_at_a_time(taken: list[tuple[Standing, int]]) -> None:
    for (before, _), (after, when_us) in pairwise(taken):
        if before.fact.source != after.fact.source:
            assert not before.stands(when_us)


def _documents_tell_the_same(store: PushedFacts, now_us: int) -> None:
    """What a document and a feed make of it is neither older than it says nor invented."""
    facts = model_facts(store, None, now_us)
    for name, (field, _) in MODEL_FACTS.items():
        reading = store.reading(name, now_us)
        assert (field in facts) is (reading is not None)
        if reading is not None:
            told = facts[field]
            assert (told["value"], told["source"]) == (reading.value, reading.source)
            assert 0 <= told["age_ms"] * 1000 - (now_us - reading.at_us) < 1000
    quote = PushedQuotes(store, {"AAPL": 8}.get).quote("AAPL", now_us)
    assert (quote is not None) is (store.reading("quote.AAPL", now_us) is not None)
    if quote is not None:
        assert 0 < quote.bid <= quote.ask
        assert quote.at_us <= now_us


withdrawals = st.tuples(st.sampled_from(NAMES), st.integers(0, 500_000), st.sampled_from("ab"))


@given(st.lists(st.one_of(st.tuples(pushes), withdrawals), max_size=40))
def test_what_was_withdrawn_comes_back_only_through_a_newer_fact(
    steps: list[
        tuple[tuple[tuple[str, int, int, int, str, int | None], int]] | tuple[str, int, str]
    ],
) -> None:
    store, now_us, ended = PushedFacts(), NOON_US, dict[str, int]()
    for step in steps:
        try:
            if len(step) == 1:
                (name, value, ago, ttl_ms, who, sequence), later = step[0]
                now_us += later
                sent: FactValue = Prices(value, value, value) if "quote" in name else value
                fact = Fact(name, sent, now_us - ago, ttl_ms, who, who, sequence)
                store.put(fact, now_us)
                assert fact.at_us > ended.get(name, 0)
            else:
                name, ago, who = step
                who = {"a": "one", "b": "two"}[who]
                store.withdraw(Withdrawal(name, now_us - ago, who, who), now_us)
                ended[name] = max(ended.get(name, 0), now_us - ago)
                assert store.reading(name, now_us) is None
        except WritError:
            continue
        _documents_tell_the_same(store, now_us)
