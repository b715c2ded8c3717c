"""What the demonstration prints: tables on stdout, progress and remarks on stderr."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from gateway.demo.claims import NOT_MET, Claim
from gateway.demo.closing import Flip, Verified
from gateway.demo.tally import Tally
from gateway.domain.quantities import MICROS

PIPE_WIDTH: Final = 160
"""Columns where stdout is no terminal."""


@dataclass(frozen=True, slots=True)
class DaysBar:
    """The progress of a run, a step for each session."""

    progress: Progress
    task: TaskID

    def __call__(self, session: str, proposed: int, denied: int) -> None:
        """One more session was played."""
        said = f"{session}  {proposed} proposed, {denied} denied"
        self.progress.update(self.task, advance=1, said=said)


@contextmanager
def days_bar(days: int) -> Generator[DaysBar]:
    """Show progress on stderr for as long as the block lasts."""
    columns = (
        TextColumn("market days"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield DaysBar(progress, progress.add_task("days", total=days, said=""))


def note(text: str) -> None:
    """A remark on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text))


def controls(tally: Tally, titles: Mapping[str, str]) -> None:
    """The table of decisions by control: proven or not, alone or among others, and by whom."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Decisions by control")
    for name in ("control", "asks", "passed", "denied", "alone", "strategy", "rogue", "remark"):
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for control in sorted(tally.required | set(tally.controls)):
        found = tally.controls.get(control)
        table.add_row(
            control,
            titles.get(control, ""),
            str(tally.passed[control]),
            str(found.all if found else 0),
            str(found.alone if found else 0),
            str(found.by["strategy"] if found else 0),
            str(found.by["rogue"] if found else 0),
            "" if found else f"not met; {NOT_MET.get(control, 'nothing provoked it')}",
        )
    _stdout().print(table)


_NUMBERS: Final = frozenset({"passed", "denied", "alone", "strategy", "rogue"})


def figures(tally: Tally) -> None:
    """Decisions, fills and fees, all counted from the log."""
    allowed, denied = tally.allowed, tally.denied
    by = ", ".join(
        f"{name} {allowed[name]} allowed and {denied[name]} denied"
        for name in sorted(set(allowed) | set(denied))
    )
    _line(f"decisions   {tally.decisions}: {by}")
    unfilled = len(tally.ordered) - tally.whole - tally.partial
    _line(
        f"fills       {tally.kinds['execution']}: {tally.whole} orders wholly, "
        f"{tally.partial} in part, {unfilled} not at all"
    )
    _line(f"fees        {money(tally.fees_micros)}")
    for halt in tally.halts.values():
        seen = (
            "; calm could not be shown"
            if halt.observed is None
            else f"; observed {halt.observed}, limit {halt.limit}"
        )
        lifted = f"resumed by {halt.resumed_by}" if halt.resumed_by else "stands"
        _line(f"halt        {halt.session} {halt.cause} on {halt.scope}{seen}; {lifted}")
    cancels = ", ".join(f"{cause} {n}" for cause, n in sorted(tally.cancelled_for.items()))
    _line(f"cancels     {cancels or 'none'}")
    _line(f"log         {tally.size} entries")


def results(accounts: Sequence[Mapping[str, Any]], tally: Tally) -> None:
    """A profit-and-loss line for each account: equity against what it opened with."""
    for account in accounts:
        alias, equity = account["account"], account["equity_micros"]
        opening = tally.opening.get(alias, 0)
        if equity is None:
            _line(f"account     {alias}: opened with {money(opening)}, cannot be valued")
            continue
        sign = "+" if equity >= opening else ""
        _line(
            f"account     {alias}: opened with {money(opening)}, now {money(equity)}, "
            f"profit and loss {sign}{money(equity - opening)}"
        )


def verdicts(sound: Verified, flip: Flip, damaged: Verified) -> None:
    """The verifier's own words, on the log and on the damaged copy."""
    _line("")
    _line("writ audit verify, on the published log:")
    sys.stdout.write(sound.text)
    _line("")
    _line(
        f"writ audit verify, on a copy in which one bit of {flip.path} was flipped "
        f"(byte {flip.offset}, entry {flip.index}, a {flip.kind}):"
    )
    sys.stdout.write(damaged.text)


def claims(made: Sequence[Claim]) -> None:
    """Each claim, and whether it held."""
    _line("")
    for claim in made:
        _line(f"{'held  ' if claim.held else 'FAILED'}  {claim.text}")


def money(micros: int) -> str:
    """An amount as text, to the cent, rounded towards zero."""
    cents = abs(micros) // 10 ** (MICROS - 2)
    text = f"{cents // 100:,}.{cents % 100:02d}"
    return f"-{text}" if micros < 0 else text


def _line(text: str) -> None:
    _stdout().print(Text(text))


def _stdout() -> Console:
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=True)
