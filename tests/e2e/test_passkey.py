"""A real browser registers an Admin's passkey and opens LIVE with it, at the gateway's own pages.

The gateway, its socket, its pages, the log and the passkeys are real. What the gates of LIVE look
at is set by the test: tests/e2e/test_live.py has them all real.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.api.access import ENTROPY_BYTES, FILE_NAME, AccessFile
from gateway.api.passkey_file import FILE_NAME as PASSKEYS
from gateway.api.passkey_file import PasskeyFile
from gateway.api.server import serving
from gateway.bootstrap import running
from support.browser import Browser, browser, free_port
from support.doors import settings
from support.live import ADMIN, HOST
from support.live_world import World, world

pytestmark = [pytest.mark.requirement("S3-14"), pytest.mark.slow]


@dataclass(slots=True)
class Desk:
    """A gateway at a socket, and the browser of an Admin."""

    world: World
    data: Path
    origin: str
    browser: Browser

    def invite(self, name: str = ADMIN) -> str:
        """A registration link, as `writ access passkey` prints it."""
        file = PasskeyFile(self.data / PASSKEYS)
        token = file.invite(name, entropy=os.urandom(32), now_us=time.time_ns() // 1000)
        return f"{self.origin}/passkey#{token}"

    def admin(self, name: str = ADMIN) -> None:
        """Make somebody an Admin of the gateway."""
        entropy = os.urandom(ENTROPY_BYTES)
        now_us = time.time_ns() // 1000
        AccessFile(self.data / FILE_NAME).add(name, ["admin"], entropy=entropy, now_us=now_us)

    async def registered(self, name: str = ADMIN) -> None:
        """Register a passkey in the browser."""
        self.admin(name)
        await self.browser.go(self.invite(name))
        assert await self.browser.press() == "Your passkey is registered."

    async def link(self, by: str = ADMIN) -> str:
        """Take the steps, and return where the passkey is asked for."""
        return f"{self.origin}/live#{(await self.world.asked(by)).confirmation_id}"


@asynccontextmanager
async def _desk(folder: Path, *, page_at: str = "localhost") -> AsyncGenerator[Desk]:
    port = free_port()
    origin = f"http://localhost:{port}"
    chosen = settings(folder, passkey_origin=origin)
    async with (
        world(folder / "world") as made,
        running(chosen) as app,
        serving(replace(app, live=made.live), host="127.0.0.1", port=port),
        browser() as opened,
    ):
        yield Desk(made, chosen.data, f"http://{page_at}:{port}", opened)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with _desk(tmp_path) as made:
        yield made


async def test_an_admin_registers_a_passkey_and_opens_live_with_it(desk: Desk) -> None:
    await desk.registered()
    link = await desk.link()
    await desk.browser.go(link)
    facts = await desk.browser.page.inner_text("#facts")
    shown = desk.world.live.asked(link.partition("#")[2]).permission
    for told in (shown.digest, HOST, "primary", "500 at most", "250000", "production", ADMIN):
        assert told in facts
    assert "We agree." in await desk.browser.page.inner_text("#acknowledgement")
    assert link.partition("#")[2] not in desk.browser.page.url, "it would stay in the history"
    assert await desk.browser.press() == "LIVE is open."
    assert desk.world.live.is_open()
    assert desk.browser.complaints == []


@pytest.mark.attack
async def test_a_link_opens_once(desk: Desk) -> None:
    await desk.registered()
    link = await desk.link()
    await desk.browser.go(link)
    assert await desk.browser.press() == "LIVE is open."
    await desk.browser.go(link)
    assert "(confirmation-used)" in await desk.browser.state()


@pytest.mark.attack
async def test_a_person_who_is_not_recognised_opens_nothing(desk: Desk) -> None:
    await desk.registered()
    await desk.browser.go(await desk.link())
    await desk.browser.verifies(False)
    assert await desk.browser.press() != "LIVE is open."
    assert not desk.world.live.is_open()


@pytest.mark.attack
async def test_another_admins_passkey_opens_nothing(desk: Desk) -> None:
    await desk.registered("eve")
    desk.admin()
    await desk.browser.go(await desk.link())
    assert "(passkey-none)" in await desk.browser.state()
    assert not desk.world.live.is_open()


@pytest.mark.attack
async def test_at_another_address_of_the_gateway_the_browser_asks_no_passkey(
    tmp_path: Path,
) -> None:
    async with _desk(tmp_path, page_at="127.0.0.1") as desk:
        desk.admin()
        await desk.browser.go(desk.invite())
        said = await desk.browser.press()
        assert said != "Your passkey is registered."
        assert PasskeyFile(desk.data / PASSKEYS).held().passkeys == {}


async def test_a_link_that_leads_nowhere_says_so(desk: Desk) -> None:
    await desk.browser.go(f"{desk.origin}/passkey#{'A' * 43}")
    assert "(invitation-unknown)" in await desk.browser.state()
    await desk.browser.go(f"{desk.origin}/live#{'A' * 43}")
    assert "(confirmation-unknown)" in await desk.browser.state()
    await desk.browser.go(f"{desk.origin}/live")
    assert "(invalid-value)" in await desk.browser.state()
