"""Secrets in hand: read in time, kept while their place is away, and never good for LIVE then."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.secret_place import SECOND_NS, Place, moment
from vault.custody import HELD_MAX, Custody
from vault.errors import ProviderError
from vault.providers.environment import EnvironmentProvider
from vault.providers.files import FileProvider
from vault.references import SecretRef
from vault.secret import Moment
from vault.standing import Ages, State

KEY = SecretRef.parse("vault://kv/alpaca#key")
OTHER = SecretRef.parse("vault://kv/alpaca#secret")
SEALED = ProviderError("vault-sealed", "the vault is sealed", "unseal it")
AGES = Ages(refresh_ns=10 * SECOND_NS, retry_ns=2 * SECOND_NS, usable_ns=100 * SECOND_NS)

pytestmark = pytest.mark.requirement("S3-15")


def at(seconds: int) -> Moment:
    return moment(seconds * SECOND_NS)


@pytest.fixture
def place() -> Place:
    return Place({KEY: "one", OTHER: "other"})


@pytest.fixture
def custody(place: Place) -> Custody:
    return Custody([place], lambda _: 0, AGES)


def state(custody: Custody, now: Moment, reference: SecretRef = KEY) -> tuple[State, str | None]:
    (found,) = [one for one in custody.report(now) if one.reference == reference]
    return found.state, None if found.why is None else found.why.code


def live(custody: Custody, now: Moment, *needed: SecretRef) -> list[str]:
    return [error.code for error in custody.unfit_for_live(needed or (KEY,), now)]


def refusal(custody: Custody, now: Moment, reference: SecretRef = KEY) -> str:
    with pytest.raises(ProviderError) as caught:
        custody.held(reference, now)
    assert caught.value.remedy
    return caught.value.code


def test_it_is_read_once_and_again_when_it_is_due(place: Place, custody: Custody) -> None:
    assert custody.next_due() is None
    assert custody.obtain(KEY, at(0)).reveal() == "one"
    assert custody.obtain(KEY, at(9)).reveal() == "one"
    assert len(place.asked) == 1
    assert custody.next_due() == at(10).monotonic_ns
    assert custody.refresh(at(9)) == ()
    assert len(place.asked) == 1
    place.values[KEY] = "two"
    assert custody.obtain(KEY, at(10)).reveal() == "two"
    assert state(custody, at(10)) == (State.VALID, None)
    assert live(custody, at(10)) == []


def test_what_is_in_hand_is_said_without_asking(place: Place, custody: Custody) -> None:
    assert refusal(custody, at(0)) == "secret-lost"
    assert custody.report(at(0)) == ()
    custody.obtain(KEY, at(0))
    asked = len(place.asked)
    assert custody.held(KEY, at(60)).reveal() == "one"
    custody.report(at(60))
    live(custody, at(60))
    assert len(place.asked) == asked


def test_only_what_changed_is_new(place: Place, custody: Custody) -> None:
    for reference in (KEY, OTHER):
        custody.obtain(reference, at(0))
    place.values[KEY] = "two"
    assert custody.refresh(at(10)) == (KEY,)
    assert custody.refresh(at(20)) == ()
    assert custody.held(KEY, at(20)).reveal() == "two"


@pytest.mark.attack
def test_while_the_place_is_away_paper_goes_on_and_live_does_not(
    place: Place, custody: Custody
) -> None:
    custody.obtain(KEY, at(0))
    place.down = SEALED
    custody.refresh(at(10))
    for second in (10, 50, 99):
        custody.refresh(at(second))
        assert custody.held(KEY, at(second)).reveal() == "one"
        assert state(custody, at(second)) == (State.STALE, "vault-sealed")
        assert set(live(custody, at(second))) == {"vault-sealed"}
    assert refusal(custody, at(100)) == "vault-sealed"
    assert state(custody, at(100)) == (State.LOST, "vault-sealed")
    assert set(live(custody, at(100))) == {"vault-sealed"}


def test_it_is_good_again_once_it_could_be_read(place: Place, custody: Custody) -> None:
    custody.obtain(KEY, at(0))
    place.down = SEALED
    custody.refresh(at(10))
    place.down, place.values[KEY] = None, "two"
    assert custody.next_due() == at(12).monotonic_ns, "it is tried again sooner than it is read"
    assert custody.refresh(at(12)) == (KEY,)
    assert state(custody, at(12)) == (State.VALID, None)
    assert live(custody, at(12)) == []


def test_a_removed_secret_is_kept_and_said(place: Place, custody: Custody) -> None:
    """A cancel may need it: whoever takes it away stops LIVE at once and the rest in time."""
    custody.obtain(KEY, at(0))
    del place.values[KEY]
    custody.refresh(at(10))
    assert custody.held(KEY, at(10)).reveal() == "one"
    assert state(custody, at(10)) == (State.STALE, "secret-missing")
    assert live(custody, at(10)) == ["secret-missing"]


def test_a_secret_that_was_never_had_is_lost_and_tried_again(
    place: Place, custody: Custody
) -> None:
    place.down = SEALED
    for second in (0, 1):
        with pytest.raises(ProviderError) as caught:
            custody.obtain(KEY, at(second))
        assert caught.value.code == "vault-sealed"
    assert len(place.asked) == 1, "a place that is away is not asked for each order"
    assert state(custody, at(1)) == (State.LOST, "vault-sealed")
    place.down = None
    assert custody.refresh(at(2)) == (KEY,)
    assert custody.held(KEY, at(2)).reveal() == "one"


@pytest.mark.attack
def test_a_secret_that_nobody_read_again_is_not_good_for_live(
    place: Place, custody: Custody
) -> None:
    """The task that refreshes may have died: silence proves nothing."""
    custody.obtain(KEY, at(0))
    assert live(custody, at(30)) == []
    assert live(custody, at(31)) == ["secret-overdue"]
    assert state(custody, at(31)) == (State.STALE, "secret-overdue")
    assert custody.held(KEY, at(99)).reveal() == "one"
    assert refusal(custody, at(100)) == "secret-lost"
    assert place.asked == [KEY]


def test_a_lease_ends_it_sooner(place: Place, custody: Custody) -> None:
    place.lease_ns = 12 * SECOND_NS
    custody.obtain(KEY, at(0))
    assert custody.next_due() == at(6).monotonic_ns
    assert state(custody, at(7)) == (State.VALID, None)
    assert state(custody, at(8)) == (State.EXPIRING, "secret-expiring")
    assert live(custody, at(8)) == [], "it is good until it is not"
    assert custody.held(KEY, at(11))
    assert refusal(custody, at(12)) == "secret-lost"
    assert live(custody, at(12)) == ["secret-lost"]


def test_a_very_short_lease_is_not_read_without_a_pause(place: Place, custody: Custody) -> None:
    place.lease_ns = 1
    custody.obtain(KEY, at(0))
    assert custody.next_due() == at(2).monotonic_ns


def test_live_needs_secrets_that_are_fit_for_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text("geheim")
    file, variable = SecretRef.parse(f"file://{path}"), SecretRef.parse("env://KEY")
    custody = Custody([FileProvider(), EnvironmentProvider({"KEY": "x"})], lambda _: 0, AGES)
    assert live(custody, at(0), file, variable) == ["secret-lost", "secret-lost"]
    on_disk = custody.obtain(file, at(0)).provenance.unfit_for_live is not None
    custody.obtain(variable, at(0))
    assert live(custody, at(0), variable) == ["secret-unfit-for-live"]
    assert live(custody, at(0), file) == ["secret-unfit-for-live"] * on_disk


def test_nothing_proves_nothing(custody: Custody) -> None:
    assert [error.code for error in custody.unfit_for_live((), at(0))] == ["secret-none"]


def test_a_place_in_trouble_is_not_fit_though_its_secrets_are(
    place: Place, custody: Custody
) -> None:
    """As when the session could not be renewed, and the next reading is still to come."""
    custody.obtain(KEY, at(0))
    place.down = ProviderError("vault-token", "the session could not be renewed", "log in")
    assert state(custody, at(1)) == (State.VALID, None)
    assert live(custody, at(1)) == ["vault-token"]


def test_only_the_first_waits_for_a_place_that_is_away(place: Place, custody: Custody) -> None:
    for reference in (KEY, OTHER):
        custody.obtain(reference, at(0))
    place.asked.clear()
    place.down = SEALED
    custody.refresh(at(10))
    assert len(place.asked) == 1
    for reference in (KEY, OTHER):
        assert state(custody, at(10), reference) == (State.STALE, "vault-sealed")
    place.down = None
    custody.refresh(at(12))
    assert len(place.asked) == 3
    assert live(custody, at(12), KEY, OTHER) == []


def test_a_reference_that_nobody_serves_is_refused_and_not_kept(custody: Custody) -> None:
    with pytest.raises(ProviderError) as caught:
        custody.obtain(SecretRef.parse("env://KEY"), at(0))
    assert caught.value.code == "reference-unserved"
    assert custody.report(at(0)) == ()
    assert live(custody, at(0), SecretRef.parse("env://KEY")) == ["secret-lost"]


def test_the_number_of_references_is_limited(place: Place, custody: Custody) -> None:
    many = [SecretRef.parse(f"vault://kv/alpaca#k{n}") for n in range(HELD_MAX + 1)]
    place.values = dict.fromkeys(many, "x")
    for reference in many[:HELD_MAX]:
        custody.obtain(reference, at(0))
    with pytest.raises(ProviderError) as caught:
        custody.obtain(many[HELD_MAX], at(0))
    assert caught.value.code == "reference-unserved"
    assert custody.obtain(many[0], at(0))


@given(st.data())
def test_processes_get_out_of_step(data: st.DataObject) -> None:
    place = Place({KEY: "one"})
    custody = Custody([place], lambda n: data.draw(st.integers(0, n - 1)), AGES)
    custody.obtain(KEY, at(0))
    due = custody.next_due()
    assert due is not None
    assert at(8).monotonic_ns < due <= at(10).monotonic_ns


def test_the_earliest_comes_within_a_fifth_of_its_wait(place: Place) -> None:
    spans = list[int]()
    custody = Custody([place], lambda n: spans.append(n) or n - 1, AGES)
    custody.obtain(KEY, at(0))
    assert spans == [2 * SECOND_NS]
    assert custody.next_due() == at(8).monotonic_ns + 1


def test_the_first_that_is_due_counts(custody: Custody) -> None:
    custody.obtain(KEY, at(0))
    custody.obtain(OTHER, at(3))
    assert custody.next_due() == at(10).monotonic_ns
    custody.refresh(at(10))
    assert custody.next_due() == at(13).monotonic_ns


@pytest.mark.parametrize("ages", [(0, 0, 9), (10, 0, 100), (10, 11, 100), (10, 2, 29)])
def test_ages_that_make_no_sense(ages: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="ages"):
        Ages(*ages)
    assert Ages()


def test_what_was_asked_later_is_kept(place: Place, custody: Custody) -> None:
    """A reading that hangs, and is answered with what was true long ago, replaces nothing."""
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(now: Moment) -> None:
        if now == at(0):
            hangs.set()
            assert goes_on.wait(30)

    place.before_answer = hang
    thread = threading.Thread(target=lambda: custody.obtain(KEY, at(0)))
    thread.start()
    assert hangs.wait(30)
    place.values[KEY] = "two"
    assert custody.obtain(KEY, at(20)).reveal() == "two", "nobody waits for the one that hangs"
    goes_on.set()
    thread.join(30)
    assert custody.held(KEY, at(20)).reveal() == "two"


def test_what_is_kept_of_a_failure_holds_no_traceback(place: Place, custody: Custody) -> None:
    """A traceback keeps alive whatever was in hand where it was raised, and grows."""
    place.down = SEALED
    for _ in range(2):
        with pytest.raises(ProviderError):
            custody.obtain(KEY, at(0))
    (status,) = custody.report(at(0))
    assert status.why is not None
    assert status.why.__traceback__ is None
    assert status.why.__context__ is None


def test_a_report_is_sorted_and_shows_no_value(place: Place, custody: Custody) -> None:
    place.values = {KEY: "geheim-1", OTHER: "geheim-2"}
    for reference in (OTHER, KEY):
        custody.obtain(reference, at(0))
    report = custody.report(at(1))
    assert [status.reference for status in report] == [KEY, OTHER]
    assert [status.fetched_us for status in report] == [at(0).wall_us] * 2
    assert report[0].version
    assert "geheim" not in repr(report)


@given(
    st.lists(
        st.tuples(st.sampled_from(["up", "down", "refresh", "obtain", "wait"]), st.integers(0, 15)),
        max_size=40,
    )
)
def test_nothing_is_handed_out_or_fit_without_a_reading_in_time(
    steps: list[tuple[str, int]],
) -> None:
    place = Place({KEY: "one"})
    custody = Custody([place], lambda _: 0, AGES)
    second, good = 0, -1
    for step, seconds in steps:
        second += seconds
        asked = len(place.asked)
        if step == "refresh":
            custody.refresh(at(second))
        elif step == "obtain":
            try:
                custody.obtain(KEY, at(second))
            except ProviderError as error:
                assert error.code in ("vault-sealed", "secret-lost")  # noqa: PT017  either is right
        elif step != "wait":
            place.down = SEALED if step == "down" else None
        if len(place.asked) > asked and place.down is None:
            good = second
        fit = custody.unfit_for_live([KEY], at(second)) == ()
        assert not fit or (place.down is None and good >= 0 and second - good <= 30)
        if good >= 0 and second - good < 100:
            assert custody.held(KEY, at(second)).reveal() == "one"
        else:
            refusal(custody, at(second))


def test_many_threads_use_one_custody(place: Place, custody: Custody) -> None:
    custody.obtain(KEY, at(0))
    wrong = list[object]()

    def use(which: int) -> None:
        for second in range(which, 90, 3):
            place.down = SEALED if second % 2 else None
            custody.refresh(at(second))
            if custody.obtain(KEY, at(second)).reveal() != "one":
                wrong.append(second)
            if len(custody.report(at(second))) > 1:
                wrong.append(second)

    threads = [threading.Thread(target=use, args=(which,)) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    place.down = None
    custody.refresh(at(95))
    assert state(custody, at(95)) == (State.VALID, None)
