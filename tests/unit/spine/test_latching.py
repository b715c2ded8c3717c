"""Latches: each is engaged once, whatever happens to another."""

from __future__ import annotations

import asyncio

import pytest

from gateway.control.latching import Latches
from gateway.domain.book import Book
from gateway.domain.errors import UnavailableError
from gateway.domain.halt import Halt, HaltTrigger, Scope

MOMENTUM = HaltTrigger("REPEATED_EXECUTION", Scope("strategy", "momentum"), 6, 5)
PRIMARY = HaltTrigger("REPEATED_EXECUTION", Scope("account", "primary"), None, None)


class SlowStops:
    """Halts that stand at once and take their time to be written; one scope cannot be."""

    def __init__(self, broken: Scope | None = None) -> None:
        self.book, self.broken, self.calls = Book(), broken, list[Scope]()
        self.most, self._writing = 0, 0

    async def halt(
        self, *, cause: str, scope: Scope, by: str, clear_by: str, cancels: bool = False,
        reduce_allowed: bool = False, observed: int | None = None, limit: int | None = None,
        reason: str | None = None,
    ) -> Halt:  # fmt: skip
        self.calls.append(scope)
        told = (cause, cancels, reduce_allowed, clear_by, by, observed, limit, reason)
        halt = Halt(str(scope), scope, *told)
        self.book.halts[halt.halt_id] = halt
        self._writing += 1
        self.most = max(self.most, self._writing)
        await asyncio.sleep(0)
        self._writing -= 1
        if scope == self.broken:
            raise UnavailableError("halt-unkept", "no disk", "get one")
        return halt

    async def recover(self, *, cause: str, scope: Scope, by: str, reason: str) -> Halt | None:
        raise NotImplementedError


async def test_many_denials_at_once_engage_one_halt() -> None:
    stops = SlowStops()
    latches = Latches(stops, lambda: stops.book)
    await asyncio.gather(*(latches.engage([MOMENTUM]) for _ in range(8)))
    assert stops.calls == [MOMENTUM.scope]
    [halt] = stops.book.halts.values()
    assert (halt.by, halt.clear_by, halt.cancels) == ("policy", "operator", False)
    assert (halt.observed, halt.limit) == (6, 5)


async def test_a_later_denial_asks_again_so_that_what_is_unkept_is_kept() -> None:
    stops = SlowStops()
    latches = Latches(stops, lambda: stops.book)
    await latches.engage([MOMENTUM])
    await latches.engage([MOMENTUM])
    assert stops.calls == [MOMENTUM.scope] * 2
    assert stops.most == 1


async def test_a_halt_that_fails_keeps_no_other_from_being_engaged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stops = SlowStops(broken=MOMENTUM.scope)
    await Latches(stops, lambda: stops.book).engage([MOMENTUM, PRIMARY])
    assert stops.calls == [MOMENTUM.scope, PRIMARY.scope]
    assert "could not be followed up" in caplog.text
