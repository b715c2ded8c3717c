"""What the entries say: soundly signed and hashed logs that tell what cannot have happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from signing.envelope import seal
from signing.verify import Report, verify_log
from support.logs import (
    HOUR_US,
    START_US,
    LogBuilder,
    Payload,
    cancel,
    document,
    exit_only,
    halt,
    resume,
    seeded,
    settlement,
    status,
)

Act = Callable[[LogBuilder], object]


def exiting(log: LogBuilder, number: int, wall_us: int = START_US, **order: object) -> int:
    """A decision that allows an order which only reduces, unless its fields say otherwise."""
    stated = document(number)
    stated["order"] |= {"side": "sell", "strategy_id": "s", "reduce_only": True, **order}
    stated |= {"projected": {"reduces": True}, "time": {"wall_us": wall_us}}
    digest = log.publish_document(canonical.encode(stated))
    return log.decide(number, input_digest=digest)


EXITS_AT_ITS_END = exit_only(until_us=START_US)
FOR_ANOTHER = exit_only(scope={"kind": "symbol", "name": "MSFT"})
FOR_THE_STRATEGY = exit_only(scope={"kind": "strategy", "name": "s"})


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    return log


def verified(log: LogBuilder) -> Report:
    log.publish()
    return verify_log(log.directory, log.vkey)


def refused(log: LogBuilder, step: int, index: int | None = None) -> str:
    """The log fails in this step alone, at its last entry (or the one given); its reason."""
    report = verified(log)
    assert [one.number for one in report.steps if not one.ok] == [step], report.steps
    assert report.first_bad_index == (log.tree.size - 1 if index is None else index)
    return report.steps[step - 1].detail


# --- Signatures and certificates ------------------------------------------------------------------


def test_the_genesis_pins_this_origin_and_log_key(tmp_path: Path) -> None:
    for number, change in enumerate(
        (
            {"origin": "writ.example/other"},
            {"log_key": seeded(9).public.hex},
            {"identity_key": seeded(9).public.hex},
            {"identity_key": "01" + "00" * 31},
            {"identity_key": seeded(1).public.hex},
        )
    ):
        log = LogBuilder(tmp_path / str(number))
        log.add("genesis", {**log.genesis(), **change}, log.identity)
        log.publish()
        report = verify_log(log.directory, log.vkey)
        assert [one.number for one in report.steps if not one.ok] == [4], change
        assert report.first_bad_index == 0


def test_the_genesis_is_signed_by_the_identity_key(tmp_path: Path) -> None:
    log = LogBuilder(tmp_path / "log")
    log.add("genesis", log.genesis(), log.log_signer)
    refused(log, 4)


def test_a_log_begins_with_its_genesis(tmp_path: Path) -> None:
    log = LogBuilder(tmp_path / "log")
    log.add("mode", {"mode": "SIMULATION", "by": "x"})
    report = verified(log)
    assert {4, 5} <= {one.number for one in report.steps if not one.ok}
    assert report.first_bad_index == 0


def test_there_is_one_genesis(log: LogBuilder) -> None:
    log.add("genesis", log.genesis(), log.identity)
    assert "second" in refused(log, 4)


@pytest.mark.parametrize("signer", ["decider", "log_signer"])
def test_only_the_identity_key_certifies(log: LogBuilder, signer: str) -> None:
    log.add("certificate", log.certificate(seeded(4).public), getattr(log, signer))
    assert "identity" in refused(log, 5)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_only_certified_keys_sign(log: LogBuilder, number: int) -> None:
    """Neither the log key, nor the identity key, nor a stranger's signs an entry."""
    log.add("mode", {"mode": "SIMULATION", "by": "x"}, seeded(number))
    assert "no certificate" in refused(log, 5)


def test_a_certificate_comes_before_what_its_key_signs(log: LogBuilder) -> None:
    log.add("mode", {"mode": "SIMULATION", "by": "x"}, seeded(4))
    log.add("certificate", log.certificate(seeded(4).public), log.identity)
    log.add("mode", {"mode": "SIMULATION", "by": "x"}, seeded(4))
    refused(log, 5, log.tree.size - 3)


