"""Which keys may sign a log: rotation, revocation, and what a thief of one key makes of it."""

from pathlib import Path

import pytest

from signing.envelope import seal
from signing.keys import Ed25519Signer
from signing.merkle import leaf_hash
from signing.verify import Report, Tenure, verify_log
from support.logs import HOUR_US, START_US, LogBuilder, identity, seeded

LOG_KEY, IDENTITY, DECIDER, NEXT_IDENTITY, NEXT_DECIDER = (seeded(n) for n in (1, 2, 3, 5, 6))
MODE = {"mode": "SIMULATION", "by": "alice"}

pytestmark = pytest.mark.requirement("W-01")


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    return log


def verified(log: LogBuilder) -> Report:
    log.publish()
    return verify_log(log.directory, log.vkey)


def refused(log: LogBuilder, step: int = 5, index: int | None = None) -> str:
    """The log fails in this step alone, at its last entry (or the one given); its reason."""
    report = verified(log)
    assert [one.number for one in report.steps if not one.ok] == [step], report.steps
    assert report.first_bad_index == (log.tree.size - 1 if index is None else index)
    return report.steps[step - 1].detail


def shown(tenure: Tenure) -> tuple[object, ...]:
    return (tenure.role, tenure.key, tenure.by, tenure.ending, tenure.ended_index)


@pytest.mark.parametrize("revoked", [False, True])
def test_the_identity_key_is_replaced_and_the_log_goes_on(
    log: LogBuilder, *, revoked: bool
) -> None:
    index = log.rotate(5, revoked=revoked, certified=NEXT_DECIDER)
    log.add("mode", MODE)
    report = verified(log)
    assert report.ok, report.steps
    ending = "revoked" if revoked else "rotated"
    old, new, nobody = IDENTITY.public.hex, NEXT_IDENTITY.public.hex, "none"
    assert [shown(one) for one in report.keys] == [
        ("identity", old, nobody, ending, index),
        ("decision", DECIDER.public.hex, old, ending, index),
        ("identity", new, nobody if revoked else old, "stands", None),
        ("decision", NEXT_DECIDER.public.hex, new, "stands", None),
    ]
    assert {one.reason for one in report.keys} == {"", "a year is over"}
    assert {one.ended_by for one in report.keys} == {"", "alice"}
    assert ("identity keys revoked: 1" in report.steps[4].detail) is revoked


def test_the_history_tells_from_when_to_when(log: LogBuilder) -> None:
    log.at_us += HOUR_US
    log.rotate(5)
    first, decider, second, again = verified(log).keys
    ended_us = START_US + HOUR_US + 7_000  # the seventh entry of a log with one each millisecond
    assert (first.first_index, first.first_us, first.last_us) == (0, START_US + 1_000, ended_us)
    assert (decider.first_us, decider.last_us) == (START_US + 2_000, ended_us)
    assert (second.first_us, second.last_us) == (ended_us, None)
    # The decision key was certified again, for a day from just before the entry.
    assert (again.key, again.first_us - ended_us) == (decider.key, 1_000)
    assert again.last_us == ended_us + 24 * HOUR_US


def test_a_key_that_was_replaced_twice(log: LogBuilder) -> None:
    log.rotate(5)
    log.rotate(7, revoked=True)
    log.add("mode", MODE)
    report = verified(log)
    assert report.ok, report.steps
    assert [one.ending for one in report.keys if one.role == "identity"] == [
        "rotated",
        "revoked",
        "stands",
    ]


def test_until_the_new_identity_key_has_certified_one_no_key_signs(log: LogBuilder) -> None:
    index = log.add("identity", identity(NEXT_IDENTITY.public.hex), IDENTITY)
    log.add("mode", MODE)
    assert refused(log).endswith(f"its key was ended by entry {index}")


def test_a_certificate_ends_the_key_before_it(log: LogBuilder) -> None:
    log.add("certificate", log.certificate(NEXT_DECIDER.public), IDENTITY)
    log.add("mode", MODE, NEXT_DECIDER)
    assert verified(log).ok
    log.add("mode", MODE, DECIDER)
    assert refused(log).endswith("its key was ended by entry 6")


def test_the_identity_key_that_is_known_has_to_stand(log: LogBuilder) -> None:
    """What an auditor was told by somebody else than the operator of the folder."""
    index = log.rotate(5, revoked=True)
    log.publish()
    assert verify_log(log.directory, log.vkey, identity=NEXT_IDENTITY.public).ok
    report = verify_log(log.directory, log.vkey, identity=IDENTITY.public)
    assert [step.number for step in report.steps if not step.ok] == [5]
    assert report.first_bad_index == index


