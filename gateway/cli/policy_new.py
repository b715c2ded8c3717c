"""`writ policy new control`: a rule, its test, its METADATA, and every place that knows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output
from gateway.cli.working import working

app = typer.Typer(no_args_is_help=True, help="Write the beginning of something new.")


@app.callback()
def _new() -> None:
    """Write the beginning of something new."""


@app.command("control")
def control(  # noqa: PLR0913, PLR0917  one option each, which typer hands over by name
    name: Annotated[str, typer.Argument(help="Of file and package, such as book_depth.")],
    control_id: Annotated[str, typer.Option("--id", help="Such as MKT-09.")],
    fact: Annotated[str, typer.Option("--fact", help="Such as market.depth_count.")],
    limit: Annotated[
        str,
        typer.Option("--limit", help="Such as book_depth_min_count; none: the fact must be true."),
    ] = "",
    title: Annotated[str, typer.Option("--title", help="A few words.")] = "",
    description: Annotated[str, typer.Option("--description", help="What must be so.")] = "",
    severity: Annotated[
        str, typer.Option("--severity", help="critical, high, medium or low.")
    ] = "high",
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")] = "risk",
    regulation: Annotated[
        list[str] | None,
        typer.Option("--regulation", help="Where it comes from; may be repeated."),
    ] = None,
    fix103: Annotated[int, typer.Option("--fix103", help="FIX order rejection reason.")] = 99,
    remedy: Annotated[str, typer.Option("--remedy", help="What helps who is denied.")] = "",
    source: Annotated[
        Path,
        typer.Option("--source", help="The policies folder.", exists=True, file_okay=False),
    ] = Path("policies"),
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Add a control that compares one fact with one limit, or needs one fact to be true.

    It writes the rule with METADATA and its test, registers it, and adds fact and limit wherever
    they must be known. All of it is tried in a copy first; what fails there is not written.
    """
    from gateway.policy.newcontrol import new_control
    from gateway.policy.template import REMEDY, NewControl

    new = NewControl(
        name=name,
        control=control_id,
        fact=fact,
        limit=limit,
        title=title,
        description=description,
        severity=severity,
        owner=owner,
        fix103=fix103,
        remedy=remedy or REMEDY,
        regulation=tuple(regulation or ("house rule",)),
    )
    with working(f"trying {control_id} in a copy of {source}"):
        written = new_control(source, new)
    if fmt is output.Format.JSON:
        output.record({"files": list(written.files), "left": list(written.left)}, fmt)
        return
    output.rows([{"file": f"{source}/{file}"} for file in written.files], ("file",), fmt)
    for one in written.left:
        output.note(f"to do: {one}")
