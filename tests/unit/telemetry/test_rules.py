"""Which alerts stand, by what was seen: the seeds' three rules, and all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.telemetry.alerts import CLEAR_AFTER_MS, STANDING_MAX, Alerts
from gateway.telemetry.rules import Alert, Seen, Severity, StandingHalt, due
from gateway.telemetry.signs import EVENT_STANDS_NS, LATE_STANDS_NS, Event, Signs

pytestmark = [pytest.mark.requirement("S3-13")]

S_NS = 1_000_000_000
QUIET = Seen(halts=(), unknown_ms=None, ledger=None, unpublished=None, clock=None)


class Watched:
    """Signs, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_ns = S_NS
        self.signs = Signs(lambda: self.now_ns, ["alpaca"])

    def after(self, seconds: int) -> None:
        self.now_ns += seconds * S_NS

    def due(self, seen: Seen = QUIET) -> dict[str, Severity]:
        return {alert.key: alert.severity for alert in due(self.signs, seen)}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nothing_is_due_while_nothing_happens(watched: Watched) -> None:
    assert watched.due() == {}


@pytest.mark.requirement("S3-17")
@pytest.mark.parametrize("outcome", ["failed", "unreachable", "unreadable"])
def test_a_broker_that_fails_for_more_than_three_minutes_is_critical(
    watched: Watched, outcome: str
) -> None:
    watched.signs.requested("alpaca", outcome)
    watched.after(180)
    watched.signs.requested("alpaca", outcome)
    assert watched.due() == {}
    watched.after(1)
    watched.signs.requested("alpaca", outcome)
    assert watched.due() == {"broker:alpaca": Severity.CRITICAL}
    watched.signs.requested("alpaca", "ok")
    assert watched.due() == {}


@pytest.mark.parametrize("answer", ["ok", "limited"])
def test_one_good_answer_begins_the_three_minutes_anew(watched: Watched, answer: str) -> None:
    for _ in range(10):
        watched.signs.requested("alpaca", "failed")
        watched.after(100)
        watched.signs.requested("alpaca", answer)
    assert watched.due() == {}


def test_one_failure_and_no_question_since_is_no_proof_of_three_minutes(watched: Watched) -> None:
    watched.signs.requested("alpaca", "failed")
    watched.after(3_600)
    assert watched.due() == {}


def test_more_than_three_rejections_for_want_of_money_are_high(watched: Watched) -> None:
    for _ in range(3):
        watched.signs.answered("primary", without_funds=True)
    assert watched.due() == {}
    watched.signs.answered("other", without_funds=True)
    watched.signs.answered("primary", without_funds=True)
    assert watched.due() == {"funds:primary": Severity.HIGH}
    watched.signs.answered("primary", without_funds=False)
    assert watched.due() == {}


@pytest.mark.requirement("S3-18")
def test_market_data_that_was_late_in_the_last_minute_is_medium(watched: Watched) -> None:
    watched.signs.late(501)
    assert watched.due() == {"market-latency": Severity.MEDIUM}
    watched.now_ns += LATE_STANDS_NS + 1
    assert watched.due() == {}


@pytest.mark.parametrize(
    ("halt", "severity"),
    [
        (StandingHalt("OMEGA2_MANUAL", "everything", cancels=True), Severity.CRITICAL),
        (StandingHalt("BROKER_DOWN", "account primary", cancels=False), Severity.CRITICAL),
        (StandingHalt("INSUFFICIENT_FUNDS", "account primary", cancels=False), Severity.HIGH),
    ],
)
def test_a_halt_is_told_by_how_much_it_stops(
    watched: Watched, halt: StandingHalt, severity: Severity
) -> None:
    found = watched.due(replace(QUIET, halts=[halt]))
    assert found == {f"halt:{halt.cause}:{halt.scope}": severity}


