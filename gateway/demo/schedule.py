"""Who does what on which day: pure, so that the same number of orders gives the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.demo.rogue import ACTS

FIRST_ACTS: Final = ("before-lift", "penniless")
"""On the first session, before its successor's close: the first of them before Ω4 is lifted."""

ACT_DAYS: Final = {
    "2015-01-14": ("fat-finger",),
    "2015-01-28": ("too-much",),
    "2015-02-11": ("too-many",),
    "2015-02-25": ("far-price",),
    "2015-03-11": ("unlisted", "banned"),
    "2015-03-18": ("unattested",),
    "2015-03-25": ("short",),
    "2015-04-01": ("hasty",),
    "2015-04-08": ("stale",),
    "2015-04-22": ("one-share", "one-sector", "one-day"),
    "2015-04-29": ("both-sides",),
    "2015-05-06": ("all-in",),
    "2015-05-20": ("borrow",),
    "2015-05-28": ("borrow-more",),
    "2015-06-17": ("lever",),
    "2015-07-07": ("after-a-fall",),
    "2015-07-20": ("wide",),
    "2015-08-21": ("lowball",),
    "2015-08-24": ("while-halted",),
    "2015-09-01": ("losing",),
    "2016-04-22": ("after-a-leap",),
    "2018-12-21": ("unwell",),
}
"""The rogue's acts. Five days are taken from the market: 2015-07-07, when AMD fell by 15 in a
hundred; 2015-07-20, when two cents were more than one in a hundred of its price; 2015-08-24, when
the VIX closed at 40.74; 2015-09-01, when shares fell by three in a hundred while Ω2 no longer
stood; and 2016-04-22, when AMD rose by half."""

STALE_ACT: Final = "stale"
"""The act before which the market clock moves on, away from the quote."""

UNWELL_ACT: Final = "unwell"
"""The act before which the monitor says that the models are not well. It is late, because from
then on the monitor has to speak every day."""

ROGUE_SHARE: Final = 4
"""At most every fourth proposal is the rogue's; with fewer orders its last acts are left out."""

COMPLETE_FROM: Final = 200
"""From this many orders on, every control that can be met is met."""

WARM_UP: Final = 4
"""Sessions before the strategy's rule has an opinion (``strategy.MIN_CLOSES`` less one)."""

AHEAD_SHARE: Final = 40
"""One in so many of the orders beyond one a session may be proposed before its time."""


@dataclass(frozen=True, slots=True)
class Day:
    """One session: its quote's time (UTC microseconds), and what is due after it.

    ``due_by_now`` is how many orders the strategy should have proposed by the end of the day.
    """

    session: str
    quote_us: int
    due_by_now: int
    acts: tuple[str, ...]


def plan(sessions: Sequence[tuple[str, int]], orders: int) -> list[Day]:
    """Spread ``orders`` proposals over the sessions: the rogue's on their days, the rest evenly.

    Args:
        sessions: each session's date with the time of its quotes, oldest first.
        orders: how many proposals to make in all, at least 1.
    """
    room = orders // ROGUE_SHARE
    acts: dict[str, tuple[str, ...]] = {}
    for session, names in ((sessions[0][0], FIRST_ACTS), *ACT_DAYS.items()):
        size = sum(len(ACTS[name]) for name in names)
        if size > room:
            break
        acts[session] = names
        room -= size
    rest = orders - sum(len(ACTS[name]) for names in acts.values() for name in names)
    active = len(sessions) - WARM_UP
    # A rule has days without anything to propose; asked for more than an order a day, it is let
    # work a little ahead, so that a quiet end does not leave it short.
    ahead = max(0, rest - active) // AHEAD_SHARE
    return [
        Day(
            session=session,
            quote_us=quote_us,
            due_by_now=min(rest, rest * (number + 1 - WARM_UP) // active + ahead)
            if number >= WARM_UP
            else 0,
            acts=acts.get(session, ()),
        )
        for number, (session, quote_us) in enumerate(sessions)
    ]
