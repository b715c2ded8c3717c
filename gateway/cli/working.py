"""What a command is busy with, shown on a terminal while nothing else is to be seen."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.cli import output

Step = Callable[[str], None]
"""Told what is done next."""


@contextmanager
def working(what: str) -> Generator[Step]:
    """Show `what`, later steps, and the time so far on stderr; where that is no terminal, nothing.

    It is gone when the block ends, however that is. Ctrl-C is told in one line and passed on.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    try:
        with shown:
            task = shown.add_task(what, total=None)
            yield lambda following: shown.update(task, description=following)
    except KeyboardInterrupt:
        output.note("interrupted")
        raise
