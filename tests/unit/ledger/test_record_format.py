"""docs/record-format.md names every kind and field of the log, and its program runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.ports import Batch, Draft
from signing import records
from support.ledgers import Story, opened

PAGE = Path(__file__).resolve().parents[3] / "docs" / "record-format.md"
ROW = re.compile(r"^\| (?P<kind>[\w-]*) ?\| (?P<field>\w+\??) \| [^|]+ \|[^|]*\|$", re.MULTILINE)
TABLES_AFTER = "## Kinds and fields"


def documented() -> dict[str, list[str]]:
    """The fields of each kind as the page lists them; a `?` marks those that may be absent."""
    found: dict[str, list[str]] = {}
    kind = ""
    for row in ROW.finditer(PAGE.read_text(encoding="utf-8").partition(TABLES_AFTER)[2]):
        if row["kind"] == "kind":
            continue
        kind = row["kind"] or kind
        found.setdefault(kind, []).append(row["field"])
    return found


def test_every_kind_and_field_is_documented() -> None:
    expected = {
        kind: sorted([*required, *(f"{name}?" for name in optional)])
        for kind, (required, optional) in records._FIELDS.items()
    }
    assert {kind: sorted(fields) for kind, fields in documented().items()} == expected


@pytest.mark.requirement("W-01")
async def test_the_program_of_the_page_reads_a_published_log(tmp_path: Path) -> None:
    story = Story()
    async with opened(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide())
    program = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None
    command = [sys.executable, "-I", "-c", program[1]]

    def run() -> list[str]:
        done = subprocess.run(
            command, cwd=tmp_path / "log", capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout.splitlines()

    lines = run()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(8)]
    assert '"decision_id":"d1"' in lines[-1]
    async with opened(tmp_path) as ledger:  # and when the first bundle is full
        for _ in range(2):
            mode = Draft("mode", {"mode": "SIMULATION", "by": "alice"})
            await ledger.commit(Batch((mode,) * 150))
    assert len(run()) == 256
