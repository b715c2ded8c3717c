"""When renewals are due: by a clock of the test's own, and never all at once."""

import random
from dataclasses import dataclass, field

import pytest

from support.vault_sessions import SECOND_NS
from vault.errors import ProviderError
from vault.ports import Lease
from vault.renewal import Renewal
from vault.secret import Moment
from vault.session import NO_END_NS

pytestmark = pytest.mark.requirement("S3-15")


def at(seconds: float) -> Moment:
    return Moment(0, round(seconds * SECOND_NS))


def no_jitter(_: int) -> int:
    return 0


@dataclass
class Leased:
    """A lease of 100 seconds, until it is taken away."""

    length_s: int = 100
    works: bool = True
    held: Lease | None = None
    asked: list[int] = field(default_factory=list[int])

    def lease(self) -> Lease | None:
        return self.held

    def renew(self, now: Moment) -> Lease:
        self.asked.append(now.monotonic_ns)
        if not self.works:
            raise ProviderError("vault-unreachable", "no answer", "start it")
        self.held = Lease(now.monotonic_ns, now.monotonic_ns + self.length_s * SECOND_NS)
        return self.held


def test_what_has_not_begun_is_due_at_once() -> None:
    assert Renewal(Leased(), no_jitter).next_due(at(7)) == 7 * SECOND_NS


def test_half_of_the_lease_later_it_is_due() -> None:
    renewal = Renewal(Leased(), no_jitter)
    renewal.renew(at(10))
    assert renewal.next_due(at(10)) == 60 * SECOND_NS
    assert renewal.next_due(at(99)) == 60 * SECOND_NS, "a late caller is told so"
    renewal.renew(at(61))
    assert renewal.next_due(at(61)) == 111 * SECOND_NS


def test_many_are_spread_over_a_fifth_of_the_lease() -> None:
    draw = random.Random(6).randrange
    due: set[int] = set()
    for _ in range(500):
        renewal = Renewal(Leased(), draw)
        renewal.renew(at(0))
        due.add(renewal.next_due(at(0)))
        assert renewal.next_due(at(1)) == renewal.next_due(at(2)), "drawn once"
    assert min(due) >= 50 * SECOND_NS
    assert max(due) < 70 * SECOND_NS
    assert max(due) - min(due) > 19 * SECOND_NS
    assert len(due) == 500


def test_failures_are_tried_again_ever_more_slowly() -> None:
    held = Leased(works=False)
    renewal = Renewal(held, no_jitter)
    moment, pauses = 0, []
    for _ in range(9):
        with pytest.raises(ProviderError):
            renewal.renew(Moment(0, moment))
        due = renewal.next_due(Moment(0, moment))
        pauses.append((due - moment) // SECOND_NS)
        moment = due
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    held.works = True
    renewal.renew(Moment(0, moment))
    assert renewal.next_due(Moment(0, moment)) == moment + 50 * SECOND_NS
    held.works = False
    with pytest.raises(ProviderError):
        renewal.renew(Moment(0, moment))
    assert renewal.next_due(Moment(0, moment)) == moment + SECOND_NS, "and from the start again"


def test_failures_are_spread_too() -> None:
    draw = random.Random(6).randrange
    due: set[int] = set()
    for _ in range(100):
        renewal = Renewal(Leased(works=False), draw)
        with pytest.raises(ProviderError):
            renewal.renew(at(0))
        due.add(renewal.next_due(at(0)))
    assert len(due) == 100
    assert min(due) >= SECOND_NS
    assert max(due) < 2 * SECOND_NS


def test_a_short_lease_is_tried_for_several_times_before_its_end() -> None:
    held = Leased(length_s=60)
    renewal = Renewal(held, lambda n: n - 1)
    renewal.renew(at(0))
    held.works, tries = False, 0
    moment = renewal.next_due(at(0))
    while moment < 60 * SECOND_NS:
        tries += 1
        with pytest.raises(ProviderError):
            renewal.renew(Moment(0, moment))
        moment = renewal.next_due(Moment(0, moment))
    assert tries == 4


def test_a_lease_that_somebody_else_began_counts() -> None:
    held = Leased()
    renewal = Renewal(held, no_jitter)
    renewal.renew(at(0))
    held.held = Lease(30 * SECOND_NS, 130 * SECOND_NS)
    assert renewal.next_due(at(31)) == 80 * SECOND_NS
    held.held = None
    assert renewal.next_due(at(32)) == 32 * SECOND_NS, "lost: at once"


def test_what_has_no_end_is_due_in_centuries() -> None:
    held = Leased()
    held.held = Lease(0, NO_END_NS)
    assert Renewal(held, no_jitter).next_due(at(0)) > 100 * 365 * 86_400 * SECOND_NS
