"""Unlocking LIVE: the five steps, each on the record, and the confirmation that opens it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.control.live.confirming import Asked, Confirmations, Pending
from gateway.control.live.evidence import Confirmation, Sources
from gateway.control.live.gates import Gate
from gateway.control.live.ladder import (
    CREDENTIALS,
    ENABLE,
    Progress,
    after_step,
    check_step,
    still,
)
from gateway.control.live.watching import Lapsed, Watch
from gateway.domain.book import NONE
from gateway.domain.errors import RefusedError, WritError
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.permission import Permission
from gateway.ports import Draft, Entropy, Journal
from signing import canonical
from vault.errors import ProviderError

REFUSALS_MAX: Final = 10
"""Refusals that are recorded within a minute; the others are counted."""
_MINUTE_NS: Final = 60_000_000_000
UNIDENTIFIED: Final = "unidentified"
"""Whoever answers a confirmation that nobody asked for."""
_log = logging.getLogger(__name__)

Verify = Callable[[Pending], Awaitable[Mapping[str, Any]]]
"""Holds an answer against what was asked; returns the evidence of it, or raises RefusedError."""


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """LIVE as it is: for whoever reads the mode.

    ``refusals_unrecorded`` counts the refusals of this process that came too fast to be recorded.
    """

    open: bool
    instance: str
    permission: Permission | None
    progress: Progress
    confirmation_waits: bool
    gates: tuple[Gate, ...]
    lapsed: Lapsed | None
    refusals_unrecorded: int


class Unlocking:
    """Takes the steps, one at a time, and opens LIVE with the last."""

    def __init__(self, watch: Watch, sources: Sources, journal: Journal, entropy: Entropy) -> None:
        """Begin with no step taken."""
        self._watch = watch
        self._sources = sources
        self._journal = journal
        self._progress = Progress()
        self._confirmations = Confirmations(sources.clock, entropy)
        self._refused_ns = {known: deque[int](maxlen=REFUSALS_MAX) for known in (True, False)}
        """When the last ones were recorded: of Admins, and of whoever else, who must not keep
        those from being recorded."""
        self._unrecorded = 0

    @property
    def enabled(self) -> bool:
        """Whether the operator's settings let LIVE be opened at all."""
        return self._sources.enabled

    def is_open(self) -> bool:
        """Whether LIVE is open at this moment."""
        return self._watch.live_open()

    async def look(self) -> None:
        """Ask what cannot be asked in an instant, and judge anew; every second."""
        await self._watch.look()
        self.reconsider()

    async def ask_again(self) -> None:
        """Ask the vault, and the brokers whose word grows old."""
        await self._watch.ask_again()

    async def settled(self) -> None:
        """Wait until a lapse is recorded, as far as it can be."""
        await self._watch.settled()

    def status(self) -> LiveStatus:
        """LIVE, its steps and its gates as of now."""
        opened = self._watch.live_open()
        self.reconsider()
        return LiveStatus(
            open=opened,
            instance=self._watch.instance,
            permission=self._sources.permission(),
            progress=self._progress,
            confirmation_waits=self._confirmations.waits,
            gates=self._watch.gates(),
            lapsed=self._watch.lapsed,
            refusals_unrecorded=self._unrecorded,
        )

    def reconsider(self) -> None:
        """Judge anew: what no longer holds closes LIVE, and takes back the steps."""
        was = self._progress
        self._watch.live_open()
        self._progress = still(was, self._watch.gates(), self._sources.permission())
        if was.taken and not self._progress.taken:
            self._confirmations.drop()
        if self._progress.next is None and not self._watch.live_open():
            self._progress = Progress()  # it has lapsed

    async def step(self, step: str, said: str, by: str) -> Asked | None:
        """Take one step; the last gives a link for the Admin who took it.

        Args:
            step: one of ``gateway.control.live.ladder.STEPS``.
            said: the manifest's digest, the acknowledgement's version, or nothing.
            by: the Admin.

        Raises:
            RefusedError: as ``check_step`` says, or ``live-open``: it is refused and recorded.
            UnavailableError: it could not be recorded, and is not taken.
        """
        try:
            self._check_closed()
            await self._watch.look()
            if step == CREDENTIALS == self._progress.next:
                await self._validate()
            permission = self._check(step, said)
        except RefusedError as error:
            await self._refused(step, error.code, by)
            raise
        self._confirmations.drop()  # a link is of the steps before it, and of no others
        if step == ENABLE:
            return self._confirmations.ask(by, self._watch.instance, permission)
        await self._taken(step, permission.digest, by)
        return None

    def asked(self, confirmation_id: str) -> Pending:
        """What a link asks to confirm.

        Raises:
            NotFoundError, RefusedError: as ``Confirmations.find`` says.
        """
        self.reconsider()
        return self._confirmations.find(confirmation_id)

    async def confirm(self, confirmation_id: str, verify: Verify) -> None:
        """Open LIVE by an Admin's answer; the link is used with this, whatever comes of it.

        Raises:
            NotFoundError: ``confirmation-unknown``.
            RefusedError: ``confirmation-used``, ``confirmation-expired``, what ``verify`` says,
                what ``check_step`` says, or ``live-changed``: refused and recorded.
            UnavailableError: it could not be recorded, and LIVE is closed.
        """
        by = UNIDENTIFIED
        try:
            self._confirmations.find(confirmation_id)  # a guess costs nobody anything
            await self.look()
            pending = self._confirmations.take(confirmation_id)
            by = pending.by
            given = await verify(pending)
            await self._watch.look()
            self._check(ENABLE, "")
            await self._open(pending, given)
        except WritError as error:
            await self._refused(ENABLE, error.code, by)
            raise

    async def _open(self, pending: Pending, given: Mapping[str, Any]) -> None:
        """Durable first, then open: at that moment every gate has to hold once more."""
        permission, clock = pending.permission, self._sources.clock
        confirmation = Confirmation(
            by=pending.by,
            manifest_digest=permission.digest,
            instance=pending.instance,
            at_us=clock.wall_us(),
            cancels_at_lapse=permission.manifest.at_lapse == "cancel",
        )
        await self._taken(ENABLE, permission.digest, pending.by, given)
        if not self._watch.open(confirmation):
            self._progress = Progress()
            raise RefusedError(
                "live-changed", "a gate closed while LIVE was about to open", "writ mode show"
            )

    def _check(self, step: str, said: str) -> Permission:
        """The manifest that the step is for, if it may be taken at this moment."""
        self.reconsider()
        permission = self._sources.permission()
        check_step(self._progress, step, said, self._watch.gates(), permission)
        assert permission is not None  # check_step refuses without one
        return permission

    def _check_closed(self) -> None:
        if self._watch.live_open():
            raise RefusedError("live-open", "LIVE is open already", "writ mode show")

    async def _validate(self) -> None:
        permission = self._sources.permission()
        if permission is None:
            return  # the gate manifest says so
        for alias in permission.manifest.accounts:
            if alias not in self._sources.routes:
                continue  # the gate venue says so
            try:
                await self._watch.validate(alias)
            except (OutcomeUnknownError, ProviderError) as error:
                raise RefusedError(
                    "live-gate-credentials",
                    f"{alias}: the broker could not be asked: {error.code}",
                    "find out whether broker and vault are up, and take the step again",
                ) from error

    async def _taken(
        self, step: str, digest: str, by: str, given: Mapping[str, Any] | None = None
    ) -> None:
        at_us = self._sources.clock.wall_us()
        before = self._progress
        evidence = canonical.encode(
            {
                "confirmation": dict(given) if given is not None else NONE,
                "gates": {g.name: g.evidence for g in self._watch.gates() if g.holds},
                "v": 1,
            }
        )
        payload = self._payload(step, "done", NONE, digest, by)
        payload["evidence_digest"] = canonical.digest(evidence)
        await self._journal.record([Draft("unlock", payload, blobs=(evidence,))])
        if self._progress != before:
            raise RefusedError(
                "live-changed", "something changed while the step was recorded", "begin anew"
            )
        self._progress = after_step(before, step, digest, by, at_us)

    async def _refused(self, step: str, code: str, by: str) -> None:
        """Record a refusal, unless too many were within a minute: those are counted."""
        now_ns = self._sources.clock.monotonic_ns()
        recorded_ns = self._refused_ns[by != UNIDENTIFIED]
        if len(recorded_ns) == REFUSALS_MAX and now_ns - recorded_ns[0] < _MINUTE_NS:
            self._unrecorded += 1
            return
        recorded_ns.append(now_ns)
        digest = self._progress.manifest_digest
        try:
            payload = self._payload(step, "refused", code, digest, by)
            await self._journal.record([Draft("unlock", payload)])
        except WritError:
            _log.exception("a refused step to LIVE could not be recorded: %s", code)

    def _payload(self, step: str, outcome: str, code: str, digest: str, by: str) -> dict[str, Any]:
        return {
            "step": step,
            "outcome": outcome,
            "code": code,
            "manifest_digest": digest,
            "instance": self._watch.instance,
            "by": by,
        }
