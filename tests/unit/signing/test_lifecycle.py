"""The transition table, and what each entry does to an order."""

import pytest

from signing.lifecycle import (
    BROKER_STATES,
    OPEN,
    TERMINAL,
    TRANSITIONS,
    LifecycleError,
    State,
    allowed,
    state_after,
)
from support.logs import cancel, decision_payload, execution, settlement, status, submission

S = State


def test_the_table_names_every_state() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(State) == OPEN | TERMINAL
    assert not OPEN & TERMINAL


def test_no_state_leads_to_itself_or_back_to_its_beginning() -> None:
    for state, targets in TRANSITIONS.items():
        assert state not in targets
        assert S.CREATED not in targets


def test_a_terminal_state_can_only_receive_its_last_fill() -> None:
    for state in TERMINAL:
        assert TRANSITIONS[state] <= {S.FILLED}
    for state in (S.FILLED, S.DENIED, S.REJECTED, S.FATAL_ERROR):
        assert not TRANSITIONS[state]


def test_fatal_error_means_that_nothing_was_sent() -> None:
    sources = {state for state in State if allowed(state, S.FATAL_ERROR)}
    assert sources == {S.CREATED, S.UNKNOWN}
    assert {state for state in State if allowed(state, S.DENIED)} == {S.CREATED}


def test_unknown_leads_to_everything_that_can_be_proven() -> None:
    assert TRANSITIONS[S.UNKNOWN] == set(State) - {S.CREATED, S.DENIED, S.UNKNOWN}


@pytest.mark.parametrize(
    ("frm", "to"),
    [
        (S.CANCELED, S.FILLED),
        (S.EXPIRED, S.FILLED),
        (S.PENDING_CANCEL, S.PARTIALLY_FILLED),
        (S.PENDING_REPLACE, S.FILLED),
        (S.PENDING_CANCEL, S.ACKNOWLEDGED),
        (S.SUBMITTED, S.FILLED),
        (S.ACKNOWLEDGED, S.REJECTED),
        (S.CREATED, S.DENIED),
    ],
)
def test_transitions_that_people_miss(frm: State, to: State) -> None:
    assert allowed(frm, to)


@pytest.mark.parametrize(
    ("frm", "to"),
    [
        (S.FILLED, S.CANCELED),
        (S.DENIED, S.ACKNOWLEDGED),
        (S.REJECTED, S.FILLED),
        (S.PARTIALLY_FILLED, S.REJECTED),
        (S.FATAL_ERROR, S.UNKNOWN),
        (S.CANCELED, S.UNKNOWN),
        (S.ACKNOWLEDGED, S.SUBMITTED),
        (S.ACKNOWLEDGED, S.FATAL_ERROR),
    ],
)
def test_transitions_that_cannot_be(frm: State, to: State) -> None:
    assert not allowed(frm, to)


@pytest.mark.requirement("S3-05")
def test_a_decision_begins_an_order() -> None:
    assert state_after(None, "decision", decision_payload(1)) is S.CREATED
    assert state_after(None, "decision", decision_payload(1, allow=False)) is S.DENIED
    for state in State:
        with pytest.raises(LifecycleError):
            state_after(state, "decision", decision_payload(1))


@pytest.mark.parametrize("kind", ["submission", "execution", "status", "cancel", "settlement"])
def test_nothing_happens_to_an_order_that_was_never_decided(kind: str) -> None:
    with pytest.raises(LifecycleError, match=r"never decided"):
        state_after(None, kind, {})


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("current", sorted(State))
def test_only_what_a_broker_works_is_replaced_and_once_at_a_time(current: State) -> None:
    if current in {S.ACKNOWLEDGED, S.PARTIALLY_FILLED}:
        assert state_after(current, "replace", {}) is S.PENDING_REPLACE
        return
    with pytest.raises(LifecycleError):
        state_after(current, "replace", {})


@pytest.mark.requirement("S3-05")
@pytest.mark.parametrize("current", sorted(State))
def test_a_corrected_trade_ends_no_order_and_begins_none(current: State) -> None:
    if current in {S.DENIED, S.REJECTED, S.FATAL_ERROR}:
        with pytest.raises(LifecycleError):
            state_after(current, "trade-correction", {"cum_qty": 1})
        return
    assert state_after(current, "trade-correction", {"cum_qty": 1}) is current
    nothing_left = S.ACKNOWLEDGED if current is S.PARTIALLY_FILLED else current
    assert state_after(current, "trade-correction", {"cum_qty": 0}) is nothing_left


def test_a_status_takes_no_fill_back() -> None:
    with pytest.raises(LifecycleError):
        state_after(S.PARTIALLY_FILLED, "status", status(1, "ACKNOWLEDGED"))


@pytest.mark.requirement("W-07")
@pytest.mark.parametrize("current", sorted(set(State) - {S.FILLED}))
def test_only_executions_make_an_order_filled(current: State) -> None:
    with pytest.raises(LifecycleError):
        state_after(current, "settlement", settlement(1, "filled"))


def test_other_kinds_are_not_about_orders() -> None:
    with pytest.raises(LifecycleError):
        state_after(S.CREATED, "halt", {})


