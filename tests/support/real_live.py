"""A gateway that can go LIVE, every part of it real, but for where the broker's venue is.

Officers sign, a vault holds the credentials, PostgreSQL the record, and orders go over HTTP to a
peer that speaks the broker's protocol. Time runs as it does, from a day on which the venue trades.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.api.passkey_file import FILE_NAME, PasskeyFile
from gateway.host import SystemClock
from gateway.policy.release import Release, load_release
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer
from support.doors import Door, opened, settings
from support.passkeys import ORIGIN, Authenticator
from support.permitting import Officers, gateway_fields
from support.postgres import shared_server
from support.real_time import at_us, hours_told, push, tell_all
from support.vault_gateway import vault_settings
from support.vault_server import VaultServer

PATIENCE_S = 60
DAY = "2027-11-24"
NUMBER = "LV1TEST"
ADMIN = "admin-user"
SECRETS = {
    "key_id": "vault://kv/writ/brokers/alpaca#key_id",
    "secret": "vault://kv/writ/brokers/alpaca#secret",
}


class LaterClock(SystemClock):
    """The host's clock, set forward once: it begins at an instant and goes on from there."""

    def __init__(self, begins_us: int) -> None:
        super().__init__()
        self._ahead_us = begins_us - super().wall_us()

    def wall_us(self) -> int:
        return super().wall_us() + self._ahead_us


@dataclass(slots=True)
class Trading:
    """The gateway, its officers, its broker, its vault, and the clock of them all."""

    door: Door
    officers: Officers
    manifest_digest: str
    peer: AlpacaPeer
    account: Account
    vault: VaultServer
    clock: LaterClock

    async def call(self, path: str, body: dict[str, Any], scope: str = "admin") -> dict[str, Any]:
        """Post something that has to succeed."""
        answer = await self.door.call("POST", path, scope=scope, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def live(self) -> dict[str, Any]:
        """LIVE as the mode shows it to an Admin."""
        return (await self.door.call("GET", "/v1/mode", scope="read")).json()["live"]

    async def missing(self) -> set[str]:
        """The gates that do not hold."""
        return {gate["name"] for gate in (await self.live())["gates"] if not gate["holds"]}

    async def armed(self) -> None:
        """Do what the risk engine needs: facts, Omega 4 lifted, and the kill switch tried."""
        await hours_told(self.door)
        venue = self.door.app.facts.venues["primary"]
        await comes(lambda: venue.terms("primary", "AAPL") is not None)
        await tell_all(self.door)
        await self.call("/v1/omega4", {"lifted": True, "reason": "test"})
        await self.call("/v1/kill", {"reason": "test"}, "operate")
        await self.call("/v1/resume", {"halt_id": "all", "reason": "tried"})

    async def quoted(self) -> None:
        """A quote of this moment."""
        await push(self.door, "quote.AAPL", {"bid": "24.70", "ask": "24.72", "last": "24.71"})

    async def steps(self) -> str:
        """Take the five steps, and return the link that the last one gives."""
        first = {"step": "configuration", "manifest_digest": self.manifest_digest}
        await self.call("/v1/live/steps", first)
        await self.call("/v1/live/steps", {"step": "acknowledgement", "acknowledgement": "2026-01"})
        for step in ("risk", "credentials"):
            await self.call("/v1/live/steps", {"step": step})
        return str((await self.call("/v1/live/steps", {"step": "enable"}))["confirm_at"])

    def invite(self) -> str:
        """What `writ access passkey` makes, by this gateway's clock."""
        file = PasskeyFile(self.door.app.settings.data / FILE_NAME)
        return file.invite(ADMIN, entropy=os.urandom(32), now_us=self.clock.wall_us())

    async def registered(self) -> Authenticator:
        """A passkey of the Admin's, registered."""
        token = {"invitation": self.invite()}
        begun = await self.door.call("POST", "/v1/passkeys/registration", scope=None, json=token)
        passkey = Authenticator()
        body = token | passkey.create(begun.json()["options"])
        path = "/v1/passkeys/registration/answer"
        answer = await self.door.call("POST", path, scope=None, json=body)
        assert answer.status_code == 200, answer.text
        return passkey

    async def confirm(self, link: str, passkey: Authenticator) -> None:
        """Open LIVE with a passkey."""
        named = {"confirmation": link.partition("#")[2]}
        asked = await self.door.call("POST", "/v1/live/confirmation", scope=None, json=named)
        body = named | passkey.get(asked.json()["options"])
        path = "/v1/live/confirmation/answer"
        answer = await self.door.call("POST", path, scope=None, json=body)
        assert answer.status_code == 200, answer.text

    async def opened(self) -> Authenticator:
        """From Live-Ready to LIVE."""
        await self.call("/v1/mode", {"mode": "LIVE"})
        await self.armed()
        passkey = await self.registered()
        await self.confirm(await self.steps(), passkey)
        assert (await self.live())["open"]
        assert (await self.door.call("GET", "/v1/mode")).json()["forwards"]
        return passkey

    async def closes(self) -> None:
        """Wait until LIVE is seen to be closed, and the lapse is recorded."""
        await comes(lambda: not self.door.app.live.is_open())
        await self.door.app.live.settled()


async def comes(truth: Callable[[], bool]) -> None:
    """Wait for what vault, broker or gateway bring about among themselves, however slowly."""
    async with asyncio.timeout(PATIENCE_S):
        while not truth():  # noqa: ASYNC110  what is waited for is seen from outside only
            await asyncio.sleep(0.02)


@asynccontextmanager
async def trading(folder: Path, vault: VaultServer, **changes: Any) -> AsyncGenerator[Trading]:
    """That gateway in RESEARCH, its manifest in force; nothing else has been done."""
    clock = LaterClock(at_us(f"{DAY}T10:00"))
    release = load_release(settings(folder).release or folder)
    postgres = shared_server()
    with alpaca_peer(clock.wall_us) as peer:
        peer.fills_at_limit = True
        account = peer.account(NUMBER)
        vault.put("writ/brokers/alpaca", {"key_id": account.key_id, "secret": account.secret})
        host = peer.url.removeprefix("http://")
        officers = _officers(folder, clock, host, release)
        given = {
            "mode": "RESEARCH",
            "market": "venue",
            "environment": "production",
            "trust": officers.folder,
            "trust_root": officers.pinned,
            "live_enabled": True,
            "passkey_origin": ORIGIN,
            "ledger": "postgresql",
            "postgresql_url": postgres.url(postgres.new_database()),
            "accounts": {
                "primary": {
                    "broker": "alpaca",
                    "venue": "live",
                    "broker_account": NUMBER,
                    "url_override": peer.url,
                    **SECRETS,
                }
            },
        }
        told = vault_settings(vault, folder / "handed-out", ledger=False)
        digest = officers.sign()
        async with opened(folder, lifted=False, clock=clock, **(given | told | changes)) as door:
            yield Trading(door, officers, digest, peer, account, vault, clock)


def _officers(folder: Path, clock: LaterClock, host: str, release: Release) -> Officers:
    now_us = clock.wall_us()
    account = {"broker": "alpaca", "broker_account": NUMBER, "hosts": [host]}
    given = gateway_fields(now_us, release, account, mode="LIVE")
    return Officers(folder / "trust", now_us, given)
