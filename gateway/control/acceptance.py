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
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.control.permission import (
    ATTESTATION_ENDED,
    CLOCK_WENT_BACK,
    MANIFEST_EXPIRED,
    TRUST_EXPIRED,
    Permissions,
)
from gateway.control.trust_reading import MANIFEST, TRUST, Reading, Refused, Trust, TrustReader
from gateway.domain.book import NONE
from gateway.domain.errors import WritError
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from gateway.domain.permission import MANIFEST_LAPSED, Permission
from gateway.ports import BlockingRunner, Clock, Draft, Journal, Stops
from signing.permission import Seen, Verified

LOOK_INTERVAL_MS: Final = 250
READ_TIMEOUT_MS: Final = 5_000
SOUND_MS: Final = 60_000
"""After so long everything is verified again, whatever `stat` says."""
FAULTY_MS: Final = 1_000
"""The same, while something is refused."""
DOUBT_MAX_MS: Final = 10_000
BY: Final = "acceptance"

MANIFEST_REVOKED: Final = "MANIFEST_REVOKED"
MANIFEST_REPLACED: Final = "MANIFEST_REPLACED"
TRUST_REFUSED: Final = "TRUST_REFUSED"
TRUST_ROLLED_BACK: Final = "TRUST_ROLLED_BACK"
TRUST_UNREADABLE: Final = "TRUST_UNREADABLE"

_NS_PER_MS: Final = 1_000_000
_PROVES_NOTHING: Final = frozenset(
    {
        *("metadata-missing", "metadata-form", "file-unreadable", "file-long"),
        *("target-missing", "target-differs", "pinned-unreadable", "trust-timeout"),
        *("snapshot-other", "targets-other", "risk-other"),
    }
)
"""Codes of what a folder says that is half-written or away."""
_ROLLED_BACK: Final = frozenset({"overlay-removed", "role-removed", "root-other"})
_OUTSIDE: Final = frozenset({Mode.PAPER, Mode.LIVE})

_CLOCK_BACK: Final = Refused(
    TRUST, 0, "clock-back", "the wall clock was set back", "set it right; then restart the gateway"
)
_CAUSES: Final = {
    "manifest-revoked": MANIFEST_REVOKED,
    "manifest-expired": MANIFEST_EXPIRED,
    "attestation-ended": ATTESTATION_ENDED,
    "clock-back": CLOCK_WENT_BACK,
}

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
            self._again_in(FAULTY_MS if isinstance(reading.manifest, Refused) else SOUND_MS)
            if self.permissions.clock_back():
                self._distrust(_CLOCK_BACK)
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
        _log.error("the manifest %s has lapsed: %s", accepted.digest, cause)
        entry = {
            "of": "manifest",
            "manifest_digest": accepted.digest,
            "cause": cause,
            "cancels": accepted.cancels_at_lapse,
            "by": BY,
        }
        recorded = self.journal.record([Draft("lapse", entry)], owed=True)
        self.permissions.end(cause)
        try:
            if self._leaves_the_gateway():
                await self.stops.halt(
                    cause=MANIFEST_LAPSED,
                    scope=GLOBAL,
                    by=BY,
                    clear_by="admin",
                    cancels=accepted.cancels_at_lapse,
                    reason=cause,
                )
        finally:
            await recorded

    def _leaves_the_gateway(self) -> bool:
        """Whether orders go to a broker's venue, or some that did are still working there."""
        book = self.journal.book
        return book.mode in _OUTSIDE or any(o.mode in _OUTSIDE for o in book.open_orders())

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
        if refused.code in _PROVES_NOTHING:
            now_ns = self.clock.monotonic_ns()
            if self._doubted_ns is None:
                self._doubted_ns = now_ns
            waited_ms = (now_ns - self._doubted_ns) // _NS_PER_MS
            self.permissions.doubtful = waited_ms < DOUBT_MAX_MS
            if self.permissions.doubtful and self.permissions.standing() is not None:
                return
        self.permissions.doubtful = False
        self.permissions.end(_cause(refused))

    async def _take(self, trust: Trust, manifest: Verified | Refused) -> None:
        """Take a trust root that was verified, and what it permits; recorded before it counts."""
        self._doubted_ns = None
        if isinstance(manifest, Refused):
            self._say(manifest)
            self.permissions.end(_cause(manifest))
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

    def _drafts(self, trust: Trust, manifest: Verified | Refused) -> list[Draft]:
        """What the record does not know yet."""
        book, drafts = self.journal.book, list[Draft]()
        if book.trust_floor != trust.floor:
            drafts.append(Draft("trust", *_trust_entry(trust)))
        accepted = book.manifest
        if isinstance(manifest, Verified) and (
            accepted is None or accepted.digest != manifest.digest or accepted.lapsed != NONE
        ):
            _log.warning("manifest %s is accepted", manifest.digest)
            drafts.append(Draft("manifest", *_manifest_entry(trust, manifest)))
        return drafts

    def _say(self, refused: Refused) -> None:
        before = self.permissions.report().refused
        if before is None or (before.of, before.code) != (refused.of, refused.code):
            _log.warning(
                "%s refused at step %d (%s): %s",
                *(refused.of, refused.step, refused.code, refused.detail),
            )
        self.permissions.refuse(refused)


def _trust_entry(trust: Trust) -> tuple[Mapping[str, Any], tuple[bytes, ...]]:
    entry = {
        "floor": dict(trust.floor),
        "holds_until_us": trust.holds_until_us,
        "evidence_digest": trust.evidence_digest,
    }
    return entry, (trust.evidence,)


def _manifest_entry(
    trust: Trust, verified: Verified
) -> tuple[Mapping[str, Any], tuple[bytes, ...]]:
    manifest = verified.manifest
    entry = {
        "manifest_digest": verified.digest,
        "trust_digest": trust.targets_digest,
        "environment": manifest.environment,
        "epoch": manifest.epoch,
        "mode": manifest.mode,
        "release_digest": manifest.release_digest,
        "limits_digest": manifest.limits_digest,
        "valid_from_us": manifest.valid_from_us,
        "lapses_us": manifest.lapses_us,
        "at_lapse": manifest.at_lapse,
    }
    return entry, (verified.data,)


def _cause(refused: Refused) -> str:
    """The cause of a lapse, by what was refused."""
    code = refused.code
    if code in _CAUSES or refused.of == MANIFEST:
        return _CAUSES.get(code, MANIFEST_REPLACED)
    if code in _PROVES_NOTHING:
        return TRUST_UNREADABLE
    if code.endswith("-expired"):
        return TRUST_EXPIRED
    if code in _ROLLED_BACK or code.endswith(("-older", "-changed")):
        return TRUST_ROLLED_BACK
    return TRUST_REFUSED


def _all_refused(code: str, detail: str) -> Reading:
    refused = Refused(TRUST, 0, code, detail, "see the gateway's log, and check the folder")
    return Reading(refused, refused)