@pytest.mark.parametrize(
    ("outcome", "current", "after"),
    [
        ("accepted", S.CREATED, S.ACKNOWLEDGED),
        ("accepted", S.SUBMITTED, S.ACKNOWLEDGED),
        ("accepted", S.UNKNOWN, S.ACKNOWLEDGED),
        ("accepted", S.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        ("accepted", S.FILLED, S.FILLED),
        ("accepted", S.CANCELED, S.CANCELED),
        ("rejected", S.CREATED, S.REJECTED),
        ("unknown", S.CREATED, S.UNKNOWN),
        ("unknown", S.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        ("refused", S.CREATED, S.DENIED),
    ],
)
def test_submission(outcome: str, current: State, after: State) -> None:
    assert state_after(current, "submission", submission(1, outcome)) is after


@pytest.mark.parametrize(
    ("outcome", "current"),
    [
        ("accepted", S.DENIED),
        ("accepted", S.REJECTED),
        ("accepted", S.FATAL_ERROR),
        ("rejected", S.FILLED),
        ("rejected", S.REJECTED),
        ("refused", S.ACKNOWLEDGED),
        ("refused", S.DENIED),
        ("unknown", S.UNKNOWN),
    ],
)
def test_submissions_that_contradict(outcome: str, current: State) -> None:
    with pytest.raises(LifecycleError):
        state_after(current, "submission", submission(1, outcome))


@pytest.mark.requirement("W-07")
@pytest.mark.parametrize(
    ("outcome", "current", "after"),
    [
        ("voided", S.CREATED, S.FATAL_ERROR),
        ("voided", S.UNKNOWN, S.FATAL_ERROR),
        ("absent", S.UNKNOWN, S.CANCELED),
        ("absent", S.CREATED, S.CANCELED),
        ("filled", S.FILLED, S.FILLED),
        ("canceled", S.UNKNOWN, S.CANCELED),
        ("canceled", S.PARTIALLY_FILLED, S.CANCELED),
        ("canceled", S.FILLED, S.FILLED),
        ("canceled", S.REJECTED, S.REJECTED),
        ("adopted", S.UNKNOWN, S.ACKNOWLEDGED),
        ("adopted", S.CREATED, S.ACKNOWLEDGED),
        ("adopted", S.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        ("rejected", S.UNKNOWN, S.REJECTED),
    ],
)
def test_settlement(outcome: str, current: State, after: State) -> None:
    assert state_after(current, "settlement", settlement(1, outcome)) is after


@pytest.mark.requirement("W-07")
@pytest.mark.parametrize("outcome", ["voided", "absent"])
@pytest.mark.parametrize("current", sorted(set(State) - {S.CREATED, S.UNKNOWN}))
def test_an_order_that_was_seen_cannot_be_declared_never_sent(outcome: str, current: State) -> None:
    with pytest.raises(LifecycleError):
        state_after(current, "settlement", settlement(1, outcome))


@pytest.mark.parametrize("current", sorted(OPEN))
def test_a_full_fill_ends_every_open_order(current: State) -> None:
    assert state_after(current, "execution", execution(1, 100), leaves=0) is S.FILLED


@pytest.mark.parametrize(
    ("current", "after"),
    [
        (S.CREATED, S.PARTIALLY_FILLED),
        (S.SUBMITTED, S.PARTIALLY_FILLED),
        (S.ACKNOWLEDGED, S.PARTIALLY_FILLED),
        (S.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        (S.UNKNOWN, S.PARTIALLY_FILLED),
        (S.PENDING_CANCEL, S.PENDING_CANCEL),
        (S.PENDING_REPLACE, S.PENDING_REPLACE),
        (S.CANCELED, S.CANCELED),
        (S.EXPIRED, S.EXPIRED),
        (S.REPLACED, S.REPLACED),
        (S.FILLED, S.FILLED),
    ],
)
@pytest.mark.parametrize("leaves", [1, None])
def test_a_partial_fill(current: State, after: State, leaves: int | None) -> None:
    assert state_after(current, "execution", execution(1, 1), leaves=leaves) is after


@pytest.mark.parametrize("current", [S.DENIED, S.REJECTED, S.FATAL_ERROR])
def test_what_no_broker_has_cannot_fill(current: State) -> None:
    for leaves in (0, 1, None):
        with pytest.raises(LifecycleError):
            state_after(current, "execution", execution(1, 1), leaves=leaves)


@pytest.mark.parametrize("current", sorted(State))
def test_nothing_fills_beyond_its_quantity(current: State) -> None:
    with pytest.raises(LifecycleError):
        state_after(current, "execution", execution(1, 1), leaves=-1)


@pytest.mark.parametrize("current", sorted(State))
@pytest.mark.parametrize("target", sorted(BROKER_STATES))
def test_a_status_follows_the_table(current: State, target: State) -> None:
    payload = status(1, target)
    taken_back = (current, target) == (S.PARTIALLY_FILLED, S.ACKNOWLEDGED)  # by a bust alone
    if target is current or (allowed(current, target) and not taken_back):
        assert state_after(current, "status", payload) is target
    else:
        with pytest.raises(LifecycleError):
            state_after(current, "status", payload)


@pytest.mark.parametrize("current", sorted(State))
def test_asking_for_a_cancel_is_always_possible(current: State) -> None:
    sent = {S.SUBMITTED, S.ACKNOWLEDGED, S.PARTIALLY_FILLED, S.PENDING_REPLACE, S.PENDING_CANCEL}
    after = state_after(current, "cancel", cancel(1))
    assert after is (S.PENDING_CANCEL if current in sent else current)
