"""A gateway whose release folder is a link, and the calls that switch what is in force."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from support.doors import Door, opened
from support.switching import ReleaseLink, entries, link

SWITCH = "/v1/policy/switch"
ACTIVE = "/v1/policy/active"


@dataclass(slots=True)
class Desk:
    """A gateway, and the link that its release folder is."""

    door: Door
    releases: ReleaseLink

    async def switch(self, digest: str, scope: str = "admin") -> httpx2.Response:
        """Name a release to the gateway."""
        return await self.door.call("POST", SWITCH, scope=scope, json={"digest": digest})

    async def turned(self, name: str) -> dict[str, Any]:
        """Turn the link and switch; it must succeed."""
        answer = await self.switch(self.releases.turn(name))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def active(self) -> str:
        """The digest of the release in force."""
        answer = await self.door.call("GET", ACTIVE)
        return answer.json()["release_digest"]

    async def log(self) -> list[tuple[str, dict[str, Any]]]:
        """The published log as of now."""
        await self.door.app.pipeline.quiesce()
        await self.door.app.journal.settled()
        await self.door.app.ledger.publish_now()
        return entries(self.door.app.settings.data)


@asynccontextmanager
async def desk_in(folder: Path, **changes: Any) -> AsyncGenerator[Desk]:
    """Run a gateway on a release ``open``, with ``tight`` beside it."""
    releases = link(folder)
    async with opened(folder, release=releases.path, **changes) as door:
        yield Desk(door, releases)
