"""The venue's calendar: regular sessions, half-days as they are."""

from __future__ import annotations

from datetime import date
from typing import Final

from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.wire import Fields, UnreadableError, day, new_york_us, objects, text
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.market import Hours

DAYS_MAX: Final = 400


async def read_sessions(client: AlpacaClient, first: date, last: date) -> list[Hours]:
    """Every session of the days from ``first`` to ``last``, in New York; all of them or an error.

    Raises:
        OutcomeUnknownError: the venue did not answer, or nothing that can be read.
    """
    if not 0 <= (last - first).days < DAYS_MAX:
        raise OutcomeUnknownError("ERR_UNREADABLE")
    asked = {"start": first.isoformat(), "end": last.isoformat()}
    answer = await client.read_document("/v2/calendar", asked)
    try:
        return _sessions(objects(answer), first, last)
    except UnreadableError:
        raise OutcomeUnknownError("ERR_UNREADABLE") from None


def _sessions(entries: list[Fields], first: date, last: date) -> list[Hours]:
    sessions: list[Hours] = []
    before: date | None = None
    for entry in entries:
        on = day(entry, "date")
        hours = Hours(new_york_us(on, text(entry, "open")), new_york_us(on, text(entry, "close")))
        in_order = first <= on <= last and (before is None or before < on)
        if not in_order or hours.opens_us >= hours.closes_us:
            raise UnreadableError("no calendar")
        before = on
        sessions.append(hours)
    return sessions