@pytest.mark.parametrize(
    ("revoked", "sealed_by", "leaf"),
    [
        (False, IDENTITY, "a952596367110f898e1577adb2e2f49768c181174cfaac0dcf33368f28f23733"),
        (True, NEXT_IDENTITY, "04c20aa3ece55ae259f6b31e15d27c5bddeca5be9a8e7ce00609b972ec3b1b5d"),
    ],
    ids=["rotated", "revoked"],
)
def test_the_bytes_of_a_takeover_never_change(
    *, revoked: bool, sealed_by: Ed25519Signer, leaf: str
) -> None:
    """Logs of today have to verify in ten years: the leaf hash of a fixed entry."""
    payload = {"at_us": START_US, **identity(NEXT_IDENTITY.public.hex, revoked=revoked)}
    assert leaf_hash(seal("identity", payload, sealed_by)).hex() == leaf


# --- Attacks --------------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize("revoked", [False, True])
def test_a_certificate_by_the_old_key_after_a_rotation(log: LogBuilder, *, revoked: bool) -> None:
    log.rotate(5, revoked=revoked)
    log.add("certificate", log.certificate(seeded(9).public), IDENTITY)
    assert refused(log).endswith("the certificate is not signed by the identity key")


@pytest.mark.attack
@pytest.mark.parametrize("sealed_by", [LOG_KEY, DECIDER, NEXT_IDENTITY, seeded(9)])
def test_a_rotation_that_the_leaving_key_did_not_sign(
    log: LogBuilder, sealed_by: Ed25519Signer
) -> None:
    """Above all not by a decision key: whoever may write an entry may not choose who certifies."""
    log.add("identity", identity(NEXT_IDENTITY.public.hex), sealed_by)
    assert refused(log).endswith("not signed by the identity key that leaves")


@pytest.mark.attack
@pytest.mark.parametrize("sealed_by", [LOG_KEY, DECIDER, IDENTITY, seeded(9)])
def test_a_revocation_that_the_coming_key_did_not_sign(
    log: LogBuilder, sealed_by: Ed25519Signer
) -> None:
    """Nobody can be put in place without their own word, and the revoked key has none."""
    log.add("identity", identity(NEXT_IDENTITY.public.hex, revoked=True), sealed_by)
    assert refused(log).endswith("not signed by the identity key that takes over")


@pytest.mark.attack
@pytest.mark.parametrize("key", ["01" + "00" * 31, "00" * 32, "ff" * 32, "ed" + "ff" * 30 + "7f"])
def test_a_rotation_to_a_key_of_small_order_or_none(log: LogBuilder, key: str) -> None:
    log.add("identity", identity(key), IDENTITY)
    assert "the new identity key: " in refused(log)


@pytest.mark.attack
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_rotation_to_a_key_with_another_purpose(log: LogBuilder, number: int) -> None:
    """The log key, the identity key itself, and one that has signed entries."""
    log.add("identity", identity(seeded(number).public.hex), IDENTITY)
    assert refused(log).endswith("the new identity key had a purpose before")


@pytest.mark.attack
def test_a_revoked_key_never_comes_back(log: LogBuilder) -> None:
    log.rotate(5, revoked=True)
    log.add("identity", identity(IDENTITY.public.hex), NEXT_IDENTITY)
    assert refused(log).endswith("the new identity key had a purpose before")


@pytest.mark.attack
def test_a_revoked_key_is_not_certified_as_a_decision_key(log: LogBuilder) -> None:
    log.rotate(5, revoked=True)
    log.add("certificate", log.certificate(IDENTITY.public), NEXT_IDENTITY)
    assert refused(log).endswith("the certified key has another purpose")


@pytest.mark.attack
def test_a_certificate_of_more_than_a_day(log: LogBuilder) -> None:
    longest = log.certificate(DECIDER.public, hours=24)
    log.add("certificate", longest, IDENTITY)
    assert verified(log).ok
    log.add("certificate", {**longest, "not_after_us": longest["not_after_us"] + 1}, IDENTITY)
    assert "more than 24 hours" in refused(log, 6)


@pytest.mark.attack
def test_a_decision_that_the_superseded_key_signs_on(log: LogBuilder) -> None:
    """A copy of the memory of yesterday's process is worth nothing today."""
    log.add("certificate", log.certificate(NEXT_DECIDER.public), IDENTITY)
    log.decide(0)
    assert "its key was ended by entry 6" in refused(log)
