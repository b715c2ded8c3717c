"""Switching releases while orders come in: beside, tried, between turns, on the record.

A new release is read, made ready and tried on canaries beside the old one, which decides all the
while. Then the door is shut for a moment: what is inside is decided and passes the gate, the
switch is recorded, and the next turn has the new release. Orders wait; none is refused for it.

An OPA server holds one release at a time, so with one the moment lasts until it has fetched the
new one and agrees with its module. If it does not, it is given the old one back.

If we crash before the entry is durable, the log knows nothing of the switch. After it, the log
says which release decided what. The release folder holds the new release either way, so the next
start takes that, and records it if the log does not name it yet.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from gateway.domain.errors import ConflictError, RefusedError, UnavailableError, WritError
from gateway.domain.mode import Mode
from gateway.domain.permission import RunningRelease
from gateway.policy.canaries import (
    Examined,
    Flip,
    disagreement,
    examine,
    recent,
    removed_controls,
)
from gateway.policy.catalogue import Catalogue, catalogue_of, encode_catalogue
from gateway.policy.engine import EngineMaker, assemble, server_of
from gateway.policy.fitting import check_fits
from gateway.policy.in_force import ReleaseHolder, ReleaseInForce, named
from gateway.policy.opa_server.answer import Cause, Fault
from gateway.policy.release import Release, load_release, release_folder
from gateway.ports import Clock, Draft, Journal, Ledger
from signing import canonical

DRAIN_MAX_MS: Final = 5_000
"""How long what is inside may take to be decided and to pass the gate."""

SERVER_MAX_MS: Final = 10_000
"""How long an OPA server may take to fetch a release."""

_ASIDE: Final = frozenset({Cause.UNREACHABLE, Cause.TIMEOUT, Cause.REFUSED, Cause.VERSION})
"""What is wrong with a server that another release does not mend."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SwitchParts:
    """What a switch works with; chosen and wired by ``gateway.bootstrap``."""

    holder: ReleaseHolder
    maker: EngineMaker
    folder: Path
    """Where the operator puts the release; it may be a link."""
    journal: Journal
    repair: Callable[[], Awaitable[None]]
    """Makes the book agree with the log again."""
    ledger: Ledger
    clock: Clock
    drained: Callable[[], Awaitable[None]]
    """Returns when nothing is queued, being decided, or allowed and not yet past the gate."""
    check_mode: Callable[[Mode, RunningRelease], None]
    """Raises ``RefusedError`` where a release does not run in that mode."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch did.

    ``paused_us`` is how long orders waited at the most; ``controls_removed`` are those that the
    release before required and this one does not.
    """

    previous: str
    in_force: ReleaseInForce
    changed: bool
    paused_us: int = 0
    canaries: int = 0
    recorded: int = 0
    flips: tuple[Flip, ...] = ()
    controls_removed: tuple[str, ...] = ()


