"""Recording halts: the book stops at once, open orders are cancelled, the entry follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gateway.control.owed import OwedHalts
from gateway.control.resuming import PROBE, check_may_lift, resume, standing_halt
from gateway.domain.book import Book
from gateway.domain.errors import NotFoundError, UnavailableError, WritError
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.ids import new_id
from gateway.ports import Cancelling, Clock, Committed, Draft, Entropy, Journal

MANUAL: Final = "OMEGA2_MANUAL"
"""Cause of the halt that a person engages."""
CANCELS_WAIT_S: Final = 5
"""How long whoever halts waits for the cancels; what is not cancelled by then goes on being."""
KEEP_TIMEOUT_S: Final = 10
"""How long a marker may take to be written or removed; a disk may hang."""
ENTRY_WAIT_S: Final = 5
"""How long whoever halts, or lifts, waits for the halt's entry; it goes on being written."""

_log = logging.getLogger(__name__)


class Kept(StrEnum):
    """Where a standing halt would be found if the process died now."""

    LOG = "log"
    """Its entry is durable."""
    MARKER = "marker"
    """The ledger did not take it; a marker beside it is taken up by the next start."""
    MEMORY = "memory"
    """Neither could be written: it stands for as long as this process does."""


@dataclass(frozen=True, slots=True)
class Exercised:
    """The kill switch, tried in this process: who pulled it, and who lifted it, when (wall)."""

    by: str
    lifted_by: str
    at_us: int