def test_of_two_halts_of_one_cause_and_scope_the_more_severe_is_told(watched: Watched) -> None:
    weak = StandingHalt("OMEGA2_DRIFT", "account primary", cancels=False)
    strong = replace(weak, cancels=True)
    found = watched.due(replace(QUIET, halts=[weak, strong, weak]))
    assert found == {"halt:OMEGA2_DRIFT:account primary": Severity.CRITICAL}


@pytest.mark.parametrize(
    ("changes", "key", "severity"),
    [
        ({"ledger": "full"}, "ledger", Severity.CRITICAL),
        ({"unpublished": "no room"}, "publication", Severity.MEDIUM),
        ({"clock": "our clock is off"}, "clock", Severity.CRITICAL),
        ({"unknown_ms": 30_001}, "unknown", Severity.HIGH),
        ({"without_quotes": 1}, "feeds", Severity.MEDIUM),
        ({"dead_channels": ["chat"]}, "channel:chat", Severity.HIGH),
    ],
)
def test_what_stands_is_told(
    watched: Watched, changes: dict[str, object], key: str, severity: Severity
) -> None:
    assert watched.due(replace(QUIET, **changes)) == {key: severity}  # type: ignore[arg-type]  each change is of a type of its own


def test_an_unknown_outcome_is_first_asked_for_and_then_told(watched: Watched) -> None:
    assert watched.signs.unknown([]) is None
    assert watched.signs.unknown(["ord_1"]) == 0
    watched.after(31)
    age_ms = watched.signs.unknown(["ord_1", "ord_2"])
    assert watched.due(replace(QUIET, unknown_ms=age_ms)) == {"unknown": Severity.HIGH}
    assert watched.signs.unknown(["ord_2"]) == 0


def test_state_drift_stands_until_a_reconciliation_agrees(watched: Watched) -> None:
    watched.signs.reconciled("primary", "drifted")
    for outcome in ("failed", "unsettled"):
        watched.signs.reconciled("primary", outcome)
        assert watched.due() == {"drift:primary": Severity.CRITICAL}
    watched.signs.reconciled("primary", "agreed")
    assert watched.due() == {}


def test_what_merely_happened_is_told_until_nothing_new_comes(watched: Watched) -> None:
    anomaly = Event("anomaly", "primary", "OVERFILL")
    watched.signs.happened(anomaly)
    watched.signs.happened(Event("external", "primary", "none"))
    wanted = {"anomaly:primary:OVERFILL": Severity.HIGH, "external:primary:none": Severity.HIGH}
    assert watched.due() == wanted
    watched.now_ns += EVENT_STANDS_NS
    watched.signs.happened(anomaly)
    watched.after(1)
    assert watched.due() == {"anomaly:primary:OVERFILL": Severity.HIGH}


def alert(key: str, severity: Severity = Severity.HIGH) -> Alert:
    return Alert(key, severity, key, key)


def test_an_alert_that_comes_and_goes_is_one(watched: Watched) -> None:
    alerts = Alerts(lambda: watched.now_ns, lambda: watched.now_ns // 1_000)
    alerts.look([alert("a")])
    [first] = alerts.standing()
    for _ in range(5):
        watched.after(CLEAR_AFTER_MS // 1_000)
        alerts.look([])
        assert len(alerts.standing()) == 1
        alerts.look([alert("a")])
    [later] = alerts.standing()
    assert later.since_us == first.since_us
    watched.after(CLEAR_AFTER_MS // 1_000 + 1)
    alerts.look([])
    assert alerts.standing() == []


def test_however_many_stand_the_most_severe_are_kept(watched: Watched) -> None:
    alerts = Alerts(lambda: watched.now_ns, lambda: 0)
    many = [alert(f"medium {n}", Severity.MEDIUM) for n in range(2 * STANDING_MAX)]
    alerts.look([*many, alert("the one", Severity.CRITICAL)])
    kept = [held.alert.key for held in alerts.standing()]
    assert len(kept) == STANDING_MAX
    assert {"overflow", "the one"} <= set(kept)