@pytest.mark.parametrize(
    ("not_before_us", "not_after_us", "sound"),
    [(0, 1, True), (1, 2, False), (-2, -1, False), (-1, 0, True), (-5, 5, True)],
)
def test_a_certificate_is_judged_as_of_the_entrys_time(
    log: LogBuilder, not_before_us: int, not_after_us: int, sound: bool
) -> None:
    at_us = START_US + HOUR_US
    payload = {
        "decision_key": seeded(4).public.hex,
        "not_before_us": at_us + not_before_us,
        "not_after_us": at_us + not_after_us,
    }
    log.add("certificate", payload, log.identity)
    log.add("mode", {"mode": "SIMULATION", "by": "x", "at_us": at_us}, seeded(4))
    if sound:
        assert verified(log).ok
    else:
        assert "not certified at its time" in refused(log, 5)


def test_an_expired_key_proves_what_it_signed_before(log: LogBuilder) -> None:
    """A log stays verifiable for ever: nothing is judged as of today."""
    log.at_us += 23 * HOUR_US
    log.add("certificate", log.certificate(seeded(4).public), log.identity)
    log.at_us += 2 * HOUR_US
    log.add("mode", {"mode": "SIMULATION", "by": "x"}, seeded(4))
    assert verified(log).ok
    log.add("mode", {"mode": "SIMULATION", "by": "x"})
    refused(log, 5)


def test_a_key_may_be_certified_again(log: LogBuilder) -> None:
    log.at_us += 25 * HOUR_US
    log.add("certificate", log.certificate(log.decider.public), log.identity)
    log.add("mode", {"mode": "SIMULATION", "by": "x"})
    assert verified(log).ok


@pytest.mark.parametrize(
    "key", [seeded(1).public.hex, seeded(2).public.hex, "01" + "00" * 31, "ff" * 32]
)
def test_keys_that_cannot_be_certified(log: LogBuilder, key: str) -> None:
    """The log key and the identity key have another purpose; the others are no keys at all."""
    log.add("certificate", {**log.certificate(seeded(4).public), "decision_key": key}, log.identity)
    assert "certified key" in refused(log, 5)


@pytest.mark.parametrize("entry", [b"", b"{}", b"x", b"\xff" * 40])
def test_an_entry_that_is_no_envelope(log: LogBuilder, entry: bytes) -> None:
    log.add_bytes(entry)
    refused(log, 5)


# --- Records and time -----------------------------------------------------------------------------


def test_time_never_goes_back(log: LogBuilder) -> None:
    log.add("mode", {"mode": "SIMULATION", "by": "x", "at_us": log.at_us})
    assert verified(log).ok, "entries of one batch may share their time"
    log.add("mode", {"mode": "SIMULATION", "by": "x", "at_us": START_US + 5_000})
    refused(log, 6)


def test_a_record_of_an_unknown_kind(log: LogBuilder) -> None:
    log.add("wish", {"text": "x"})
    refused(log, 6)


def test_a_record_with_a_field_too_many(log: LogBuilder) -> None:
    log.decide(1, name="Alice")
    assert "name: is not a field" in refused(log, 6)


def test_a_payload_that_is_not_canonical(log: LogBuilder) -> None:
    sealed = seal("mode", {"at_us": 1, "by": "x", "mode": "LIVE"}, log.decider)
    log.add_bytes(sealed + b" ")
    refused(log, 5)


# --- The story ------------------------------------------------------------------------------------


def twice(number: int, **changes: str) -> Act:
    return lambda log: (
        log.decide(number),
        log.decide(number + 1, allow=True, **changes),
    )


