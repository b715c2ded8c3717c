"""Days open in the order of their sessions, whatever the clock does; a step back keeps the day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.sessions import Sessions
from gateway.domain.book import Book
from gateway.domain.projection import apply
from gateway.facts.account import account_facts
from gateway.ports import Draft
from support.facts import account

DAY_US = 24 * 3_600_000_000
MIDNIGHT_US = 1_440_460_800_000_000
"""2015-08-25T00:00:00Z."""


class AppliedAtOnce:
    """The entries of a journal, with the real projector and without a disk."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.entries: list[Draft] = []

    async def record(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            apply(self.book, draft.kind, draft.payload)
        self.entries.extend(drafts)


def session(market_us: int) -> str:
    return datetime.fromtimestamp(market_us // 1_000_000, UTC).date().isoformat()


class Day:
    """An account whose equity is set by hand, and the sessions that open its days."""

    def __init__(self) -> None:
        self.book = Book()
        self.account = self.book.accounts["primary"] = account(positions={})
        self.account.session = "none"
        self.account.day_open_equity_micros = None
        self.equity = 1_000_000
        self.journal = AppliedAtOnce(self.book)
        self.sessions = Sessions(self.journal, session, lambda _: self.equity)  # pyright: ignore[reportArgumentType]  of a journal it only needs this

    def opens(self, market_us: int) -> None:
        asyncio.run(self.sessions.open_day(market_us))

    def loss_micros(self, market_us: int) -> object:
        facts = account_facts(self.account, self.equity, session(market_us), None)
        assert facts is not None
        return facts.get("day_loss_micros")


STEPS = st.tuples(st.integers(-3 * DAY_US, 3 * DAY_US), st.integers(1, 10**12))


@given(st.lists(STEPS, max_size=12))
def test_however_the_clock_steps_each_day_opens_once_and_none_opens_again(
    steps: list[tuple[int, int]],
) -> None:
    day = Day()
    for offset_us, day.equity in steps:
        day.opens(MIDNIGHT_US + offset_us)
    opened = [draft.payload["session"] for draft in day.journal.entries]
    assert opened == sorted(set(opened))
    assert not steps or opened[-1] == max(session(MIDNIGHT_US + us) for us, _ in steps)


@pytest.mark.requirement("S0-11")
def test_a_step_back_over_midnight_and_forward_again_resets_no_loss_and_no_turnover(
    caplog: pytest.LogCaptureFixture,
) -> None:
    day = Day()
    day.opens(MIDNIGHT_US)
    day.equity -= 400_000
    day.account.executed_turnover_micros = 700_000
    with caplog.at_level(logging.WARNING):
        day.opens(MIDNIGHT_US - 1)
    assert "2015-08-24" in caplog.text
    assert "2015-08-25" in caplog.text
    assert day.loss_micros(MIDNIGHT_US - 1) == 400_000  # of the day that is open
    day.opens(MIDNIGHT_US + 1)
    assert day.loss_micros(MIDNIGHT_US + 1) == 400_000
    assert day.account.executed_turnover_micros == 700_000
    day.opens(MIDNIGHT_US + DAY_US)
    assert day.loss_micros(MIDNIGHT_US + DAY_US) == 0
    assert day.account.executed_turnover_micros == 0


def test_a_day_that_was_not_opened_has_no_loss() -> None:
    day = Day()
    assert day.loss_micros(MIDNIGHT_US) is None
    day.opens(MIDNIGHT_US)
    assert day.loss_micros(MIDNIGHT_US + DAY_US) is None  # tomorrow's is not known before it opens
