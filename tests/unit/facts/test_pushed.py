"""Pushed facts: what is taken, what is refused, and when it is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from gateway.domain.fact import Fact, FactValue, Prices, Withdrawal
from gateway.facts import pushed
from gateway.facts.pushed import SKEW_MAX_US, PushedFacts
from support.facts import NOON_US

SECOND_US = 1_000_000


def fact(value: FactValue = 100, at_us: int = NOON_US, **changes: object) -> Fact:
    base = Fact("model.drift", value, at_us, 60_000, "monitor", "desk", None)
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]  the case names the fields


def taken(*facts: Fact, now_us: int = NOON_US) -> PushedFacts:
    store = PushedFacts()
    for one in facts:
        store.put(one, now_us)
    return store


def code(error: pytest.ExceptionInfo[InvalidInputError | ConflictError | RefusedError]) -> str:
    return error.value.code


def test_nothing_is_known_before_it_is_told() -> None:
    store = PushedFacts()
    assert store.reading("model.drift", NOON_US) is None
    assert not store.pushed("model.drift")
    assert store.standing(NOON_US) == []


def test_a_fact_is_read_with_its_instant_and_its_source() -> None:
    reading = taken(fact(250)).reading("model.drift", NOON_US + SECOND_US)
    assert reading is not None
    assert (reading.value, reading.at_us, reading.source) == (250, NOON_US, "monitor")


@pytest.mark.requirement("S1-09")
def test_past_its_time_to_live_it_is_not_known_and_nothing_takes_its_place() -> None:
    store = taken(fact())
    last = NOON_US + 60 * SECOND_US
    assert store.reading("model.drift", last) is not None
    assert store.reading("model.drift", last + 1) is None
    assert store.standing(last + 1) == []
    assert store.pushed("model.drift")


def test_a_clock_that_was_set_back_makes_it_unknown_rather_than_young() -> None:
    assert taken(fact()).reading("model.drift", NOON_US - 1) is None


@pytest.mark.parametrize(
    ("ahead_us", "refused"), [(0, False), (SKEW_MAX_US, False), (SKEW_MAX_US + 1, True)]
)
def test_the_future_is_refused_beyond_the_skew(ahead_us: int, refused: bool) -> None:
    store = PushedFacts()
    if refused:
        with pytest.raises(InvalidInputError) as error:
            store.put(fact(at_us=NOON_US + ahead_us), NOON_US)
        assert code(error) == "fact-from-future"
        assert not store.pushed("model.drift")
    else:
        standing = store.put(fact(at_us=NOON_US + ahead_us), NOON_US)
        # It counts from when it came: known at once, and never younger than it is.
        assert standing.since_us == NOON_US
        assert store.reading("model.drift", NOON_US) is not None


@pytest.mark.parametrize(("late_us", "refused"), [(60 * SECOND_US, False), (60_000_001, True)])
def test_what_is_past_its_time_already_is_refused(late_us: int, refused: bool) -> None:
    store = PushedFacts()
    if refused:
        with pytest.raises(InvalidInputError) as error:
            store.put(fact(at_us=NOON_US - late_us), NOON_US)
        assert code(error) == "fact-expired"
    else:
        store.put(fact(at_us=NOON_US - late_us), NOON_US)
        assert store.reading("model.drift", NOON_US) is not None


@pytest.mark.parametrize("at_us", [NOON_US, NOON_US - 1])
def test_what_is_no_newer_is_refused_and_changes_nothing(at_us: int) -> None:
    store = taken(fact(100))
    with pytest.raises(ConflictError) as error:
        store.put(fact(999, at_us), NOON_US)
    assert code(error) == "fact-out-of-order"
    reading = store.reading("model.drift", NOON_US)
    assert reading is not None
    assert reading.value == 100


def test_the_same_twice_is_taken_twice() -> None:
    store = taken(fact())
    first = store.standing(NOON_US)
    store.put(fact(), NOON_US + SECOND_US)
    assert store.standing(NOON_US) == first


def test_the_same_is_refused_once_it_is_past_its_time() -> None:
    store = taken(fact())
    with pytest.raises(InvalidInputError) as error:
        store.put(fact(), NOON_US + 61 * SECOND_US)
    assert code(error) == "fact-expired"


@pytest.mark.parametrize("changes", [{"source": "other"}, {"principal": "other"}])
def test_another_source_has_to_wait_until_the_first_falls_silent(changes: dict[str, str]) -> None:
    store = taken(fact())
    with pytest.raises(ConflictError) as error:
        store.put(fact(at_us=NOON_US + SECOND_US, **changes), NOON_US + SECOND_US)
    assert code(error) == "fact-source"
    later = NOON_US + 60 * SECOND_US + 1
    store.put(fact(777, at_us=later, **changes), later)
    reading = store.reading("model.drift", later)
    assert reading is not None
    assert reading.value == 777


def test_an_older_fact_stays_refused_after_the_newer_one_has_expired() -> None:
    store = taken(fact(ttl_ms=1))
    with pytest.raises(ConflictError) as error:
        store.put(fact(at_us=NOON_US - 1), NOON_US + SECOND_US)
    assert code(error) == "fact-out-of-order"


@pytest.mark.parametrize("sequence", [None, 6, 7])
def test_a_source_that_counts_has_to_go_on_counting(sequence: int | None) -> None:
    store = taken(fact(sequence=7))
    now_us = NOON_US + SECOND_US
    with pytest.raises(ConflictError) as error:
        store.put(fact(at_us=now_us, sequence=sequence), now_us)
    assert code(error) == "fact-out-of-order"
    store.put(fact(at_us=now_us, sequence=8), now_us)


def test_a_source_that_had_fallen_silent_may_count_from_the_beginning() -> None:
    store = taken(fact(sequence=7))
    later = NOON_US + 61 * SECOND_US
    store.put(fact(at_us=later, sequence=0), later)
    assert store.reading("model.drift", later) is not None


def quote(number: int, at_us: int = NOON_US) -> Fact:
    return fact(Prices(1, 2, 1), at_us, name=f"quote.S{number}")


@pytest.mark.parametrize(("family", "room"), [("quote.", "QUOTES_MAX"), ("fx.", "RATES_MAX")])
def test_there_is_room_for_so_many_names_and_no_more(
    monkeypatch: pytest.MonkeyPatch, family: str, room: str
) -> None:
    assert getattr(pushed, room) == pushed._ROOM[family]
    monkeypatch.setitem(pushed._ROOM, family, 3)
    store = taken(*(fact(name=f"{family}{number}") for number in range(3)), fact())
    with pytest.raises(RefusedError) as error:
        store.put(fact(name=f"{family}3"), NOON_US)
    assert code(error) == "facts-full"
    newer = fact(name=f"{family}0", at_us=NOON_US + 1)
    store.put(newer, NOON_US + 1)  # a name that is held needs no room
    later = NOON_US + 61 * SECOND_US
    store.put(fact(name=f"{family}3", at_us=later), later)  # in the place of one that is over
    assert len(store.standing(later)) == 1


def test_what_stands_is_listed_by_name() -> None:
    store = taken(quote(2), fact(), quote(1))
    names = [standing.fact.name for standing in store.standing(NOON_US)]
    assert names == ["model.drift", "quote.S1", "quote.S2"]


def test_ages_are_rounded_up() -> None:
    [standing] = taken(fact()).standing(NOON_US)
    assert [standing.age_ms(NOON_US + us) for us in (0, 1, 1000, 1001)] == [0, 1, 1, 2]


def gone(
    at_us: int = NOON_US + SECOND_US, source: str = "monitor", principal: str = "desk"
) -> Withdrawal:
    return Withdrawal("model.drift", at_us, source, principal)


@pytest.mark.requirement("S1-09")
def test_what_is_withdrawn_is_not_known_and_nothing_takes_its_place() -> None:
    store, now_us = taken(fact()), NOON_US + SECOND_US
    store.withdraw(gone(), now_us)
    assert store.reading("model.drift", now_us) is None
    assert store.reading("model.drift", NOON_US) is None
    assert store.standing(now_us) == []
    assert store.pushed("model.drift")
    assert store.withdraw(gone(), now_us + 5).withdrawn == gone()  # sent again


def test_a_fact_from_before_its_withdrawal_stays_refused_whoever_sends_it() -> None:
    store, now_us = taken(fact()), NOON_US + SECOND_US
    store.withdraw(gone(), now_us)
    for late in (fact(), fact(at_us=now_us), fact(at_us=now_us, principal="other")):
        with pytest.raises(ConflictError) as error:
            store.put(late, now_us)
        assert code(error) == "fact-out-of-order"
    assert store.reading("model.drift", now_us) is None


def test_after_a_withdrawal_the_name_is_free_for_any_source_and_any_count() -> None:
    store, now_us = taken(fact(sequence=7)), NOON_US + SECOND_US
    store.withdraw(gone(), now_us)
    store.put(fact(777, at_us=now_us + 1, principal="other", sequence=0), now_us + 1)
    reading = store.reading("model.drift", now_us + 1)
    assert reading is not None
    assert reading.value == 777


@pytest.mark.parametrize("stranger", [gone(source="other"), gone(principal="other")])
def test_only_who_keeps_a_fact_may_withdraw_it(stranger: Withdrawal) -> None:
    store = taken(fact())
    with pytest.raises(ConflictError) as error:
        store.withdraw(stranger, NOON_US + SECOND_US)
    assert code(error) == "fact-source"
    assert store.reading("model.drift", NOON_US + SECOND_US) is not None


def test_a_withdrawal_that_comes_late_takes_back_nothing_newer() -> None:
    store = taken(fact(), fact(at_us=NOON_US + 2), now_us=NOON_US + 2)
    with pytest.raises(ConflictError) as error:
        store.withdraw(gone(at_us=NOON_US + 1), NOON_US + 3)
    assert code(error) == "fact-out-of-order"
    assert store.reading("model.drift", NOON_US + 3) is not None
    store.withdraw(gone(at_us=NOON_US + 2), NOON_US + 3)  # of the same instant it can only deny
    assert store.reading("model.drift", NOON_US + 3) is None


def test_a_withdrawal_of_the_future_or_of_nothing_is_refused() -> None:
    with pytest.raises(NotFoundError) as missing:
        PushedFacts().withdraw(gone(), NOON_US)
    assert missing.value.code == "fact-not-held"
    store = taken(fact())
    with pytest.raises(InvalidInputError) as error:
        store.withdraw(gone(at_us=NOON_US + SKEW_MAX_US + 1), NOON_US)
    assert code(error) == "fact-from-future"
    assert store.reading("model.drift", NOON_US) is not None


def test_making_room_brings_nothing_back_that_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pushed._ROOM, "fx.", 1)
    store = taken(fact(name="fx.EUR", ttl_ms=1))
    later = NOON_US + SECOND_US
    store.put(fact(name="fx.GBP", at_us=later, ttl_ms=1), later)  # in the place of fx.EUR
    with pytest.raises(ConflictError) as error:
        store.put(fact(name="fx.EUR", at_us=NOON_US - 1), later + SECOND_US)
    assert code(error) == "fact-out-of-order"
    store.put(fact(name="fx.EUR", at_us=later + SECOND_US), later + SECOND_US)