IMPOSSIBLE: dict[str, Act] = {
    "a submission without a decision": lambda log: log.submit(1),
    "a submission of a denial": lambda log: (log.decide(1, allow=False), log.submit(1)),
    "a submission before its allow": lambda log: (log.submit(1), log.decide(1)),
    "an execution without a decision": lambda log: log.execute(1, 10),
    "an execution of a denial": lambda log: (log.decide(1, allow=False), log.execute(1, 10)),
    "a decision spent twice": lambda log: (log.decide(1), log.submit(1), log.submit(1, "unknown")),
    "a submission after its settlement": lambda log: (
        log.decide(1),
        log.add("settlement", settlement(1, "adopted")),
        log.submit(1),
    ),
    "an order sent again after it was refused": lambda log: (
        log.decide(1),
        log.submit(1, "refused"),
        log.submit(1),
    ),
    "a submission of another decision": lambda log: (
        log.decide(1),
        log.decide(2),
        log.submit(1, decision_id="d2"),
    ),
    "a submission under another broker id": lambda log: (
        log.decide(1),
        log.submit(1, broker_client_id="W-9"),
    ),
    "a research order sent": lambda log: (
        log.decide(1, mode="RESEARCH", label="research"),
        log.submit(1),
    ),
    "a research order filled": lambda log: (
        log.decide(1, mode="RESEARCH", label="research"),
        log.execute(1, 10),
    ),
    "an order decided twice": lambda log: (log.decide(1), log.decide(1, decision_id="d9")),
    "a decision id used twice": twice(1, decision_id="d1"),
    "a broker id used twice": twice(1, broker_client_id="W-1"),
    "a client id used twice": twice(1, client_order_id="c1"),
    "a release that was never accepted": lambda log: log.decide(1, release_digest="cd" * 32),
    "an execution entered twice": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 10),
        log.execute(1, 10),
    ),
    "more filled than ordered": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 60),
        log.execute(1, 41, 2),
    ),
    "an execution of another share": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 10, symbol="MSFT"),
    ),
    "an execution of the other side": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 10, side="sell"),
    ),
    "an execution at another scale": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 10, qty_decimals=8),
    ),
    "an execution in another account": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 10, account="other"),
    ),
    "a filled order cancelled": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 100),
        log.add("status", status(1, "CANCELED")),
    ),
    "a status of an order never decided": lambda log: log.add("status", status(1, "FILLED")),
    "a cancel of an order never decided": lambda log: log.add("cancel", cancel(1)),
    "a settlement of an order never decided": lambda log: log.add(
        "settlement", settlement(1, "voided")
    ),
    "an order seen working declared never sent": lambda log: (
        log.decide(1),
        log.submit(1),
        log.add("settlement", settlement(1, "voided")),
    ),
    "an allow during a halt": lambda log: (log.add("halt", halt(1)), log.decide(1)),
    "an allow while one of two halts stands": lambda log: (
        log.add("halt", halt(1)),
        log.add("halt", halt(2)),
        log.add("resume", resume(1)),
        log.decide(1),
    ),
    "an exit during a halt": lambda log: (log.add("halt", halt(1)), exiting(log, 1)),
    "an exit after its state was closed": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", exit_only()),
        log.add("exit-only", exit_only(opened=False)),
        exiting(log, 1),
    ),
    "an exit at its state's end": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", EXITS_AT_ITS_END),
        exiting(log, 1),
    ),
    "an exit beside its state": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", FOR_ANOTHER),
        exiting(log, 1),
    ),
    "an order that is no exit in an exit-only state": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", exit_only()),
        exiting(log, 1, reduce_only=False),
    ),
    "any order during a halt that lets exits through": lambda log: (
        log.add("halt", halt(1, reduce_allowed=True)),
        log.decide(1),
    ),
    "an exit during two halts of which one lets it through": lambda log: (
        log.add("halt", halt(1, reduce_allowed=True)),
        log.add("halt", halt(2)),
        exiting(log, 1),
    ),
    "a state closed that is not open": lambda log: log.add("exit-only", exit_only(opened=False)),
    "a short sale executed as a purchase": lambda log: (
        exiting(log, 1, side="sell_short"),
        log.submit(1),
        log.execute(1, 100),
    ),
    "a halt declared twice": lambda log: (log.add("halt", halt(1)), log.add("halt", halt(1))),
    "a resume without a halt": lambda log: log.add("resume", resume(1)),
    "a halt resumed twice": lambda log: (
        log.add("halt", halt(1)),
        log.add("resume", resume(1)),
        log.add("resume", resume(1)),
    ),
}


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_stories(log: LogBuilder, name: str) -> None:
    before = log.tree.size
    IMPOSSIBLE[name](log)
    index = before if name == "a submission before its allow" else log.tree.size - 1
    refused(log, 7, index)


