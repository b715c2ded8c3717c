"""Officers and councils: what may be one, and what a change makes of it."""

from dataclasses import replace

import pytest

from signing.trust import Council, Officer, TrustError
from support.logs import seeded
from support.trust_root import ANNA, BERT, CARL, COUNCIL, DORA, PUBLISHER, officer

pytestmark = pytest.mark.requirement("W-04")


def code_of(refused: pytest.ExceptionInfo[TrustError]) -> str:
    assert refused.value.step == 0
    return refused.value.code


@pytest.mark.parametrize("name", ["", "Anna", "anna b", "-anna", "anná", "a" * 65, "anna\n"])
def test_names_cannot_be_mistaken(name: str) -> None:
    with pytest.raises(TrustError) as refused:
        officer(name, ANNA)
    assert code_of(refused) == "officer-name"


def test_an_officer_has_keys_and_known_roles() -> None:
    for keys, roles, code in [
        ((), (), "officer-keys"),
        (tuple(seeded(n) for n in range(50, 55)), (), "officer-keys"),
        ((ANNA, ANNA), (), "key-twice"),
        ((ANNA,), ("king",), "officer-role"),
    ]:
        with pytest.raises(TrustError) as refused:
            officer("anna", *keys, roles=roles)
        assert code_of(refused) == code


def test_order_is_of_no_account() -> None:
    assert officer("anna", ANNA, DORA) == officer("anna", DORA, ANNA)
    assert replace(COUNCIL, officers=COUNCIL.officers[::-1]) == COUNCIL


def council(*officers: Officer, threshold: int = 2, development: bool = False) -> Council:
    return Council(officers, threshold, PUBLISHER.public, development)


def test_a_council_guards_something() -> None:
    anna, bert = officer("anna", ANNA), officer("bert", BERT)
    many = [officer(f"n{n}", seeded(100 + n)) for n in range(33)]
    for officers, threshold, development, code in [
        ([], 2, False, "officers"),
        (many, 2, False, "officers"),
        ([anna, bert], 1, False, "threshold-low"),
        ([anna, bert], 0, True, "threshold-low"),
        ([anna, bert], 3, False, "threshold-high"),
        ([anna, officer("anna", BERT)], 2, False, "officer-twice"),
        ([anna, officer("zoe", ANNA)], 2, False, "key-twice"),
        ([anna, officer("bert", PUBLISHER)], 2, False, "publisher-officer"),
    ]:
        with pytest.raises(TrustError) as refused:
            council(*officers, threshold=threshold, development=development)
        assert code_of(refused) == code


def test_one_is_enough_for_development_only() -> None:
    assert council(officer("anna", ANNA), threshold=1, development=True).development


def test_changes_are_new_councils() -> None:
    bigger = COUNCIL.adding(officer("dora", DORA))
    assert [one.name for one in bigger.officers] == ["anna", "bert", "carl", "dora"]
    assert bigger.removing("dora") == COUNCIL
    rotated = COUNCIL.rotating("bert", BERT.public, DORA.public)
    assert rotated.name_of(DORA.public) == "bert"
    assert rotated.name_of(BERT.public) is None
    bert = rotated.officer("bert")
    assert bert is not None
    assert bert.roles == {"compliance"}
    assert COUNCIL.requiring(3).threshold == 3
    assert COUNCIL.publishing_with(DORA.public).publisher == DORA.public
    assert [one.name for one in COUNCIL.with_role("risk")] == ["carl"]


def test_changes_of_nobody_are_refused() -> None:
    for change, code in [
        (lambda: COUNCIL.removing("zoe"), "officer-unknown"),
        (lambda: COUNCIL.replacing(officer("zoe", DORA)), "officer-unknown"),
        (lambda: COUNCIL.rotating("zoe", ANNA.public, DORA.public), "officer-unknown"),
        (lambda: COUNCIL.rotating("anna", BERT.public, DORA.public), "officer-keys"),
        (lambda: COUNCIL.rotating("anna", ANNA.public, CARL.public), "key-twice"),
        (lambda: COUNCIL.adding(officer("anna", DORA)), "officer-twice"),
        (lambda: COUNCIL.requiring(3).removing("anna"), "threshold-high"),
        (lambda: COUNCIL.publishing_with(ANNA.public), "publisher-officer"),
    ]:
        with pytest.raises(TrustError) as refused:
            change()
        assert code_of(refused) == code
