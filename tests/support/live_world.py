"""LIVE over a real log, real halts and real passkeys; only what is looked at is set by the test."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.api.access import ENTROPY_BYTES, AccessFile
from gateway.api.passkey_answers import Assertion, Attested
from gateway.api.passkey_file import PasskeyFile
from gateway.api.passkeys import Passkeys
from gateway.control.halting import MANUAL, Halting
from gateway.control.live.confirming import Asked, Pending
from gateway.control.live.evidence import Evidence, Sources
from gateway.control.live.ladder import ACKNOWLEDGEMENT, CONFIGURATION, STEPS
from gateway.control.live.unlocking import Unlocking
from gateway.control.live.watching import Watch
from gateway.control.owed import FolderOwedHalts
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.passkeys import PasskeyOrigin
from gateway.domain.permission import Permission, Validated
from gateway.host import OsEntropy, ThreadRunner
from gateway.ledger.journal import Journal
from gateway.ledger.sqlite import SqliteLedger
from gateway.ports import Draft
from signing.envelope import open_envelope
from signing.published import PublishedLog
from support.brokers import ManualClock
from support.ledgers import VKEY, faults, opened
from support.live import ADMIN, NOW_NS, NOW_US, PERMISSION, in_order
from support.passkeys import ORIGIN, Authenticator


class Cancelled:
    """No order is open; counts how often all were to be cancelled."""

    times = 0

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        self.times += 1
        return 0


@dataclass(slots=True)
class World:
    """What LIVE looks at, and the parts of it; ``seen`` may be changed at any time."""

    ledger: SqliteLedger
    journal: Journal
    halting: Halting
    cancelled: Cancelled
    passkeys: Passkeys
    file: PasskeyFile
    access: AccessFile
    clock: ManualClock
    folder: Path
    seen: Evidence = field(default_factory=in_order)
    live: Unlocking = field(init=False)

    def __post_init__(self) -> None:
        self.live = self.started()

    def started(self, instance: str = "inst_1") -> Unlocking:
        """LIVE of a process that has just started."""
        sources = Sources(
            enabled=True,
            clock=self.clock,
            book=lambda: self.journal.book,
            permission=self._permission,
            release=lambda: (self.seen.release_digest, self.seen.limits_digest),
            routes=self.seen.routes,
            validate=self._validate,
            unfit=lambda: self.seen.unfit,
            look_at_vault=self._vault,
            store_trouble=lambda: self.seen.store_trouble,
            clock_trouble=lambda: self.seen.clock_trouble,
            engine_trouble=self._engine,
            stale_facts=lambda: self.seen.stale_facts,
            exercised=lambda: self.halting.exercised,
        )
        watch = Watch(sources, self.journal, self.halting, instance)
        self.halting.on_halt.append(watch.live_open)
        return Unlocking(watch, sources, self.journal, OsEntropy())

    def _permission(self) -> Permission | None:
        held = self.seen.permission
        return held if held is not None and held.stands(self.clock.wall_us()) else None

    async def _validate(self, alias: str) -> Validated:
        return self.seen.validations[alias].answer

    async def _vault(self) -> None:
        """What it says is in ``seen``."""

    async def _engine(self) -> str | None:
        return None if self.seen.engine is None else self.seen.engine.trouble

    async def kill(self) -> None:
        """Pull the kill switch and lift it again, as two people would."""
        halt = await self.halt(MANUAL)
        await self.resume(halt)

    async def halt(self, cause: str) -> Halt:
        return await self.halting.halt(
            cause=cause, scope=GLOBAL, by="bo", clear_by="admin", cancels=True
        )

    async def resume(self, halt: Halt) -> None:
        scopes = frozenset({"admin"})
        await self.halting.resume(halt.halt_id, by=ADMIN, scopes=scopes, reason="test")

    async def registered(self, name: str = ADMIN) -> Authenticator:
        """A passkey of an Admin, who is made one."""
        self.admin(name)
        token = self.file.invite(name, entropy=os.urandom(32), now_us=self.clock.wall_us())
        _, options = await self.passkeys.invited(token)
        passkey = Authenticator()
        await self.passkeys.register(token, Attested(**passkey.create(options)))
        return passkey

    def admin(self, name: str) -> None:
        """Give somebody an Admin's API key."""
        entropy = os.urandom(ENTROPY_BYTES)
        self.access.add(name, ["admin"], entropy=entropy, now_us=self.clock.wall_us())

    async def asked(self, by: str = ADMIN) -> Asked:
        """Take all five steps up to the link."""
        for step in STEPS[:-1]:
            assert await self.take(step, by=by) is None
        asked = await self.take(STEPS[-1], by=by)
        assert asked is not None
        return asked

    async def take(self, step: str, *, by: str = ADMIN) -> Asked | None:
        """Take one step, saying what it asks for."""
        said = {
            CONFIGURATION: PERMISSION.digest,
            ACKNOWLEDGEMENT: PERMISSION.manifest.acknowledgement.version,
        }
        return await self.live.step(step, said.get(step, ""), by)

    async def answer(
        self, asked: Asked, passkey: Authenticator, *, shown: Pending | None = None, **parts: Any
    ) -> None:
        """Confirm with a passkey; ``shown`` is what the browser was told, if it was another."""
        pending = shown or self.live.asked(asked.confirmation_id)
        options = await self.passkeys.options(pending)
        given = Assertion(**passkey.get(options, **parts))
        await self.live.confirm(
            asked.confirmation_id, lambda found: self.passkeys.verify(found, given)
        )

    async def opened(self) -> Authenticator:
        """LIVE, open; the passkey that opened it."""
        passkey = await self.registered()
        await self.answer(await self.asked(), passkey)
        assert self.live.is_open()
        return passkey

    async def recorded(self, kind: str) -> list[dict[str, Any]]:
        """The entries of a kind in the published log, which verifies; oldest first."""
        await self.ledger.publish_now()
        assert faults(self.folder / "log") == []
        log = PublishedLog(self.folder / "log", VKEY)
        opened_entries = [open_envelope(entry) for entry in log.entries()]
        return [dict(entry.payload) for entry in opened_entries if entry.kind == kind]

    async def refusals(self) -> list[tuple[str, str, str]]:
        """Step, code and name of each refusal on the record."""
        refused = [one for one in await self.recorded("unlock") if one["outcome"] == "refused"]
        return [(one["step"], one["code"], one["by"]) for one in refused]


@asynccontextmanager
async def world(folder: Path) -> AsyncGenerator[World]:
    """Everything in order and in LIVE, the kill switch tried, and no step taken."""
    runner, clock = ThreadRunner(), ManualClock(wall=NOW_US, monotonic=NOW_NS)
    data = folder / "data"
    try:
        async with opened(data) as ledger:
            journal = Journal(ledger, await ledger.replay())
            cancelled = Cancelled()
            owed = FolderOwedHalts(folder / "owed", runner)
            halting = Halting(journal, cancelled, clock, OsEntropy(), owed, ledger.replay)
            file, access = PasskeyFile(data / "passkeys.json"), AccessFile(data / "access.json")
            origin = PasskeyOrigin.parse(ORIGIN)
            passkeys = Passkeys(file, access, origin, clock, OsEntropy(), runner)
            lift = {"lifted": True, "by": "ada", "reason": "test", "until_us": "none"}
            await journal.record(
                [Draft("mode", {"mode": "LIVE", "by": "ada"}), Draft("omega4", lift)]
            )
            made = World(ledger, journal, halting, cancelled, passkeys, file, access, clock, data)
            await made.kill()
            yield made
    finally:
        runner.close()
