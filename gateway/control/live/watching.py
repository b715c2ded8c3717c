"""Whether LIVE is open: judged at every question, closed by the first gate that fails.

What is open is in memory, of this process alone: a restart, a crash, or a record that cannot be
written leaves it closed. It never opens again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from gateway.control.halting import Halting
from gateway.control.live.evidence import (
    Confirmation,
    EngineLook,
    Evidence,
    Sources,
    Validation,
)
from gateway.control.live.gates import Gate, all_hold, judge
from gateway.domain.errors import WritError
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.halt import GLOBAL
from gateway.domain.permission import LIVE_LAPSED
from gateway.ports import Draft, Journal
from vault.errors import ProviderError

BY: Final = "live"
ASK_AGAIN_NS: Final = 15 * 60 * 1_000_000_000
"""How old a broker's word may be before it is asked again by itself."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Why LIVE closed, the first gate that failed and what it missed; at a wall time."""

    gate: str
    missing: str
    at_us: int


class Watch:
    """Holds what is open, and lets go of it."""

    def __init__(self, sources: Sources, journal: Journal, halting: Halting, instance: str) -> None:
        """Closed at first; ``instance`` names this process."""
        self._sources = sources
        self._journal = journal
        self._halting = halting
        self._instance = instance
        self._open: Confirmation | None = None
        self._engine: EngineLook | None = None
        self._validations: dict[str, Validation] = {}
        self._asked_ns: dict[str, int] = {}
        self._lapsing: set[asyncio.Task[None]] = set()
        self.lapsed: Lapsed | None = None
        """The last time that it closed by itself in this process."""

    @property
    def instance(self) -> str:
        """The name of this process."""
        return self._instance

    def evidence(self, confirmation: Confirmation | None = None) -> Evidence:
        """Everything as of now; ``confirmation`` is one that is about to open LIVE."""
        sources, book = self._sources, self._sources.book()
        wall_us = sources.clock.wall_us()
        release_digest, limits_digest = sources.release()
        return Evidence(
            wall_us=wall_us,
            monotonic_ns=sources.clock.monotonic_ns(),
            instance=self._instance,
            enabled=sources.enabled,
            mode=book.mode,
            permission=sources.permission(),
            release_digest=release_digest,
            limits_digest=limits_digest,
            routes=sources.routes,
            validations=self._validations,
            unfit=sources.unfit(),
            store_trouble=sources.store_trouble(),
            clock_trouble=sources.clock_trouble(),
            engine=self._engine,
            omega4_lifted=book.omega4_lifted(wall_us),
            stale_facts=sources.stale_facts(),
            exercised=sources.exercised(),
            halts=tuple(book.halts.values()),
            confirmation=confirmation or self._open,
        )

    def gates(self) -> tuple[Gate, ...]:
        """Every gate as of now."""
        return judge(self.evidence())

    def live_open(self) -> bool:
        """Whether LIVE is open at this moment; if it no longer may be, it is closed from here on.

        Asked before each decision and each forward: nothing is awaited.
        """
        if self._open is None:
            return False
        try:
            gates = self.gates()
        except Exception:  # noqa: BLE001  whatever cannot be judged is not proven
            _log.exception("the gates of LIVE could not be judged")
            self._close("gates", "they could not be judged")
            return False
        if all_hold(gates):
            return True
        failed = next(gate for gate in gates if not gate.holds)
        self._close(failed.name, failed.missing)
        return False

    def open(self, confirmation: Confirmation) -> bool:
        """Open LIVE if every gate holds at this moment; nothing is awaited in between."""
        if self._open is not None or not all_hold(judge(self.evidence(confirmation))):
            return False
        self._open = confirmation
        _log.warning("LIVE is open: confirmed by %s", confirmation.by)
        return True

    async def look(self) -> None:
        """Ask what cannot be asked in an instant, and judge anew."""
        try:
            trouble = await self._sources.engine_trouble()
        except Exception as error:  # noqa: BLE001  it cannot decide, whatever the reason
            _log.exception("the engine could not be asked")
            trouble = type(error).__name__
        self._engine = EngineLook(trouble, self._sources.clock.monotonic_ns())
        self.live_open()

    async def ask_again(self) -> None:
        """Ask the vault, and every broker whose word is older than ``ASK_AGAIN_NS``.

        A broker that does not answer is believed until its word is too old; one that answers
        otherwise closes LIVE.
        """
        await self._sources.look_at_vault()
        self.live_open()
        now_ns = self._sources.clock.monotonic_ns()
        for alias, validation in list(self._validations.items()):
            if now_ns - max(validation.at_ns, self._asked_ns.get(alias, 0)) < ASK_AGAIN_NS:
                continue
            self._asked_ns[alias] = now_ns
            try:
                await self.validate(alias, forget=False)
            except (OutcomeUnknownError, ProviderError) as error:
                _log.warning("the broker of %s could not be asked again: %s", alias, error.code)
        self.live_open()

    async def validate(self, alias: str, *, forget: bool = True) -> None:
        """Ask an account's broker about its credentials; to ``forget`` is to believe no old word.

        Raises:
            OutcomeUnknownError: it did not answer.
            ProviderError: the credentials are not in hand.
        """
        if forget:
            self._validations.pop(alias, None)
        # The age counts from before the question, so that it is never taken for less.
        asked_ns = self._sources.clock.monotonic_ns()
        answer = await self._sources.validate(alias)
        self._validations[alias] = Validation(answer, asked_ns)

    async def settled(self) -> None:
        """Wait until every lapse is recorded, as far as it can be."""
        while self._lapsing:
            await asyncio.wait(tuple(self._lapsing))

    def _close(self, gate: str, missing: str) -> None:
        """Close at once; entry and halt follow, and do not change that it is closed."""
        closed, self._open = self._open, None
        if closed is None:
            return
        self.lapsed = Lapsed(gate, missing, self._sources.clock.wall_us())
        _log.error("LIVE has closed: %s: %s", gate, missing)
        task = asyncio.get_running_loop().create_task(self._record(closed, gate))
        self._lapsing.add(task)
        task.add_done_callback(self._lapsing.discard)

    async def _record(self, closed: Confirmation, gate: str) -> None:
        payload = {
            "of": "live",
            "manifest_digest": closed.manifest_digest,
            "cause": gate,
            "cancels": closed.cancels_at_lapse,
            "by": BY,
        }
        entry = asyncio.ensure_future(self._journal.record([Draft("lapse", payload)]))
        try:
            await self._halting.halt(
                cause=LIVE_LAPSED,
                scope=GLOBAL,
                by=BY,
                clear_by="admin",
                cancels=closed.cancels_at_lapse,
                reason=f"the gate {gate} no longer held",
            )
        except Exception:  # noqa: BLE001  the halt itself stands or is owed
            _log.exception("the halt after LIVE could not be followed up")
        try:
            await entry
        except WritError:
            _log.exception("the lapse of LIVE could not be recorded; it is closed all the same")
