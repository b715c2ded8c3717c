"""The kept past of pushed quotes against the whole of it: never more is known, and little less."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.fact import Fact, Prices
from gateway.facts.pushed import PushedFacts
from gateway.facts.trail import KEPT_MAX, STEP_US
from support.facts import NOON_US

PUSHES = st.lists(
    st.tuples(st.integers(1, 30_000), st.integers(1, 40_000)), min_size=1, max_size=KEPT_MAX
)
"""Milliseconds since the push before it, and for how many each holds."""


@given(PUSHES, st.integers(0, 1_200_000))
def test_what_is_told_of_the_past_is_what_stood_then_to_within_a_step(
    pushes: list[tuple[int, int]], back_ms: int
) -> None:
    store, at_us = PushedFacts(), NOON_US
    stood: list[tuple[int, int]] = []
    for pause_ms, ttl_ms in pushes:
        at_us += pause_ms * 1_000
        prices = Prices(1, at_us, at_us)
        store.put(Fact("quote.AAPL", prices, at_us, ttl_ms, "desk", "desk", None), at_us)
        stood.append((at_us, at_us + ttl_ms * 1_000))
    asked_us = at_us - back_ms * 1_000
    newest = max((one for one in stood if one[0] <= asked_us), default=None)
    reading = store.reading("quote.AAPL", asked_us)
    if newest is None or asked_us > newest[1]:
        assert reading is None
    else:
        assert reading is not None
        assert newest[0] - STEP_US < reading.at_us <= newest[0]
        assert reading.value == Prices(1, reading.at_us, reading.at_us)
