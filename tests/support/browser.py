"""Debian's Chromium with an authenticator of its own: a real browser at a real socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import CDPSession, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
INSTALLED = CHROMIUM.exists()
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic")
"""Tests run as root in containers, where Chromium's own sandbox does not start."""
WAIT_MS = 30_000
ENDED = "#state.done, #state.refused"


@dataclass(slots=True)
class Browser:
    """One page, and whoever touches its authenticator."""

    page: Page
    devtools: CDPSession
    authenticator: str
    complaints: list[str]
    """What the browser refused to load, or logged as an error."""

    async def verifies(self, verified: bool) -> None:
        """Whether the person is recognised from now on."""
        told = {"authenticatorId": self.authenticator, "isUserVerified": verified}
        await self.devtools.send("WebAuthn.setUserVerified", told)

    async def go(self, url: str) -> None:
        """Open a page, and wait until it can be used or says why not."""
        # A link that differs behind the # alone would not be loaded anew.
        await self.page.goto("about:blank")
        await self.page.goto(url)
        await self.page.wait_for_selector(f"{ENDED}, #go:not([hidden])", timeout=WAIT_MS)

    async def press(self) -> str:
        """Press the page's button, and return what it says in the end."""
        await self.page.click("#go")
        await self.page.wait_for_selector(ENDED, timeout=WAIT_MS)
        return await self.state()

    async def state(self) -> str:
        """What the page says."""
        return await self.page.inner_text("#state")


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """A browser whose authenticator holds resident keys and verifies its user."""
    if not INSTALLED:
        pytest.skip(f"{CHROMIUM} is missing: `make tools` as root, on Debian, installs it")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            page = await chromium.new_page()
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("WebAuthn.enable")
            options = {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
            made = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
            complaints = list[str]()
            page.on(
                "console",
                lambda said: complaints.append(said.text) if said.type == "error" else None,
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield Browser(page, devtools, made["authenticatorId"], complaints)
        finally:
            await chromium.close()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
