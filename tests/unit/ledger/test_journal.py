"""The journal rebuilds the book while the gateway goes on: nothing recorded meanwhile is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import gateway.ledger.journal as journal_module
from gateway.domain.book import Book
from gateway.domain.errors import UnavailableError
from gateway.domain.mode import Mode
from gateway.ledger.journal import Journal
from gateway.ports import Batch, Committed, Draft
from support.facts import working
from support.ledgers import opened

SIMULATION = Draft("mode", {"mode": "SIMULATION", "by": "alice"})
STATEMENT = Draft(
    "statement",
    {
        "account": "primary",
        "broker": "null",
        "cash_micros": 1,
        "positions": {},
        "source": "broker",
    },
)


async def test_what_is_recorded_while_the_book_is_built_anew_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())
        await journal.record([STATEMENT])
        commit, replay = ledger.commit, ledger.replay

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        monkeypatch.setattr(ledger, "commit", refuse)
        with pytest.raises(UnavailableError):
            await journal.record([SIMULATION])
        monkeypatch.setattr(ledger, "commit", commit)
        assert journal.book.mode is Mode.SIMULATION  # it ran ahead

        async def slowly() -> Book:
            book = await replay()
            recorded = journal.record([SIMULATION])  # somebody else, meanwhile
            await recorded
            return book

        monkeypatch.setattr(ledger, "replay", slowly)
        await journal.repair()
        assert journal.book.mode is Mode.SIMULATION
        assert set(journal.book.accounts) == {"primary"}
        again = await replay()
        assert again.mode is Mode.SIMULATION


async def test_two_repairs_at_once_build_one_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())
        commit, replay = ledger.commit, ledger.replay
        calls: list[int] = []

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        async def counted() -> Book:
            calls.append(1)
            await asyncio.sleep(0.01)
            return await replay()

        monkeypatch.setattr(ledger, "commit", refuse)
        with pytest.raises(UnavailableError):
            await journal.record([SIMULATION])
        monkeypatch.setattr(ledger, "commit", commit)
        monkeypatch.setattr(ledger, "replay", counted)
        await asyncio.gather(journal.repair(), journal.repair())
        assert calls == [1]
        assert journal.book.mode is Mode.RESEARCH


async def test_a_log_that_cannot_be_read_leaves_the_repair_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())
        commit, replay = ledger.commit, ledger.replay

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        async def unreadable() -> Book:
            raise UnavailableError("ledger-unreadable", "gone", "look")

        monkeypatch.setattr(ledger, "commit", refuse)
        with pytest.raises(UnavailableError):
            await journal.record([SIMULATION])
        monkeypatch.setattr(ledger, "commit", commit)
        monkeypatch.setattr(ledger, "replay", unreadable)
        with pytest.raises(UnavailableError, match="gone"):
            await journal.repair()
        monkeypatch.setattr(ledger, "replay", replay)
        await journal.repair()
        assert journal.book.mode is Mode.RESEARCH


async def test_what_is_owed_is_entered_as_soon_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())
        commit = ledger.commit

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        monkeypatch.setattr(ledger, "commit", refuse)
        with pytest.raises(UnavailableError):
            await journal.record([SIMULATION], owed=True)
        monkeypatch.setattr(ledger, "commit", commit)
        await journal.repair()
        await journal.settled()
        assert journal.book.mode is Mode.SIMULATION
        assert (await ledger.replay()).mode is Mode.SIMULATION


@pytest.mark.requirement("W-07")
async def test_more_than_can_be_owed_is_told_and_nothing_is_decided_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "OWED_MAX", 1)
    halt = {
        "halt_id": "halt_1", "scope": {"kind": "global", "name": "*"}, "cause": "TEST",
        "cancels": False, "reduce_allowed": False, "clear_by": "operator", "by": "test",
    }  # fmt: skip
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        with monkeypatch.context() as patched:
            patched.setattr(ledger, "commit", refuse)
            for draft in (STATEMENT, SIMULATION, Draft("halt", halt)):
                with pytest.raises(UnavailableError):
                    await journal.record([draft], owed=True)
        assert "a mode that stands could not be kept" in caplog.text
        for _ in range(2):
            with pytest.raises(UnavailableError) as refused:
                await journal.repair()
            assert refused.value.code == "record-lost"
        await journal.settled()
        assert journal.lost == 1
        again = await ledger.replay()
        assert (set(again.accounts), set(again.halts)) == ({"primary"}, {"halt_1"})
        assert again.mode is Mode.RESEARCH


async def test_an_owed_entry_of_nothing_does_not_hide_a_commit_that_failed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the book would stay in a mode that no entry ever set."""
    cancel = {"order_id": "o1", "broker_client_id": "b1", "by": "a", "cause": "c", "market_us": 1}
    async with opened(tmp_path) as ledger:
        journal = Journal(ledger, Book())
        commit, replay = ledger.commit, ledger.replay
        await journal.record([STATEMENT])
        # Decided, and its decision never became durable.
        journal.book.keep(working("o1", "AAPL", "buy", 1, 1))

        async def refuse(batch: Batch) -> Committed:
            raise UnavailableError("ledger-full", "no room", "make some")

        async def failing_meanwhile() -> Book:
            book = await replay()
            with pytest.raises(UnavailableError):
                await journal.record([SIMULATION])
            return book

        monkeypatch.setattr(ledger, "commit", refuse)
        with pytest.raises(UnavailableError):
            await journal.record([Draft("cancel", cancel)], owed=True)
        monkeypatch.setattr(ledger, "replay", failing_meanwhile)
        await journal.repair()
        monkeypatch.setattr(ledger, "commit", commit)
        monkeypatch.setattr(ledger, "replay", replay)
        await journal.repair()
        assert journal.book.mode is Mode.RESEARCH
