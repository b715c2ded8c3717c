"""`writ keys rotate`: another key in the place of one that a stopped gateway's log rests on.

It opens the log, so it needs what a gateway needs, and loads that when it runs: the help of
`writ keys` is for the base installation too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output

app = typer.Typer(no_args_is_help=True, help="Put another key in the place of one, on the record.")


@app.callback()
def rotate() -> None:
    """Put another key in the place of one, on the record. The gateway has to be stopped."""


@app.command()
def identity(
    by: Annotated[str, typer.Option("--by", help="Who does it; stands in the log.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a line; stands in the log.")],
    data: Annotated[Path | None, typer.Option(help="Data folder. [WRIT_DATA, writ-data]")] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", help="The new key, vault:MOUNT/NAME/VERSION; a new file if not given."
        ),
    ] = None,
    revoked: Annotated[
        bool,
        typer.Option("--revoked", help="The old key was stolen or is lost: it is not asked."),
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Have another identity key certify from here on; every setting is read as by writ serve."""
    from gateway.bootstrap.rotation import Takeover, rotate_identity
    from gateway.config import load_settings

    settings = load_settings(data=data)
    takeover = Takeover(to=to, revoked=revoked, by=by, reason=reason)
    standing = asyncio.run(rotate_identity(settings, takeover))
    found = {"identity_key": standing.key, "where": standing.where, "entry": standing.index}
    output.record({**found, "revoked": revoked}, fmt)
    if standing.index is None:
        output.note("the log had named this key already; now its file is in place too")
    if to != settings.identity_key:
        change = "unset WRIT_IDENTITY_KEY" if to is None else f"set WRIT_IDENTITY_KEY={to}"
        output.note(f"before the gateway starts again: {change}")
    output.note("tell auditors the new key: writ audit verify --identity compares it")
