"""What services upstream have pushed: in memory, read as of a market time, gone when it is old.

One event loop writes and reads, so a write is whole or not at all. Nothing here is kept over a
restart and nothing is logged: the value that a decision used stands in its input document, and a
gateway that has just started knows nothing until it is told again (docs/adr/0008). Of quotes a
little of the past is kept too (:mod:`gateway.facts.trail`); of all else only the newest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.domain.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from gateway.domain.fact import (
    CLOSE_PREFIX,
    FX_PREFIX,
    QUOTE_PREFIX,
    Fact,
    Reading,
    Withdrawal,
)
from gateway.domain.quantities import ceil_div
from gateway.facts.trail import Trail

SKEW_MAX_US: Final = 2_000_000
"""How far a fact's instant may lie ahead of the market clock: the clocks of two hosts differ."""
QUOTES_MAX: Final = 10_000
RATES_MAX: Final = 200
CLOSES_MAX: Final = 10_000
_ROOM: Final = {QUOTE_PREFIX: QUOTES_MAX, FX_PREFIX: RATES_MAX, CLOSE_PREFIX: CLOSES_MAX}
"""How many names of a family are held at once; the other names are a closed list."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fact that was taken, and the market instant that its age and its end count from.

    A fact from ahead of the market clock counts from when it came: no document shows a value
    from the future, and none is younger than it is. One that was withdrawn stands no longer, and
    stays for the order of instants: what comes next of its name has to be newer.
    """

    fact: Fact
    since_us: int
    withdrawn: Withdrawal | None = None

    @property
    def newest_us(self) -> int:
        """The newest instant that anybody has named, of the fact or of its end."""
        return max(self.fact.at_us, self.withdrawn.at_us if self.withdrawn else 0)

    @property
    def until_us(self) -> int:
        """The last instant at which it stands."""
        return self.since_us + self.fact.ttl_ms * 1000

    @property
    def reading(self) -> Reading:
        """The value, as of the instant that its age counts from."""
        return Reading(self.fact.value, self.since_us, self.fact.source)

    def stands(self, now_us: int) -> bool:
        """Whether it is known, not past its time to live, and not withdrawn."""
        return self.withdrawn is None and self.since_us <= now_us <= self.until_us

    def age_ms(self, now_us: int) -> int:
        """Its age in milliseconds, rounded up."""
        return ceil_div(now_us - self.since_us, 1000)


