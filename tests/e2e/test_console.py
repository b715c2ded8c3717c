"""A real browser stops trading, sees what stands, resumes, and lets exits through."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.api.access import KeyScope
from gateway.api.server import serving
from gateway.bootstrap import App, running
from gateway.domain.halt import GLOBAL
from support.browser import WAIT_MS, Browser, browser
from support.doors import new_key, settings

pytestmark = [pytest.mark.requirement("S1-01"), pytest.mark.slow]
REASON = "the desk is on fire"


@dataclass(slots=True)
class Desk:
    """A gateway, and a browser before its page."""

    app: App
    browser: Browser
    origin: str

    @property
    def page(self) -> Page:
        return self.browser.page

    async def sit_down(self, *scopes: str) -> None:
        """Open the page, and give it a key."""
        key = new_key(self.app.settings.data, "ada", *scopes)
        await self.page.goto(f"{self.origin}/console")
        await expect(self.page.locator("#secret")).to_be_focused(timeout=WAIT_MS)
        await self.page.keyboard.type(key)
        await expect(self.page.locator("#secret")).to_have_value(key)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#desk")).to_be_visible(timeout=WAIT_MS)

    async def told(self, text: str, kind: str) -> None:
        """The page says so, in words and not by its colour alone."""
        await expect(self.page.locator("#state")).to_contain_text(text, timeout=WAIT_MS)
        await expect(self.page.locator("#state")).to_have_class(kind, timeout=WAIT_MS)

    async def seen(self, place: str, text: str) -> None:
        await expect(self.page.locator(place)).to_contain_text(text, timeout=WAIT_MS)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    chosen = settings(tmp_path)
    async with (
        running(chosen) as app,
        serving(app, host="127.0.0.1", port=0) as origin,
        browser() as opened,
    ):
        yield Desk(app, opened, origin)


async def test_a_person_stops_sees_and_resumes_by_keyboard(desk: Desk) -> None:
    await desk.sit_down(*KeyScope)
    await desk.seen("#seen", "No halt stands.")
    await expect(desk.page.locator("#stop-reason")).to_be_focused(timeout=WAIT_MS)
    await desk.page.keyboard.type(REASON)
    await desk.page.keyboard.press("Enter")
    await desk.told("Done. Stopped: everything. Nothing is left to cancel.", "done")
    [halt] = desk.app.book().halts.values()
    assert (halt.scope, halt.by, halt.reason) == (GLOBAL, "ada", REASON)
    assert halt.cancels
    assert not halt.reduce_allowed
    for text in ("OMEGA2_MANUAL", REASON, "Every open order is cancelled.", halt.halt_id):
        await desk.seen("#halts", text)

    await desk.page.select_option("#resume-halt", halt.halt_id)
    await desk.page.fill("#resume-reason", "it was the kettle")
    await desk.page.press("#resume-reason", "Enter")
    await desk.told("Done. Lifted: OMEGA2_MANUAL, everything.", "done")
    await desk.seen("#seen", "No halt stands.")
    assert desk.app.book().halts == {}
    assert desk.browser.complaints == []


async def test_one_account_is_stopped_and_exits_are_let_through(desk: Desk) -> None:
    await desk.sit_down(*KeyScope)
    await desk.page.select_option("#stop-scope", "account")
    await desk.page.fill("#stop-name", "primary")
    await desk.page.fill("#stop-reason", REASON)
    await desk.page.check("#stop input[type=checkbox]")
    await desk.page.click("#stop button")
    await desk.told("Done. Stopped: account primary.", "done")
    [halt] = desk.app.book().halts.values()
    assert (halt.scope.kind, halt.scope.name, halt.reduce_allowed) == ("account", "primary", True)

    await desk.page.fill("#exits-reason", "taking risk off")
    await desk.page.click("#exits button")
    await desk.told("Done. Exit only is open.", "done")
    await desk.seen("#exits-seen", "Open for everything by ada.")
    assert GLOBAL in desk.app.book().exit_only
    await desk.page.select_option("#exits-does", "close")
    await desk.page.fill("#exits-reason", "it is off")
    await desk.page.click("#exits button")
    await desk.told("Done. Exit only is closed.", "done")
    await desk.seen("#exits-seen", "It is closed.")
    assert desk.browser.complaints == []


async def test_a_halt_that_comes_by_itself_shows_and_disturbs_nobody(desk: Desk) -> None:
    await desk.sit_down(*KeyScope)
    await desk.seen("#seen", "No halt stands.")
    await desk.page.fill("#stop-reason", "half a sen")
    await desk.app.halting.halt(cause="BROKER_DOWN", scope=GLOBAL, by="tracking", clear_by="probe")
    for text in ("BROKER_DOWN", "Open orders are left alone.", "itself, or an operator"):
        await desk.seen("#halts", text)
    assert await desk.page.input_value("#stop-reason") == "half a sen"
    assert await desk.page.evaluate("document.activeElement.id") == "stop-reason"


@pytest.mark.attack
async def test_the_page_may_do_what_its_key_may(desk: Desk) -> None:
    await desk.sit_down("read")
    await desk.seen("#seen", "No halt stands.")
    await desk.page.fill("#stop-reason", REASON)
    await desk.page.click("#stop button")
    await desk.told("(scope-missing)", "refused")
    assert desk.app.book().halts == {}


@pytest.mark.attack
async def test_a_key_that_may_only_stop_stops_although_it_sees_nothing(desk: Desk) -> None:
    await desk.sit_down("operate")
    await desk.seen("#seen", "What stands is not known")
    await desk.page.fill("#stop-reason", REASON)
    await desk.page.click("#stop button")
    await desk.told("Done. Stopped: everything.", "done")
    assert len(desk.app.book().halts) == 1


@pytest.mark.attack
async def test_what_a_reason_says_is_text_and_nothing_else(desk: Desk) -> None:
    await desk.sit_down(*KeyScope)
    text = "<img src=x onerror=alert(1)><b id=made>"
    await desk.page.fill("#stop-reason", text)
    await desk.page.click("#stop button")
    await desk.seen("#halts", text)
    assert await desk.page.locator("#made").count() == 0
    assert desk.browser.complaints == []


@pytest.mark.attack
async def test_the_key_is_forgotten_when_the_page_is_loaded_anew(desk: Desk) -> None:
    await desk.sit_down(*KeyScope)
    assert await desk.page.input_value("#secret") == ""
    await desk.page.reload()
    await expect(desk.page.locator("#desk")).to_be_hidden(timeout=WAIT_MS)
    kept = await desk.page.evaluate(
        "[localStorage.length, sessionStorage.length, document.cookie.length]"
    )
    assert kept == [0, 0, 0]
