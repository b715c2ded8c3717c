"""The steps in every order over every combination of gates: exactly one way opens LIVE."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from gateway.control.live.evidence import Evidence
from gateway.control.live.gates import NAMES, Gate, all_hold, judge
from gateway.control.live.ladder import (
    ACKNOWLEDGEMENT,
    CONFIGURATION,
    STEPS,
    Progress,
    after_step,
    check_step,
    still,
)
from gateway.domain.errors import RefusedError
from support.live import ADMIN, BREAKS, NOW_US, PERMISSION, in_order, live_permission

VERSION = PERMISSION.manifest.acknowledgement.version
SAID = {CONFIGURATION: PERMISSION.digest, ACKNOWLEDGEMENT: VERSION}


@dataclass(frozen=True)
class Way:
    """How somebody may try to get to LIVE: the steps taken, and what happens after them."""

    steps: tuple[str, ...]
    restarts: bool = False


WAYS = [
    *(Way(steps) for count in range(6) for steps in itertools.permutations(STEPS, count)),
    Way(STEPS, restarts=True),
]
"""Every sequence of different steps; none at all is a change of the mode alone."""


def climbed(steps: Sequence[str], gates: Sequence[Gate]) -> bool:
    """Whether every step was taken, none refused."""
    progress = Progress()
    for step in steps:
        try:
            check_step(progress, step, SAID.get(step, ""), gates, PERMISSION)
        except RefusedError:
            return False
        progress = after_step(progress, step, PERMISSION.digest, ADMIN, NOW_US)
    return progress.next is None


def opens(way: Way, found: Evidence, gates: Sequence[Gate]) -> bool:
    """Whether LIVE is open at the end of a way; without all steps nobody confirms."""
    if not climbed(way.steps, gates):
        return False
    after = replace(found, instance="inst_2") if way.restarts else found
    return all_hold(judge(after))


@pytest.mark.requirement("S1-02")
@pytest.mark.requirement("S1-15")
@pytest.mark.requirement("S2-01")
@pytest.mark.attack
def test_of_all_gates_and_all_ways_exactly_one_row_opens() -> None:
    tried, opened = 0, list[tuple[frozenset[str], Way]]()
    for bits in itertools.product((True, False), repeat=len(NAMES)):
        broken = frozenset(name for name, holds in zip(NAMES, bits, strict=True) if not holds)
        found = in_order()
        for name in broken:
            found = BREAKS[name](found)
        gates = judge(found)
        assert {gate.name for gate in gates if not gate.holds} == broken
        for way in WAYS:
            tried += 1
            if opens(way, found, gates):
                opened.append((broken, way))
    assert opened == [(frozenset(), Way(STEPS))]
    print(f"gates x ways to open LIVE: {tried} tried, {len(opened)} opened")  # noqa: T201  a figure


@pytest.mark.requirement("S1-15")
def test_the_steps_are_taken_in_their_order_alone() -> None:
    gates = judge(in_order())
    taken = [steps for steps in itertools.permutations(STEPS) if climbed(steps, gates)]
    assert taken == [STEPS]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "confirmation"])
def test_a_gate_that_fails_stops_its_step_and_the_last_one(name: str) -> None:
    gates = judge(BREAKS[name](in_order()))
    done = Progress()
    codes = dict[str, str]()
    for step in STEPS:
        try:
            check_step(done, step, SAID.get(step, ""), gates, PERMISSION)
        except RefusedError as error:
            codes[step] = error.code
        done = after_step(done, step, PERMISSION.digest, ADMIN, NOW_US)
    assert set(codes.values()) == {f"live-gate-{name}"}
    assert "enable" in codes
    assert len(codes) == 2


@pytest.mark.parametrize("name", NAMES)
def test_what_no_longer_holds_takes_every_step_back(name: str) -> None:
    progress = Progress()
    for count, step in enumerate(STEPS, 1):
        progress = after_step(progress, step, PERMISSION.digest, ADMIN, NOW_US)
        assert still(progress, judge(in_order()), PERMISSION) == progress
        left = still(progress, judge(BREAKS[name](in_order())), PERMISSION)
        assert left in (progress, Progress())
        if count == len(STEPS) and name != "confirmation":
            assert left == Progress()
        assert still(progress, judge(in_order()), live_permission(epoch=2)) == Progress()
        assert still(progress, judge(in_order()), None) == Progress()


def test_another_digest_and_another_version_are_refused() -> None:
    gates = judge(in_order())
    for said in ("", "0" * 64, PERMISSION.digest.upper(), PERMISSION.digest[:-1]):
        with pytest.raises(RefusedError) as refused:
            check_step(Progress(), CONFIGURATION, said, gates, PERMISSION)
        assert refused.value.code == "live-manifest-other"
    begun = after_step(Progress(), CONFIGURATION, PERMISSION.digest, ADMIN, NOW_US)
    for said in ("", VERSION + " ", "2026-02"):
        with pytest.raises(RefusedError) as refused:
            check_step(begun, ACKNOWLEDGEMENT, said, gates, PERMISSION)
        assert refused.value.code == "live-acknowledgement-other"
