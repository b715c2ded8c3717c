"""A real gateway behind its real HTTP application, in this process: no socket, nothing replaced."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from gateway.api import create_api
from gateway.api.access import ENTROPY_BYTES, FILE_NAME, AccessFile, KeyScope
from gateway.bootstrap import App, running
from gateway.config import Settings
from gateway.host import SystemClock
from support.release_folder import write_release
from support.tickets import TICKET

CASH = "100000"
"""What the account of a test is opened with."""
PRICE = "24.80"
"""A limit that a purchase of AAPL may have on 2015-01-02, a little above the market."""


@dataclass(slots=True)
class Door:
    """The gateway, its HTTP application, and a key for each scope by the scope's name."""

    app: App
    http: httpx2.AsyncClient
    keys: dict[str, str]
    _number: int = field(default=0)

    async def call(
        self,
        method: str,
        path: str,
        *,
        scope: str | None = "read",
        json: object = None,
        headers: dict[str, str] | None = None,
        **parts: Any,
    ) -> httpx2.Response:
        """One request with the key of a scope (``None``: without a key)."""
        sent = dict(headers or {})
        if scope is not None:
            sent["Authorization"] = f"Bearer {self.keys[scope]}"
        if json is not None:
            parts["json"] = json
        return await self.http.request(method, path, headers=sent, **parts)

    async def propose(
        self, *, key: str | None = "", headers: dict[str, str] | None = None, **changes: object
    ) -> httpx2.Response:
        """Post a ticket; each call has a key of its own unless one is given."""
        self._number += 1
        sent = dict(headers or {})
        if key is not None:
            sent["Idempotency-Key"] = key or f"key-{self._number}"
        ticket = {**TICKET, "limit_price": PRICE, **changes}
        body = {name: value for name, value in ticket.items() if value is not ...}
        return await self.call("POST", "/v1/orders", scope="propose", json=body, headers=sent)

    def new_key(self, name: str, *scopes: str) -> str:
        """Add a key to the running gateway's access file."""
        return new_key(self.app.settings.data, name, *scopes)

    async def entries(self) -> int:
        """How many entries the log has; a refusal adds none."""
        await self.app.journal.settled()
        return self.app.ledger.size

    async def lift(self) -> None:
        """Lift Ω4, as an admin would."""
        body = {"lifted": True, "reason": "test"}
        answer = await self.call("POST", "/v1/omega4", scope="admin", json=body)
        assert answer.status_code == 200, answer.text

    async def cancel(self, order_id: str) -> None:
        """Cancel an order and wait until the broker has."""
        path = f"/v1/orders/{order_id}"
        assert (await self.call("DELETE", path, scope="cancel")).status_code == 202
        for _ in range(6_000):
            if (await self.call("GET", path)).json()["status"] == "CANCELED":
                return
            await asyncio.sleep(0.01)
        raise AssertionError("not cancelled in a minute")

    async def clock(self, now: str) -> httpx2.Response:
        """Move the market clock."""
        return await self.call("POST", "/v1/market/clock", scope="admin", json={"now": now})


def new_key(data: Path, name: str, *scopes: str) -> str:
    """Add a key to the access file of a data folder."""
    now_us = time.time_ns() // 1000
    entropy = os.urandom(ENTROPY_BYTES)
    return AccessFile(data / FILE_NAME).add(name, scopes, entropy=entropy, now_us=now_us)


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's problem document, which must be well formed and this one."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"urn:writ:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert "remedy" in document
    return document


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a simulation on the test release; ``limits`` among the changes goes into it."""
    limits = changes.pop("limits", {})
    release = folder / "release"
    if not release.exists():
        write_release(release, **limits)
    given = {
        "data": folder / "data",
        "mode": "SIMULATION",
        "market": "historical",
        "release": release,
        "accounts": {"primary": {"broker": "simulator", "opening_cash": CASH}},
    }
    return Settings(**(given | changes))


@asynccontextmanager
async def opened(
    folder: Path, *, lifted: bool = True, clock: SystemClock | None = None, **changes: Any
) -> AsyncGenerator[Door]:
    """Run a gateway in ``folder``, by a clock of the test's if there is one, and open its door."""
    chosen = settings(folder, **changes)
    keys = {scope.value: new_key(chosen.data, f"{scope}-user", scope) for scope in KeyScope}
    async with running(chosen, clock) as app:
        transport = httpx2.ASGITransport(create_api(app), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://writ") as http:
            door = Door(app, http, keys)
            if lifted:
                await door.lift()
            yield door