class PushedFacts:
    """The facts by name: the newest of each."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._held: dict[str, Standing] = {}
        self._counts: Counter[str] = Counter()
        self._dropped_us: dict[str, int] = {}
        """Family -> the newest instant of a name that was dropped to make room."""
        self._trail = Trail()
        self.on_quote: Callable[[int], object] = _unheard
        """Told of each quote that was taken how long after its own instant it came, in
        microseconds of market time."""

    def put(self, fact: Fact, now_us: int) -> Standing:
        """Take a fact, whose value is well formed; what was taken before of that name is replaced.

        Args:
            fact: what the service states.
            now_us: the market clock.

        Raises:
            InvalidInputError: ``fact-from-future`` or ``fact-expired``.
            ConflictError: ``fact-source``: another principal or source keeps this name;
                ``fact-out-of-order``: one as new or newer was taken already.
            RefusedError: ``facts-full``.
        """
        held = self._held.get(fact.name)
        if held is not None and held.fact == fact and held.stands(now_us):
            return held  # sent twice
        _check_not_ahead(fact.at_us, now_us)
        taken = Standing(fact, min(fact.at_us, now_us))
        if not taken.stands(now_us):
            raise InvalidInputError(
                "fact-expired",
                "the fact is past its time to live already",
                "send it sooner, or with a longer ttl_ms",
            )
        if held is not None:
            _check_keeper(fact, held, now_us)
            _check_follows(fact, held, now_us)
        else:
            self._make_room(fact, now_us)
        self._held[fact.name] = taken
        if fact.name.startswith(QUOTE_PREFIX):
            self._trail.follow(fact.name, taken.reading, taken.until_us)
            self.on_quote(now_us - fact.at_us)
        return taken

    def withdraw(self, withdrawal: Withdrawal, now_us: int) -> Standing:
        """Take back a fact: it is not known from now on, and nothing else speaks in its place.

        The name is free then: any source may state a fact of a later instant. A withdrawal that
        is sent twice is one.

        Args:
            withdrawal: what is taken back, by whom, as of when.
            now_us: the market clock.

        Returns:
            What stood, withdrawn.

        Raises:
            InvalidInputError: ``fact-from-future``.
            NotFoundError: ``fact-not-held``: nothing of that name was ever taken here.
            ConflictError: ``fact-source``: another principal or source keeps this name;
                ``fact-out-of-order``: a newer fact was taken already.
        """
        held = self._held.get(withdrawal.name)
        if held is None:
            raise NotFoundError(
                "fact-not-held",
                "no fact of that name was taken since the gateway started",
                "there is nothing to withdraw; GET /v1/facts lists what stands",
            )
        if held.withdrawn == withdrawal:
            return held
        _check_not_ahead(withdrawal.at_us, now_us)
        _check_keeper(withdrawal, held, now_us)
        # One instant may carry a fact and its end: what is gone can only deny.
        if withdrawal.at_us < held.newest_us:
            raise _out_of_order("a fact of this name that is newer was taken before")
        self._held[withdrawal.name] = gone = replace(held, withdrawn=withdrawal)
        self._trail.end(withdrawal.name, min(withdrawal.at_us, now_us))
        return gone

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The value that stands at ``at_us``; ``None`` when none does, or no longer.

        For an instant before the newest of a name, the quote that stood then, as far as it is
        kept; of other facts no past is known.
        """
        held = self._held.get(name)
        if held is None:
            return None
        if at_us < held.since_us:
            return self._trail.reading(name, at_us)
        return held.reading if held.stands(at_us) else None

    def pushed(self, name: str) -> bool:
        """Whether this name was ever taken here: from then on nothing else speaks for it."""
        return name in self._held

    def standing(self, now_us: int) -> list[Standing]:
        """Every fact that stands, by name."""
        found = (self._held[name] for name in sorted(self._held))
        return [held for held in found if held.stands(now_us)]

    def _make_room(self, fact: Fact, now_us: int) -> None:
        """Count a name that is not held yet; where its family is full, one that is over goes.

        Its last instant is kept for the whole family, so that nothing comes back that is older.
        """
        family = next((prefix for prefix in _ROOM if fact.name.startswith(prefix)), None)
        if family is None:
            return
        if fact.at_us <= self._dropped_us.get(family, -1):
            raise _out_of_order(f"names of {family}* had to be forgotten that were as new or newer")
        if self._counts[family] >= _ROOM[family]:
            self._drop_one(family, now_us)
        self._counts[family] += 1

    def _drop_one(self, family: str, now_us: int) -> None:
        for name, held in self._held.items():
            if name.startswith(family) and not held.stands(now_us):
                del self._held[name]
                self._trail.forget(name)
                self._counts[family] -= 1
                self._dropped_us[family] = max(self._dropped_us.get(family, 0), held.newest_us)
                return
        raise RefusedError(
            "facts-full",
            f"{_ROOM[family]} names of {family}* stand already",
            "send fewer names, or with a shorter ttl_ms",
        )


def _unheard(_latency_us: int) -> None:
    """What follows a quote where nobody listens."""


def _check_not_ahead(at_us: int, now_us: int) -> None:
    if at_us > now_us + SKEW_MAX_US:
        raise InvalidInputError(
            "fact-from-future",
            "the fact is of an instant that the market clock has not reached",
            "send it when its time has come; GET /v1/market/clock says what time it is",
        )


def _check_keeper(sent: Fact | Withdrawal, held: Standing, now_us: int) -> None:
    """Whether whoever sent it may speak for the name."""
    keeper = (held.fact.principal, held.fact.source)
    if held.stands(now_us) and (sent.principal, sent.source) != keeper:
        raise ConflictError(
            "fact-source",
            "another caller or source keeps this fact, until its time to live ends",
            "have one source for each name, or wait until it falls silent",
        )


def _check_follows(fact: Fact, held: Standing, now_us: int) -> None:
    """Whether ``fact`` is newer than what was taken of its name before it."""
    if fact.at_us <= held.newest_us:
        raise _out_of_order("one of this name that is as new or newer was taken before")
    before, stands = held.fact, held.stands(now_us)
    # A source that has fallen silent may have started anew, and count from the beginning.
    if stands and before.sequence is not None and (fact.sequence or 0) <= before.sequence:
        raise _out_of_order("its sequence is not above that of the fact that stands")


def _out_of_order(detail: str) -> ConflictError:
    return ConflictError(
        "fact-out-of-order", detail, "send each fact once, in the order of its instants"
    )
