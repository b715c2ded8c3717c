"""The documents tell the truth: their commands are run, their tables compared with the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import httpx2
import pytest

from gateway.config import Settings
from support.processes import ALL_SCOPES, simulation
from support.releases import DEMO_RELEASE

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[tuple[str, str]]:
    """Every curl command of a document, with the status and perhaps a code after it."""
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [(command, comment.removeprefix("# ")) for command, comment in pairs]


def run(command: str, url: str, key: str) -> httpx2.Response:
    """Do what curl would do, as far as the document uses it."""
    words = shlex.split(command.replace("$WRIT_URL", url).replace("$WRIT_API_KEY", key))
    assert words.pop(0) == "curl"
    method, headers, body, target = "GET", {}, None, ""
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        else:
            target = word
    return httpx2.request(method, target, headers=headers, content=body, trust_env=False)


def test_every_command_of_the_http_tour_works(tmp_path: Path) -> None:
    accounts = '{"primary": {"broker": "simulator", "opening_cash": "1000000"}}'
    server = simulation(tmp_path, DEMO_RELEASE, WRIT_ACCOUNTS=accounts)
    server.start()
    try:
        key = server.new_key("me", *ALL_SCOPES)
        tour = commands((DOCS / "api.md").read_text(encoding="utf-8"))
        assert len(tour) > 10
        for command, expected in tour:
            answer = run(command, server.url, key)
            status, _, code = expected.partition(" ")
            assert answer.status_code == int(status), (command, answer.text)
            if code:
                assert answer.json()["code"] == code, command
    finally:
        assert server.stop() == 0


def test_the_table_of_settings_is_the_settings() -> None:
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `WRIT_([A-Z_]+)` \| (.+?) \|", text, re.MULTILINE))
    assert set(table) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int | Path) and field.default != "":
            # A toggle is written as its variable is.
            shown = json.dumps(field.default) if isinstance(field.default, bool) else field.default
            assert table[name.upper()] == f"`{shown}`", name


@pytest.mark.parametrize("document", ["api.md", "operating.md", "glossary.md"])
def test_lines_are_short_enough_to_read(document: str) -> None:
    for line in (DOCS / document).read_text(encoding="utf-8").splitlines():
        assert len(line) <= 100 or line.startswith(("|", "  -d '")), line