@dataclass(slots=True)
class _Unrecorded:
    """A halt whose entry is not known as durable, and where it is kept instead."""

    payload: Mapping[str, Any]
    kept: Kept = Kept.MEMORY
    entering: asyncio.Task[None] | None = None
    """Its first attempt, until it has ended one way or the other."""
    marking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One writer at a time: two would tear the marker, or leave one behind."""


class Halting:
    """Engages halts, for people and for triggers alike, and ends them."""

    def __init__(
        self,
        journal: Journal,
        cancels: Cancelling,
        clock: Clock,
        entropy: Entropy,
        owed: OwedHalts,
        replay: Callable[[], Awaitable[Book]],
    ) -> None:
        """Wire the record, the cancels and the markers; ``replay`` says what the log holds."""
        self._journal = journal
        self._cancels = cancels
        self._clock = clock
        self._entropy = entropy
        self._owed = owed
        self._replay = replay
        self._unrecorded: dict[str, _Unrecorded] = {}
        """By halt_id: the halts whose entries are not known as durable."""
        self._pulled: set[str] = set()
        """halt_id of the kills of everything that were engaged in this process and stand."""
        self._exercised: Exercised | None = None
        self._cancelling: set[asyncio.Task[int]] = set()
        """The rounds of cancels under way; each ends, because each cancel does."""
        self.on_halt: list[Callable[[], object]] = []
        """Each is called at once when a halt has been engaged, before anything is awaited."""

    @property
    def exercised(self) -> Exercised | None:
        """When named people last pulled the kill switch and lifted it again, in this process."""
        return self._exercised

    def kept(self, halt_id: str) -> Kept:
        """Where a standing halt is kept, as far as is known.

        The journal enters what it owes by itself; until the halt is ended or the process starts
        anew, such a halt is still called owed here.
        """
        found = self._unrecorded.get(halt_id)
        return Kept.LOG if found is None else found.kept

    async def halt(  # noqa: PLR0913  each is a field of the entry
        self,
        *,
        cause: str,
        scope: Scope,
        by: str,
        clear_by: str,
        cancels: bool = False,
        reduce_allowed: bool = False,
        observed: int | None = None,
        limit: int | None = None,
        reason: str | None = None,
        insists: bool = False,
    ) -> Halt:
        """Engage a halt, unless one of this cause and scope stands that is at least as strict.

        Nothing is allowed from the moment this is called, before any waiting. Open orders are
        cancelled when the halt says so, whether or not the entry could be written. With
        ``reduce_allowed`` it lets orders through that provably only reduce a position. Where it
        stands already, only somebody who ``insists`` has open orders cancelled once more: those
        that a broker did not take a cancel of, and exits that were let through since. A broker
        that hangs over a cancel, or a disk, keeps nobody waiting for longer than a few seconds.
        """
        for standing in self._journal.book.halts.values():
            same = (standing.cause, standing.scope) == (cause, scope)
            # A stop that lets exits through will not do for whoever asks for one that does not.
            weaker = standing.cancels < cancels or standing.reduce_allowed > reduce_allowed
            if same and not weaker:
                again = cancels and insists
                await asyncio.gather(
                    self._keep_again(standing.halt_id),
                    *([self._cancel_all(by, cause, scope)] if again else []),
                )
                return standing
        halt_id = new_id("halt", self._clock.wall_us(), self._entropy.token(10))
        optional = {"observed": observed, "limit": limit, "reason": reason}
        payload: dict[str, Any] = {
            "halt_id": halt_id,
            "scope": {"kind": scope.kind, "name": scope.name},
            "cause": cause,
            "cancels": cancels,
            "reduce_allowed": reduce_allowed,
            "clear_by": clear_by,
            "by": by,
        } | {name: value for name, value in optional.items() if value is not None}
        recorded = self._journal.record([Draft("halt", payload)], owed=True)
        halt = self._journal.book.halts[halt_id]
        self._unrecorded[halt_id] = _Unrecorded(payload)
        if cancels and (cause, scope) == (MANUAL, GLOBAL):
            self._pulled.add(halt_id)
        self._tell()
        # Beside the cancels, which may take as long as a broker does.
        entering = asyncio.create_task(self._enter(payload, asyncio.ensure_future(recorded)))
        self._unrecorded[halt_id].entering = entering
        await asyncio.gather(
            *([self._cancel_all(by, cause, scope)] if cancels else []),
            self._entered(entering),
        )
        return halt

    async def _entered(self, entering: asyncio.Task[None]) -> None:
        """Wait for an entry, not for ever: :meth:`kept` says where the halt is until then."""
        await asyncio.wait([entering], timeout=ENTRY_WAIT_S)
        if entering.done():
            entering.result()
        else:
            entering.add_done_callback(_looked_at)

    def _tell(self) -> None:
        for heed in self.on_halt:
            try:
                heed()
            except Exception:  # noqa: BLE001  the cancels must go out
                _log.exception("what follows a halt failed; it stands all the same")

    async def _cancel_all(self, by: str, cause: str, scope: Scope) -> None:
        """Have what works in the scope cancelled; returns when it is, or when it takes too long."""
        cancelling = asyncio.ensure_future(self._cancels.cancel_all(by, cause, scope))
        self._cancelling.add(cancelling)
        cancelling.add_done_callback(self._cancelled)
        await asyncio.wait([cancelling], timeout=CANCELS_WAIT_S)

    def _cancelled(self, cancelling: asyncio.Task[int]) -> None:
        self._cancelling.discard(cancelling)
        if not cancelling.cancelled() and (error := cancelling.exception()) is not None:
            _log.error("the cancels of a halt failed; they are asked for again", exc_info=error)

    async def take_up(self) -> int:
        """At a start, before any order: enter every halt that is owed; returns how many.

        Raises:
            RefusedError: ``halt-owed-unreadable``.
            UnavailableError: the ledger does not take them; the gateway must not start.
        """
        waiting = await self._owed.waiting()
        for payload in waiting:
            # Crash after the entry and before the marker's end: it is in the log already. One
            # that was ended since has no marker: `resume` removes it before it ends the halt.
            if payload["halt_id"] not in self._journal.book.halts:
                await self._journal.record([Draft("halt", payload)])
            await self._forget(str(payload["halt_id"]), payload)
        return len(waiting)

    async def resume(self, halt_id: str, *, by: str, scopes: frozenset[str], reason: str) -> Halt:
        """Lift one standing halt, once its own entry is durable and no marker is left of it.

        An entry that is under way is waited for, a few seconds at most.

        Raises:
            NotFoundError, RefusedError, UnavailableError: as ``gateway.control.resuming.resume``.
            UnavailableError: ``halt-unrecorded``, ``halt-unkept``: the halt stands.
        """
        standing_halt(self._journal.book, halt_id, scopes)
        await self._entry_of(halt_id)
        lifted = await resume(self._journal, halt_id, by=by, scopes=scopes, reason=reason)
        if halt_id in self._pulled:
            self._pulled.discard(halt_id)
            self._exercised = Exercised(lifted.by, by, self._clock.wall_us())
        return lifted

    async def _entry_of(self, halt_id: str) -> None:
        """See that a halt is in the log and nowhere beside it; else its end cannot be entered."""
        unrecorded = self._unrecorded.get(halt_id)
        if unrecorded is None:
            return
        entering = unrecorded.entering
        if entering is not None:
            await asyncio.wait([entering], timeout=ENTRY_WAIT_S)
            if halt_id not in self._unrecorded:
                return
            if not entering.done():
                raise _not_entered(halt_id)
        if halt_id not in (await self._replay()).halts:
            raise _not_entered(halt_id)
        await self._within_timeout(self._owed.drop(halt_id))
        self._unrecorded.pop(halt_id, None)  # two may lift it at once

    async def resume_all(self, *, by: str, scopes: frozenset[str], reason: str) -> list[Halt]:
        """Lift every halt that stands now, or none if one of them needs another person.

        Raises:
            RefusedError: ``halt-not-yours``: all of them stand.
            UnavailableError: as :meth:`resume`; those before it in the list are lifted.
        """
        standing = list(self._journal.book.halts.values())
        for halt in standing:
            check_may_lift(halt, scopes)
        lifted: list[Halt] = []
        for halt in standing:
            try:
                lifted.append(await self.resume(halt.halt_id, by=by, scopes=scopes, reason=reason))
            except NotFoundError:
                _log.info("halt %s was lifted by somebody else meanwhile", halt.halt_id)
        return lifted

    async def recover(self, *, cause: str, scope: Scope, by: str, reason: str) -> Halt | None:
        """Lift the halt of this cause and scope for the part that found its reason gone.

        Only one that a probe may clear: every other one waits for a person.

        Raises:
            UnavailableError: as :meth:`resume`; the halt stands.
        """
        for halt in list(self._journal.book.halts.values()):
            if (halt.cause, halt.scope, halt.clear_by) != (cause, scope, PROBE):
                continue
            try:
                return await self.resume(
                    halt.halt_id, by=by, scopes=frozenset({PROBE}), reason=reason
                )
            except NotFoundError:
                _log.info("halt %s was lifted by somebody else meanwhile", halt.halt_id)
        return None

    async def _enter(self, payload: Mapping[str, Any], recorded: Awaitable[Committed]) -> None:
        """Write marker and entry side by side; the one ends when the other is durable."""
        halt_id = str(payload["halt_id"])
        await self._keep_again(halt_id)
        try:
            await recorded
        except WritError:
            _log.exception(
                "halt %s stands but could not be recorded yet: kept in %s",
                halt_id,
                self.kept(halt_id),
            )
            return
        await self._forget(halt_id, payload)

    async def _keep_again(self, halt_id: str) -> None:
        """Write the marker of a halt that nothing but memory holds; one writer at a time."""
        halt = self._unrecorded.get(halt_id)
        if halt is None:
            return
        async with halt.marking:
            if halt.kept is not Kept.MEMORY or halt_id not in self._unrecorded:
                return
            try:
                await self._within_timeout(self._owed.keep(halt.payload))
            except UnavailableError:
                _log.exception("halt %s stands in memory only", halt_id)
                return
            halt.kept = Kept.MARKER

    async def _forget(self, halt_id: str, payload: Mapping[str, Any]) -> None:
        """Remove the marker of a halt that is in the log; if that fails, it is tried at its end."""
        try:
            await self._within_timeout(self._owed.drop(halt_id))
        except UnavailableError:
            _log.exception("the marker of halt %s is left over", halt_id)
            self._unrecorded[halt_id] = _Unrecorded(payload, Kept.MARKER)
            return
        self._unrecorded.pop(halt_id, None)

    async def _within_timeout(self, work: Awaitable[None]) -> None:
        try:
            # Not `wait_for`, which may swallow a cancellation in Python 3.11.
            async with asyncio.timeout(KEEP_TIMEOUT_S):
                await work
        except TimeoutError as error:
            raise UnavailableError(
                "halt-unkept",
                f"the disk did not answer within {KEEP_TIMEOUT_S} s",
                "check the disk; the halt stands",
            ) from error


def _looked_at(entering: asyncio.Task[None]) -> None:
    """See what became of an entry that nobody waits for any more."""
    if not entering.cancelled() and (error := entering.exception()) is not None:
        _log.error("the entry of a halt failed; it stands", exc_info=error)


def _not_entered(halt_id: str) -> UnavailableError:
    return UnavailableError(
        "halt-unrecorded",
        f"halt {halt_id} is not in the log yet, so its end cannot be",
        "make the ledger take entries again, or restart; then resume",
    )
