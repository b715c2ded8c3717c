"""Each gate of LIVE: what it takes, every way in which it fails, and that none is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.control.live.evidence import EngineLook, Evidence
from gateway.control.live.gates import (
    ENGINE_LOOK_MAX_NS,
    NAMES,
    VALIDATION_MAX_NS,
    all_hold,
    judge,
)
from gateway.domain.mode import Mode
from support.live import (
    BREAKS,
    CONFIRMATION,
    NOW_NS,
    NOW_US,
    PERMISSION,
    ROUTE,
    answered,
    in_order,
    live_permission,
)
from support.manifests import FROM_US

pytestmark = pytest.mark.requirement("S1-02")
Change = Callable[[Evidence], Evidence]


def failing(found: Evidence) -> set[str]:
    """The gates that do not hold; each of them says what is missing and what to do."""
    gates = judge(found)
    for gate in gates:
        assert gate.holds or (gate.missing and gate.remedy)
        assert not (gate.holds and gate.missing)
    return {gate.name for gate in gates if not gate.holds}


def test_with_everything_in_order_every_gate_holds() -> None:
    gates = judge(in_order())
    assert failing(in_order()) == set()
    assert all_hold(gates)
    assert tuple(gate.name for gate in gates) == NAMES == tuple(BREAKS)


@pytest.mark.parametrize("name", BREAKS)
def test_a_gate_can_fail_alone(name: str) -> None:
    found = BREAKS[name](in_order())
    assert failing(found) == {name}
    assert not all_hold(judge(found))


def test_a_gate_that_is_left_out_or_given_twice_is_not_all() -> None:
    gates = judge(in_order())
    for shown in (gates[1:], gates[:-1], (), (*gates, gates[0]), tuple(reversed(gates))):
        assert not all_hold(shown)


MORE: dict[str, tuple[str, Change]] = {
    "not yet valid": ("manifest", lambda e: replace(e, wall_us=FROM_US - 1)),
    "for PAPER": ("manifest", lambda e: replace(e, permission=replace(PERMISSION, manifest=replace(
        PERMISSION.manifest, mode="PAPER")))),
    "other limits": ("release", lambda e: replace(e, limits_digest="0" * 64)),
    "no route": ("venue", lambda e: replace(e, routes={})),
    "another host": ("venue", lambda e: _route(e, hosts=("api.example.com:8443",))),
    "one host more": ("venue", lambda e: _route(e, hosts=(*ROUTE.hosts, "b.example.com:443"))),
    "no host": ("venue", lambda e: _route(e, hosts=())),
    "another account": ("venue", lambda e: _route(e, broker_account="A9999")),
    "another broker": ("venue", lambda e: _route(e, broker="null")),
    "in simulation": ("venue", lambda e: _route(e, mode=Mode.SIMULATION)),
    "number of another": ("credentials", lambda e: answered(e, broker_account="A9999")),
    "may move money": ("credentials", lambda e: answered(e, trade_only=False)),
    "clock behind": ("clock", lambda e: answered(e, skew_ms=-2_001)),
    "clock unknown": ("clock", lambda e: answered(e, skew_ms=None)),
    "engine cannot": ("risk-engine", lambda e: replace(e, engine=EngineLook("gone", NOW_NS))),
    "engine not asked": ("risk-engine", lambda e: replace(e, engine=None)),
    "engine asked long ago": ("risk-engine", lambda e: replace(e, engine=EngineLook(
        None, NOW_NS - ENGINE_LOOK_MAX_NS - 1))),
    "a fact is old": ("risk-engine", lambda e: replace(e, stale_facts=("model.drift",))),
    "never killed": ("risk-engine", lambda e: replace(e, exercised=None)),
    "another process": ("confirmation", lambda e: replace(e, instance="inst_2")),
    "another manifest": ("confirmation", lambda e: replace(e, confirmation=replace(
        CONFIRMATION, manifest_digest="0" * 64))),
}  # fmt: skip


def _route(found: Evidence, **changes: object) -> Evidence:
    return replace(found, routes={"primary": replace(ROUTE, **changes)})  # pyright: ignore[reportArgumentType]  fields by name


@pytest.mark.parametrize("case", MORE)
def test_each_way_in_which_a_gate_fails(case: str) -> None:
    name, change = MORE[case]
    assert failing(change(in_order())) == {name}


def test_what_a_broker_said_counts_for_a_day() -> None:
    assert failing(in_order(monotonic_ns=NOW_NS + VALIDATION_MAX_NS, engine=EngineLook(
        None, NOW_NS + VALIDATION_MAX_NS))) == set()  # fmt: skip
    later = NOW_NS + VALIDATION_MAX_NS + 1
    found = in_order(monotonic_ns=later, engine=EngineLook(None, later))
    assert failing(found) == {"credentials", "clock"}


def test_a_broker_that_does_not_tell_what_a_key_may_do_is_taken() -> None:
    assert failing(answered(in_order(), trade_only=None)) == set()


def test_without_a_manifest_nothing_that_rests_on_it_holds() -> None:
    assert failing(in_order(permission=None)) == {
        *("manifest", "release", "venue", "credentials", "clock", "confirmation")
    }


def test_a_confirmation_of_the_manifest_before_is_none_of_the_next() -> None:
    found = in_order(permission=live_permission(epoch=2), wall_us=NOW_US)
    assert failing(found) == {"confirmation"}


@pytest.mark.attack
@pytest.mark.requirement("S3-14")
def test_the_environment_toggle_alone_opens_nothing() -> None:
    """Everything is broken save the one gate; the same for the passkey alone."""
    for alone in ("enabled", "confirmation"):
        found = in_order()
        for name, change in BREAKS.items():
            found = found if name == alone else change(found)
        assert not all_hold(judge(found))
        assert failing(found) == set(NAMES) - {alone}


def test_no_text_of_a_gate_names_a_host() -> None:
    for found in (in_order(), *(change(in_order()) for change in BREAKS.values())):
        assert "example.com" not in str(judge(found))
