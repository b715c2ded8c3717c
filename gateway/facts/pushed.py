"""What services upstream have pushed: in memory, read as of a market time, gone when it is old.

One event loop writes and reads, so a write is whole or not at all. Nothing here is kept over a
restart and nothing is logged: the value that a decision used stands in its input document, and a
gateway that has just started knows nothing until it is told again (docs/adr/0008).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from gateway.domain.errors import ConflictError, InvalidInputError, RefusedError
from gateway.domain.fact import FX_PREFIX, QUOTE_PREFIX, Fact, Reading
from gateway.domain.quantities import ceil_div

SKEW_MAX_US: Final = 2_000_000
"""How far a fact's instant may lie ahead of the market clock: the clocks of two hosts differ."""
QUOTES_MAX: Final = 10_000
RATES_MAX: Final = 200
_ROOM: Final = {QUOTE_PREFIX: QUOTES_MAX, FX_PREFIX: RATES_MAX}
"""How many names of a family are held at once; the other names are a closed list."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fact that was taken, and the market instant that its age and its end count from.

    A fact from ahead of the market clock counts from when it came: no document shows a value
    from the future, and none is younger than it is.
    """

    fact: Fact
    since_us: int

    @property
    def until_us(self) -> int:
        """The last instant at which it stands."""
        return self.since_us + self.fact.ttl_ms * 1000

    def stands(self, now_us: int) -> bool:
        """Whether it is known and not past its time to live."""
        return self.since_us <= now_us <= self.until_us

    def age_ms(self, now_us: int) -> int:
        """Its age in milliseconds, rounded up."""
        return ceil_div(now_us - self.since_us, 1000)


class PushedFacts:
    """The facts by name; the newest of each, and no other."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._held: dict[str, Standing] = {}
        self._counts: Counter[str] = Counter()

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
        if fact.at_us > now_us + SKEW_MAX_US:
            raise InvalidInputError(
                "fact-from-future",
                "the fact is of an instant that the market clock has not reached",
                "send it when its time has come; GET /v1/market/clock says what time it is",
            )
        taken = Standing(fact, min(fact.at_us, now_us))
        if not taken.stands(now_us):
            raise InvalidInputError(
                "fact-expired",
                "the fact is past its time to live already",
                "send it sooner, or with a longer ttl_ms",
            )
        if held is not None:
            _check_follows(fact, held, now_us)
        else:
            self._make_room(fact.name, now_us)
        self._held[fact.name] = taken
        return taken

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The value that stands at ``at_us``; ``None`` when none does, or no longer."""
        held = self._held.get(name)
        if held is None or not held.stands(at_us):
            return None
        return Reading(held.fact.value, held.since_us, held.fact.source)

    def pushed(self, name: str) -> bool:
        """Whether this name was ever taken here: from then on nothing else speaks for it."""
        return name in self._held

    def standing(self, now_us: int) -> list[Standing]:
        """Every fact that stands, by name."""
        found = (self._held[name] for name in sorted(self._held))
        return [held for held in found if held.stands(now_us)]

    def _make_room(self, name: str, now_us: int) -> None:
        """Count a name that is not held yet; where its family is full, one that is over goes."""
        family = next((prefix for prefix in _ROOM if name.startswith(prefix)), None)
        if family is None:
            return
        if self._counts[family] >= _ROOM[family]:
            self._drop_one(family, now_us)
        self._counts[family] += 1

    def _drop_one(self, family: str, now_us: int) -> None:
        for name, held in self._held.items():
            if name.startswith(family) and not held.stands(now_us):
                del self._held[name]
                self._counts[family] -= 1
                return
        raise RefusedError(
            "facts-full",
            f"{_ROOM[family]} names of {family}* stand already",
            "send fewer names, or with a shorter ttl_ms",
        )


def _check_follows(fact: Fact, held: Standing, now_us: int) -> None:
    """Whether ``fact`` may take the place of the one that was taken before it."""
    before, stands = held.fact, held.stands(now_us)
    if stands and (fact.principal, fact.source) != (before.principal, before.source):
        raise ConflictError(
            "fact-source",
            "another caller or source keeps this fact, until its time to live ends",
            "have one source for each name, or wait until it falls silent",
        )
    if fact.at_us <= before.at_us:
        raise _out_of_order("a fact of this name that is as new or newer was taken before")
    # A source that has fallen silent may have started anew, and count from the beginning.
    if stands and before.sequence is not None and (fact.sequence or 0) <= before.sequence:
        raise _out_of_order("its sequence is not above that of the fact that stands")


def _out_of_order(detail: str) -> ConflictError:
    return ConflictError(
        "fact-out-of-order", detail, "send each fact once, in the order of its instants"
    )
