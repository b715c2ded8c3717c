"""The README, followed by hand: its commands are typed as they stand, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.processes import WRIT, GatewayProcess

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ORDER_ID = (
    "$(writ order list -o json | python -c "
    "'import json, sys; print(json.load(sys.stdin)[-1][\"order_id\"])')"
)
"""What a reader pastes for ORDER_ID: the id of the first order."""
RESTING = ORDER_ID.replace("[-1]", "[0]")
"""What a reader pastes for RESTING: the id of the newest order."""
CURL = """
import sys, httpx2
_, _, url, _, key, _, kind, _, body = sys.argv
headers = dict(line.split(": ", 1) for line in (key, kind))
print(httpx2.post(url, content=body, headers=headers, trust_env=False).text)
"""
"""Does what the tour asks of curl, for machines without it; its arguments stand as in the tour."""
WRITTEN_BY_THE_SUITE = {"docs/traceability.md"}


def typed_blocks() -> list[str]:
    """The shell blocks of the tour: the first starts the gateway, the others use it."""
    tour = README.partition("## Five minutes")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", tour, flags=re.DOTALL)


@pytest.mark.slow
def test_the_tour_works_as_it_is_written(tmp_path: Path) -> None:
    start, *blocks = typed_blocks()
    assert len(blocks) == 6
    (tmp_path / "gateway").symlink_to(ROOT / "gateway")
    accounts = re.search(r"export WRIT_ACCOUNTS='(.*)'\n", start)
    command = re.search(r"^writ serve --data tour (.*)$", start, flags=re.MULTILINE)
    assert accounts is not None
    assert command is not None
    server = GatewayProcess(tmp_path, {"WRIT_ACCOUNTS": accounts[1]}, tuple(command[1].split()))
    # The release is named relative to the sources, where the reader stands.
    server.options = tuple(
        str(ROOT / word) if word.startswith("gateway/") else word for word in server.options
    )
    server.start()
    try:
        (tmp_path / "tour").symlink_to(server.data)
        said = type_in(tmp_path, server.url, "\n".join(blocks))
    finally:
        assert server.stop() == 0, server.log()
    for sign in ("OMEGA-4", "lifted until it is restored", "ORD-01", "FILLED"):
        assert sign in said, said
    for sign in (
        "asked",
        "agreed",
        "OMEGA2_MANUAL",
        "OMEGA-2",
        "ok    yes",
        "receipt of entry 7 written",
    ):
        assert sign in said, said
    assert "Traceback" not in said
    assert said.count("error:") == 3, said  # the three denials, and nothing else


def type_in(folder: Path, url: str, commands: str) -> str:
    """Type commands in a shell, as from the README, and return all that was said."""
    script = commands.replace(". .venv/bin/activate", "")
    script = script.replace("ORDER_ID", ORDER_ID).replace("RESTING", RESTING)
    script = script.replace("http://127.0.0.1:8470", url)
    (folder / "curl.py").write_text(CURL)
    script = f'command -v curl >/dev/null || curl() {{ python curl.py "$@"; }}\n{script}'
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": f"{Path(WRIT).parent}:/usr/bin:/bin", "WRIT_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout + done.stderr


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http:", "https:"))]
    targets = {(page.parent / link).resolve() for link in local}
    written_later = {ROOT / name for name in WRITTEN_BY_THE_SUITE}
    missing = sorted(str(t) for t in targets - written_later if not t.exists())
    assert not missing
