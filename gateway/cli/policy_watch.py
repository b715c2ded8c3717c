"""`writ policy test`: the tests of the policies, once or again with each change."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.working import working

POLL_S: Final = 0.5
"""How often the files are looked at; their times are compared, so a save is never missed."""

_WATCHED: Final = (".rego", ".json", ".yaml")
_BUILT: Final = "release"

Stamps = dict[str, tuple[int, int]]
"""Time and size of each file that is watched, by path."""


def run_tests(
    source: Annotated[
        Path,
        typer.Argument(
            help="The policies folder.", exists=True, file_okay=False, show_default="policies"
        ),
    ] = Path("policies"),
    run: Annotated[str, typer.Option("--run", help="Only tests that this expression fits.")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Run them again with each change, until Ctrl-C.")
    ] = False,
) -> None:
    """Run the tests of the policies and print what ``opa test`` prints."""
    from gateway.policy.sources import rego_sources

    rego_sources(source)  # opa would explain itself at length instead
    if not watch:
        if not _once(source, run):
            raise typer.Exit(exits.DENIED)
        return
    try:
        for changed in changes(source):
            _again(source, run, changed)
    except KeyboardInterrupt:
        output.note("stopped")


def changes(source: Path, poll_s: float = POLL_S) -> Iterator[list[str]]:
    """The files that changed since the last time, without end; at first, an empty list."""
    before = stamps(source)
    yield []
    while True:
        wait_s(poll_s)
        now = stamps(source)
        if now != before:
            changed = {*now.items()} ^ {*before.items()}
            before = now
            yield sorted({path for path, _ in changed})


def wait_s(seconds: float) -> None:
    """The time between two looks at the files."""
    time.sleep(seconds)


def stamps(source: Path) -> Stamps:
    """When each file of a policies folder was written, and how long it is."""
    found: Stamps = {}
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.suffix not in _WATCHED or inside.parts[0] == _BUILT:
            continue
        with suppress(FileNotFoundError):  # it went away in between: the next look sees that
            stat = path.stat()
            found[inside.as_posix()] = (stat.st_mtime_ns, stat.st_size)
    return found


def _again(source: Path, run: str, changed: list[str]) -> None:
    from gateway.policy.rego_tests import summary_of_tests

    if changed:
        output.note(f"changed: {', '.join(changed)}")
    outcome = summary_of_tests(source, run)
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    for line in outcome.failed:
        sys.stdout.write(line + "\n")
    verdict = "all pass" if outcome.ok else "NOT IN ORDER"
    sys.stdout.write(f"{clock}  {outcome.passed} of {outcome.total} tests pass: {verdict}\n")
    sys.stdout.flush()


def _once(source: Path, run: str) -> bool:
    from gateway.policy.rego_tests import run_tests as opa_tests

    with working(f"testing {source}"):
        done = opa_tests(source, run)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.status == 0
