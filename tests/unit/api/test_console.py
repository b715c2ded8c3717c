"""The page where people stop and resume: it holds nothing secret, and asks the API as anybody."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.api.routes import halts, modes
from gateway.console import page
from support.doors import Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(tmp_path) as door:
        yield door


class Outline(HTMLParser):
    """What of a page matters to whoever does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.language = ""
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str] = set()
        self.inside_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.language = found.get("lang") or self.language
        if tag == "label":
            self.inside_label = True
            self.labelled.add(found.get("for") or "")
        if tag in ("input", "select"):
            name = found.get("id") or found.get("name") or ""
            self.fields[name] = found
            if self.inside_label:
                self.labelled.add(name)

    def handle_endtag(self, tag: str) -> None:
        self.inside_label = self.inside_label and tag != "label"


def outline() -> Outline:
    found = Outline()
    found.feed(page("console.html").content.decode())
    return found


def test_every_field_has_a_label_and_the_page_its_language() -> None:
    found = outline()
    assert found.language == "en"
    assert set(found.fields) <= found.labelled
    assert found.fields["secret"]["type"] == "password"
    assert found.fields["secret"]["autocomplete"] == "off"
    reasons = [field for name, field in found.fields.items() if name.endswith("-reason")]
    assert len(reasons) == 3
    assert all("required" in field and field["maxlength"] == "200" for field in reasons)


def test_the_key_is_kept_in_no_store_of_the_browser() -> None:
    script = page("console.js").content.decode()
    for store in ("localStorage", "sessionStorage", "cookie", "indexedDB", "innerHTML", "location"):
        assert store not in script


def test_the_page_asks_for_nothing_but_addresses_of_the_api() -> None:
    script = page("console.js").content.decode()
    asked = set(re.findall(r'ask\("(?:GET|POST)", "([^"]+)"', script))
    served = {
        getattr(route, "path", "")
        for routes in (halts.router.routes, modes.router.routes)
        for route in routes
    }
    assert asked == {"/v1/halts", "/v1/mode", "/v1/kill", "/v1/resume", "/v1/exit-only"}
    assert asked <= served


@pytest.mark.attack
async def test_the_page_is_served_without_a_key_and_does_nothing_by_itself(door: Door) -> None:
    before = await door.entries()
    answer = await door.call("GET", "/console", scope=None)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert (await door.call("POST", "/console", scope=None)).status_code == 405
    assert await door.entries() == before
