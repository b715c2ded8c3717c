"""`writ policy diff` and `writ policy limits`: what is signed, in people's units."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import exits, output

FolderArgument = Annotated[
    Path,
    typer.Argument(help="A release folder or a policies folder.", exists=True, file_okay=False),
]
_COLUMNS = ("part", "name", "change", "old", "new", "effect")


def diff(
    old: FolderArgument,
    new: FolderArgument,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 where anything differs, for pipelines.")
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show what differs between two releases or policies folders: controls, limits, lists.

    A limit is tighter or looser by what it lets out: one of zero lets nothing out. The limit of
    a control that is new is neither: nothing was bounded there before.
    """
    from gateway.policy.diff import differences
    from gateway.policy.sides import read_side
    from signing.rendering.change import LOOSER, NEW, TIGHTER

    changes = differences(read_side(old), read_side(new))
    if fmt is output.Format.JSON or changes:
        output.rows([asdict(change) for change in changes], _COLUMNS, fmt)
    counts = [
        f"{sum(change.effect == effect for change in changes)} {effect}"
        for effect in (TIGHTER, LOOSER, NEW)
    ]
    noun = "difference" if len(changes) == 1 else "differences"
    output.note(f"{len(changes)} {noun}, {', '.join(counts)}" if changes else "no difference")
    if exit_code and changes:
        raise typer.Exit(exits.DENIED)


def limits(folder: FolderArgument) -> None:
    """Print the limits of a release or policies folder as a limits file, in people's units."""
    from gateway.policy.data_files import release_data
    from gateway.policy.limits_file import limits_text
    from gateway.policy.release import DESCRIPTOR, load_release
    from signing import canonical

    release = (folder / DESCRIPTOR).exists()
    data = load_release(folder).data if release else release_data(folder)
    parts = canonical.decode_object(data)
    sys.stdout.write(limits_text(parts["base_currency"], parts["limits"]))