class Switching:
    """Switches the release in force; one switch at a time."""

    def __init__(self, parts: SwitchParts) -> None:
        """Nothing is read before somebody asks for a switch."""
        self._parts = parts
        self._under_way = False

    @property
    def under_way(self) -> bool:
        """Whether a release is being made ready, tried, or put into force."""
        return self._under_way

    async def switch(self, digest: str, by: str) -> Switched:
        """Put the release of that digest into force; naming the one in force changes nothing.

        Raises:
            ConflictError: ``switch-under-way``.
            ReleaseError: the folder's release is missing or damaged, or its module is.
            RefusedError: ``release-other``, ``release-opa-version``, ``release-currency``,
                ``release-lacks-instrument``, ``release-not-for-mode``, ``release-not-permitted``,
                ``mode-unavailable`` (no manifest stands), ``release-unsound``,
                ``release-undecided``, ``release-not-taken`` or ``release-disagrees``.
            UnavailableError: ``engine-not-ready``, ``switch-delayed``, or it could not be recorded.

        After any of them the old release is in force, as the log says.
        """
        if self._under_way:
            raise ConflictError(
                "switch-under-way", "another switch is under way", "wait for it to end"
            )
        self._under_way = True
        try:
            old = self._parts.holder.current
            if digest == old.digest:
                return Switched(old.digest, old, changed=False)
            return await self._switch(old, digest, by)
        finally:
            self._under_way = False

    async def _switch(self, old: ReleaseInForce, digest: str, by: str) -> Switched:
        parts = self._parts
        await _reachable(old)
        release, catalogue = await self._read(digest)
        self._fits(release)
        new = await assemble(release, catalogue, parts.maker)
        try:
            examined = await self._tried(new)
            removed = await removed_controls(old, examined)
            draft = release_draft(release, catalogue, by, removed)
            paused_us = await self._between_turns(old, new, examined, draft)
        finally:
            # Whatever happened, book and holder say which of the two is still needed.
            await (old if parts.holder.current is new else new).close()
        return Switched(
            previous=old.digest,
            in_force=new,
            changed=True,
            paused_us=paused_us,
            canaries=len(examined.documents) - examined.recorded,
            recorded=examined.recorded,
            flips=examined.flips,
            controls_removed=removed,
        )

    async def _read(self, digest: str) -> tuple[Release, Catalogue]:
        """The release in the folder, if it is the one that was named."""

        def read() -> tuple[Release, Catalogue]:
            folder = release_folder(self._parts.folder)
            release = load_release(folder)
            return release, catalogue_of(release, folder)

        release, catalogue = await self._parts.maker.runner.run(read)
        if release.digest != digest:
            raise RefusedError(
                "release-other",
                f"the release folder holds {release.digest}, which is not the release named",
                "put the release into the folder of WRIT_RELEASE, then name its digest",
            )
        return release, catalogue

    def _fits(self, release: Release) -> None:
        """Refuse what would not fit to the state as of now."""
        parts = self._parts
        check_fits(release, parts.holder.current.release, parts.journal.book)
        parts.check_mode(parts.journal.book.mode, named(release))

    async def _tried(self, new: ReleaseInForce) -> Examined:
        """Try the release's module; with a server, that is what it must agree with later."""
        recorded = await recent(self._parts.ledger)
        if server_of(new.engine) is None:
            return await examine(new.engine, new.catalogue, recorded)
        module = await self._parts.maker.embedded(new.release)
        try:
            return await examine(module.engine, new.catalogue, recorded)
        finally:
            await module.close()

    async def _between_turns(
        self, old: ReleaseInForce, new: ReleaseInForce, examined: Examined, draft: Draft
    ) -> int:
        """Shut the door, switch, and open it again; returns for how long it was shut, in us."""
        parts = self._parts
        began_ns = parts.clock.monotonic_ns()
        async with parts.holder.alone(parts.drained, DRAIN_MAX_MS):
            self._fits(new.release)  # fills and modes may have come meanwhile
            try:
                await self._followed(new, examined)
                await self._recorded(new, draft)
            except BaseException:
                await self._restored(old, new)
                raise
        return (parts.clock.monotonic_ns() - began_ns) // 1_000

    async def _followed(self, new: ReleaseInForce, examined: Examined) -> None:
        """Have an OPA server change to the release, and see that it decides as the module does."""
        server = server_of(new.engine)
        if server is None:
            return
        self._parts.holder.serve(new.bundle)
        fault = await server.ready_within(SERVER_MAX_MS)
        if fault is not None:
            _not_taken(fault)
        told = await disagreement(server, examined)
        if told is not None:
            raise RefusedError(
                "release-disagrees", told, "build the release anew: `writ policy build`"
            )

    async def _recorded(self, new: ReleaseInForce, draft: Draft) -> None:
        """Enter the switch; from the entry's being durable on, the release is in force."""
        holder = self._parts.holder
        holder.announce(new.named)
        self._fits(new.release)  # from here to the entry's being in the book nothing is awaited
        await self._parts.journal.record([draft])
        holder.put(new)

    async def _restored(self, old: ReleaseInForce, new: ReleaseInForce) -> None:
        """After a failure: the log says which release is in force, and book and holder follow it.

        A log that cannot be read leaves the old release in the holder; no turn is taken before
        book and holder agree.
        """
        parts = self._parts
        try:
            await parts.repair()
        except WritError as error:
            _log.warning("the book cannot be rebuilt yet: %s", error)
        if parts.journal.book.release_digest == new.digest:
            if parts.ledger.latched is None:
                parts.holder.put(new)  # it is durable all the same
            return
        parts.holder.serve(old.bundle)
        server = server_of(old.engine)
        if server is not None:
            fault = await server.ready_within(SERVER_MAX_MS)
            if fault is not None:
                _log.error("the OPA server does not take the old release back: %s", fault.detail)


def release_draft(
    release: Release, catalogue: Catalogue, by: str, removed: Sequence[str] = ()
) -> Draft:
    """The release and everything in it: whoever holds the log can decide again.

    Args:
        release: what comes into force.
        catalogue: its words, so that what it decides can be told in them later.
        by: who accepted it.
        removed: the controls that were required before and are not any more.
    """
    told = {"controls_removed": list(removed)} if removed else {}
    words = encode_catalogue(catalogue.revision, catalogue.controls.values())
    return Draft(
        "release",
        {
            "release_digest": release.digest,
            "revision": release.revision,
            "label": release.label,
            "bundle_digest": release.bundle_digest,
            "wasm_digest": release.wasm_digest,
            "data_digest": release.data_digest,
            "catalogue_digest": canonical.digest(words),
            "by": by,
            **told,
        },
        (release.descriptor, release.bundle, release.wasm, release.data, words),
    )


async def _reachable(old: ReleaseInForce) -> None:
    """Refuse at once where the server is not there, before anybody is kept waiting for it."""
    server = server_of(old.engine)
    if server is None:
        return
    fault = await server.fault()
    if fault is not None and fault.cause in _ASIDE:
        _not_taken(fault)


def _not_taken(fault: Fault) -> NoReturn:
    if fault.cause in _ASIDE:
        raise UnavailableError(
            "engine-not-ready",
            f"the OPA server cannot take a release: {fault.detail}",
            "run `writ doctor` with the gateway's settings, then try again",
        )
    raise RefusedError(
        "release-not-taken",
        f"the OPA server did not take the release in time: {fault.detail}",
        "see the server's log; it must poll this gateway every few seconds",
    )
