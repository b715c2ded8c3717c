"""Accepting what officers sign, and letting go of it.

A look at the trust root four times a second costs a few calls of `stat`; when something has
changed, everything is verified anew on a worker thread, above what was accepted before. What is
accepted is in the record before it counts. What becomes of the manifest that stands:

- The officers signed another one, and it permits this gateway: it takes the place of the old one
  once it is recorded. Until a switch to the release that it names, orders are denied.
- They signed none any more (a revocation), or one that permits nothing here (another environment,
  an older epoch, not valid yet): the old one is not what they want, and ends at once.
- It expires, an attestation ends, or some file of the trust root expires: it ends at that moment,
  by the clock, whether or not anybody looks. A clock that was set back ends it as well.
- The folder shows an older or another state than was seen, or one that too few have signed: it
  ends at once. Somebody has tampered with it, or officers were removed and have yet to sign again.
- The folder or the pinned root is missing, half-written or cannot be read: that proves nothing.
  What was verified before goes on for ten seconds, so that a copy under way stops nobody; then it
  ends.

An end is an entry `lapse` and, where orders leave the gateway, a global halt that an Admin lifts.
The same manifest may be accepted again, when trust was renewed: the halt stands until then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.control.lapse_causes import (
    CLOCK_BACK,
    MANIFEST_REPLACED,
    PROVES_NOTHING,
    cause_of,
)
from gateway.control.permission import Permissions
from gateway.control.permission_entries import lapse_draft, manifest_draft, trust_draft
from gateway.control.trust_reading import TRUST, Reading, Refused, Trust, TrustReader
from gateway.domain.book import NONE
from gateway.domain.errors import WritError
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import OUTSIDE
from gateway.domain.permission import MANIFEST_LAPSED, Accepted, Permission
from gateway.ports import BlockingRunner, Clock, Draft, Journal, Stops
from signing.permission import Seen, Verified

LOOK_INTERVAL_MS: Final = 250
READ_TIMEOUT_MS: Final = 5_000
SOUND_MS: Final = 60_000
"""After so long everything is verified again, whatever `stat` says."""
FAULTY_MS: Final = 1_000
"""The same, while something is refused that may pass by itself."""
DOUBT_MAX_MS: Final = 10_000
BY: Final = "acceptance"

_NS_PER_MS: Final = 1_000_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Acceptance:
    """Looks, verifies, records and ends; one per process, on one event loop.

    ``reader`` is ``None`` where no trust root is configured: then nothing is ever permitted.
    ``repair`` makes the book agree with the log again, after a commit that failed.
    """

    permissions: Permissions
    reader: TrustReader | None
    journal: Journal
    repair: Callable[[], Awaitable[None]]
    stops: Stops
    clock: Clock
    runner: BlockingRunner
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _under_way: asyncio.Future[Reading | None] | None = None
    _due_ns: int = 0
    _doubted_ns: int | None = None
    """Since when the folder cannot be read."""
    _unrecorded: bool = False
    """The book tells of entries that the log may not have: it cannot say what was accepted."""

    async def run(self) -> None:
        """Look again and again, for as long as the gateway runs."""
        while True:
            await self.clock.sleep_ms(LOOK_INTERVAL_MS)
            for step in (self.look, self.enforce):  # a record that is away does not keep cancels
                try:
                    await step()
                except Exception:  # noqa: BLE001  what stands is judged by the clock all the same
                    _log.exception("what officers permit could not be followed up")

    async def look(self) -> None:
        """Look once, and take what is new."""
        async with self._looking:
            if self._unrecorded and not await self._mended():
                return
            reading = await self._read()
            if reading is None:
                return
            self._again_in(FAULTY_MS if _may_pass(reading) else SOUND_MS)
            if self.permissions.clock_back():
                self._distrust(CLOCK_BACK)
            elif isinstance(reading.trust, Refused):
                self._distrust(reading.trust)
            else:
                await self._take(reading.trust, reading.manifest)

    async def enforce(self) -> None:
        """Record that the manifest has lapsed, and halt, once for each manifest.

        If the entry cannot be written it stands all the same and is owed; nothing is permitted
        meanwhile, because this process knows.
        """
        accepted, cause = self.journal.book.manifest, self.permissions.lapsed()
        if cause is None or accepted is None or accepted.lapsed != NONE:
            return
        self.permissions.end(cause)
        if self._unrecorded:  # the book may tell of a manifest that the log does not have
            await self._halt(accepted, cause)
            return
        _log.error("the manifest %s has lapsed: %s", accepted.digest, cause)
        recorded = self.journal.record([lapse_draft(accepted, cause, BY)], owed=True)
        try:
            await self._halt(accepted, cause)
        finally:
            await recorded

    async def _halt(self, accepted: Accepted, cause: str) -> None:
        """Stop everything that leaves the gateway; nothing where nothing does."""
        if self._leaves_the_gateway():
            await self.stops.halt(
                cause=MANIFEST_LAPSED,
                scope=GLOBAL,
                by=BY,
                clear_by="admin",
                cancels=accepted.cancels_at_lapse,
                reason=cause,
            )

    def _leaves_the_gateway(self) -> bool:
        """Whether orders go to a broker's venue, or some that did are still working there."""
        book = self.journal.book
        return book.mode in OUTSIDE or any(o.mode in OUTSIDE for o in book.open_orders())

    async def _mended(self) -> bool:
        """Make the book agree with the log, which alone says what was accepted; not too often."""
        if self.clock.monotonic_ns() < self._due_ns:
            return False
        self._again_in(FAULTY_MS)
        await self.repair()
        self._due_ns, self._unrecorded = 0, False
        return True

    def _again_in(self, after_ms: int) -> None:
        """When everything is verified again, if nothing is seen to change before."""
        self._due_ns = self.clock.monotonic_ns() + after_ms * _NS_PER_MS

    async def _read(self) -> Reading | None:
        """What there is to judge; ``None``: nothing has changed since the last reading."""
        reader = self.reader
        if reader is None:
            return None
        if self._under_way is None:
            book, now_us = self.journal.book, self.clock.wall_us()
            digest = "" if book.manifest is None else book.manifest.digest
            floor, seen = book.trust_floor, Seen(book.epoch, digest)
            due = self.clock.monotonic_ns() >= self._due_ns

            def read() -> Reading | None:
                return reader.read(now_us, floor, seen) if due or reader.changed() else None

            self._under_way = asyncio.ensure_future(self.runner.run(read))
        done, _ = await asyncio.wait({self._under_way}, timeout=READ_TIMEOUT_MS / 1_000)
        if not done:  # the thread is still at it, and the next look waits for the same one
            return _all_refused("trust-timeout", "the trust root did not answer in time")
        finished, self._under_way = self._under_way, None
        try:
            return finished.result()
        except Exception as error:  # noqa: BLE001  nothing may be believed of what was not read
            _log.exception("the trust root could not be verified")
            return _all_refused("trust-unverified", f"{type(error).__name__} while verifying")

    def _distrust(self, refused: Refused) -> None:
        """End what rests on a trust root that is refused, at once or after the time of doubt."""
        self._say(refused)
        if refused.code in PROVES_NOTHING:
            now_ns = self.clock.monotonic_ns()
            if self._doubted_ns is None:
                self._doubted_ns = now_ns
            waited_ms = (now_ns - self._doubted_ns) // _NS_PER_MS
            self.permissions.doubtful = waited_ms < DOUBT_MAX_MS
            if self.permissions.doubtful and self.permissions.standing() is not None:
                return
        self.permissions.doubtful = False
        self.permissions.end(cause_of(refused))

    async def _take(self, trust: Trust, manifest: Verified | Refused) -> None:
        """Take a trust root that was verified, and what it permits; recorded before it counts."""
        self._doubted_ns = None
        if isinstance(manifest, Refused):
            self._say(manifest)
            self.permissions.end(cause_of(manifest))
        elif self._another_release(manifest):
            self.permissions.end(MANIFEST_REPLACED)  # from its entry on the log knows no other
        drafts = self._drafts(trust, manifest)
        if drafts:
            try:
                await self.journal.record(drafts)
            except WritError as error:
                # What stood goes on until its time, unless it was ended above.
                _log.error("what officers signed could not be recorded: %s", error)
                self._unrecorded = True
                self._again_in(FAULTY_MS)
                return
        if isinstance(manifest, Refused):
            self.permissions.accept(trust, None)
        else:
            self.permissions.accept(trust, Permission(manifest.digest, manifest.manifest))

    def _another_release(self, verified: Verified) -> bool:
        """Whether a manifest names another release than the one that stands."""
        standing = self.permissions.standing()
        return standing is not None and (
            standing.manifest.release_digest != verified.manifest.release_digest
        )

    def _drafts(self, trust: Trust, manifest: Verified | Refused) -> list[Draft]:
        """What the record does not know yet."""
        book, drafts = self.journal.book, list[Draft]()
        if book.trust_floor != trust.floor:
            drafts.append(trust_draft(trust))
        accepted = book.manifest
        if isinstance(manifest, Verified) and (
            accepted is None or accepted.digest != manifest.digest or accepted.lapsed != NONE
        ):
            _log.warning("manifest %s is accepted", manifest.digest)
            drafts.append(manifest_draft(trust, manifest))
        return drafts

    def _say(self, refused: Refused) -> None:
        before = self.permissions.report().refused
        if before is None or (before.of, before.code) != (refused.of, refused.code):
            _log.warning(
                "%s refused at step %d (%s): %s",
                *(refused.of, refused.step, refused.code, refused.detail),
            )
        self.permissions.refuse(refused)


def _may_pass(reading: Reading) -> bool:
    """Whether a refusal may end without a change that shows."""
    if isinstance(reading.trust, Refused):
        return True
    return isinstance(reading.manifest, Refused) and reading.manifest.code == "manifest-early"


def _all_refused(code: str, detail: str) -> Reading:
    refused = Refused(TRUST, 0, code, detail, "see the gateway's log, and check the folder")
    return Reading(refused, refused)