POSSIBLE: dict[str, Act] = {
    "an order in doubt, found working": lambda log: (
        log.decide(1),
        log.submit(1, "unknown"),
        log.add("settlement", settlement(1, "adopted")),
        log.execute(1, 100),
    ),
    "an order in doubt, never sent": lambda log: (
        log.decide(1),
        log.add("settlement", settlement(1, "voided")),
    ),
    "a fill reported before the broker's answer": lambda log: (
        log.decide(1),
        log.execute(1, 10),
        log.submit(1),
        log.execute(1, 90, 2),
    ),
    "the last fill after the cancel": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 40),
        log.add("cancel", cancel(1)),
        log.add("status", status(1, "CANCELED")),
        log.execute(1, 60, 2),
    ),
    "fills while a cancel is pending, then refused": lambda log: (
        log.decide(1),
        log.submit(1),
        log.add("cancel", cancel(1)),
        log.execute(1, 40),
        log.add("status", status(1, "PARTIALLY_FILLED")),
        log.execute(1, 60, 2),
    ),
    "a cancel that comes too late": lambda log: (
        log.decide(1),
        log.submit(1),
        log.execute(1, 100),
        log.add("cancel", cancel(1)),
    ),
    "the same execution id at two orders": lambda log: (
        log.decide(1),
        log.decide(2),
        log.execute(1, 10),
        log.execute(2, 10),
    ),
    "orders without a client id": lambda log: (
        log.decide(1, client_order_id="none"),
        log.decide(2, client_order_id="none"),
    ),
    "the same client id of two principals": twice(1, client_order_id="c1", principal="other"),
    "a denial during a halt": lambda log: (
        log.add("halt", halt(1)),
        log.decide(1, allow=False),
        log.add("resume", resume(1)),
        log.decide(2),
    ),
    "an allow while one account is halted": lambda log: (
        log.add("halt", halt(1, scope={"kind": "account", "name": "other"})),
        log.decide(1),
    ),
    "an allow while reducing is allowed": lambda log: (
        log.add("halt", halt(1, reduce_allowed=True)),
        exiting(log, 1),
    ),
    "an exit in an exit-only state": lambda log: (
        log.add("halt", halt(1)),
        log.add("halt", halt(2, reduce_allowed=True)),
        log.add("exit-only", exit_only()),
        exiting(log, 1),
    ),
    "an exit before its state's end": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", EXITS_AT_ITS_END),
        exiting(log, 1, START_US - 1),
    ),
    "an exit of the strategy that may": lambda log: (
        log.add("halt", halt(1)),
        log.add("exit-only", FOR_THE_STRATEGY),
        exiting(log, 1),
    ),
    "a short sale executed as a sale": lambda log: (
        exiting(log, 1, side="sell_short"),
        log.submit(1),
        log.execute(1, 100, side="sell"),
    ),
    "a research order that stays where it is": lambda log: (
        log.decide(1, mode="RESEARCH", label="research"),
        log.add("cancel", cancel(1)),
    ),
    "an order cancelled before it was sent": lambda log: (
        log.decide(1),
        log.add("cancel", cancel(1)),
        log.submit(1, "refused", code="canceled"),
    ),
}


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("name", POSSIBLE)
def test_possible_stories(log: LogBuilder, name: str) -> None:
    POSSIBLE[name](log)
    report = verified(log)
    assert report.ok, report.steps


def test_without_its_document_an_orders_quantity_is_not_known(log: LogBuilder) -> None:
    index = log.decide(1)
    log.submit(1)
    log.execute(1, 60)
    log.execute(1, 60, 2)
    assert "exceed" in refused(log, 7)
    digest = canonical.digest(canonical.encode(document(1)))
    (log.directory / "blobs" / digest).unlink()
    report = verify_log(log.directory, log.vkey)
    assert report.ok, (index, report.steps)


# --- Documents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"ids": {"decision_id": "d2", "order_id": "o1"}},
        {"ids": {"decision_id": "d1", "order_id": "o2"}},
        {"order": {"account": "other", "qty": 1}},
        {"order": 1},
    ],
)
def test_a_document_of_another_order(log: LogBuilder, change: Payload) -> None:
    body = canonical.encode({**document(1), **change})
    log.decide(1, input_digest=log.publish_document(body))
    refused(log, 8)


@pytest.mark.parametrize("body", [b"[]", b'{"a": 1}', b"", b"x" * (2**20 + 1)])
def test_a_document_that_is_none(log: LogBuilder, body: bytes) -> None:
    log.decide(1, input_digest=log.publish_document(body))
    refused(log, 8)


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("hidden", [True, False], ids=["not said", "said of nobody"])
def test_a_replacement_that_only_decision_or_document_tells_of(
    log: LogBuilder, hidden: bool
) -> None:
    log.decide(1)
    payload = log.decision(2, replaces="o1") if hidden else log.decision(2)
    changed = {name: value for name, value in payload.items() if name != "replaces"}
    log.add("decision", changed if hidden else payload | {"replaces": "o1"})
    assert "its document names another order to replace" in refused(log, 7)


def test_an_order_without_a_quantity(log: LogBuilder) -> None:
    ticket: dict[str, Any] = {**document(1)["order"], "qty": "100"}
    body = canonical.encode({**document(1), "order": ticket})
    log.decide(1, input_digest=log.publish_document(body))
    log.submit(1)
    log.execute(1, 10)
    assert "no quantity" in refused(log, 7)
