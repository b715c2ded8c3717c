"""What is printed: tables for the terminal, and the Markdown block of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.measure import Figure, Findings, Table

_BEGIN: Final = "<!-- figures:"
_END: Final = "<!-- end of figures -->"


def machine() -> str:
    """Cores, processor and Python; nothing that names the host."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def terminal(table: Table) -> str:
    """Columns under each other."""
    rows = (table.head, *table.rows)
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.head))]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([f"\n{table.title}", *(f"  {line}" for line in lines)])


def figures_table(figures: Mapping[str, Figure]) -> Table:
    """The figures as a table."""
    return Table(
        "Figures: median of rounds (lowest..highest)",
        ("figure", "value", "rounds"),
        tuple((name, str(figure), str(figure.rounds)) for name, figure in figures.items()),
    )


def printed(found: Findings) -> str:
    """Everything that one measurement found, for the terminal."""
    parts = [terminal(table) for table in found.tables]
    if found.figures:
        parts.append(terminal(figures_table(found.figures)))
    return "\n".join([*parts, "", *found.notes])


def markdown(command: str, findings: Sequence[Findings], at: datetime | None = None) -> str:
    """The block of docs/benchmarks.md."""
    return "\n".join(_markdown(command, findings, at or datetime.now(UTC))) + "\n"


def inserted(page: str, block: str) -> str:
    """The page with the block between its marks, instead of what was there.

    Raises:
        ValueError: the page has not both marks.
    """
    before, begin, rest = page.partition(_BEGIN)
    mark, newline, old = rest.partition("\n")
    _, end, after = old.partition(_END)
    if not (begin and newline and end):
        raise ValueError("the page has no place for figures")
    return f"{before}{begin}{mark}\n{block}{end}{after}"


def _markdown(command: str, findings: Sequence[Findings], at: datetime) -> Iterator[str]:
    yield f"Taken with `{command}` on {at.date().isoformat()}: {machine()}."
    figures = {key: figure for found in findings for key, figure in found.figures.items()}
    if figures:
        yield from _markdown_table(figures_table(figures))
    for found in findings:
        for table in found.tables:
            yield from _markdown_table(table)
        for note in found.notes:
            yield f"\n{note}"


def _markdown_table(table: Table) -> Iterator[str]:
    yield f"\n{table.title}:\n"
    yield "| " + " | ".join(table.head) + " |"
    yield "|---|" + "--:|" * (len(table.head) - 1)
    for row in table.rows:
        yield "| " + " | ".join(row) + " |"
