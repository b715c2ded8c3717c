"""`writ mode live`: the five steps that open LIVE, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from gateway.cli import output
from gateway.cli.client import connect

app = typer.Typer(no_args_is_help=True, help="Take the steps that open LIVE, in this order.")

_NEXT: Final = {
    "configuration": "writ mode live configuration DIGEST",
    "acknowledgement": "writ mode live acknowledgement VERSION",
    "risk": "writ mode live risk",
    "credentials": "writ mode live credentials",
    "enable": "writ mode live enable",
}


@app.command()
def configuration(
    digest: Annotated[str, typer.Argument(help="The manifest's digest, as it was read.")],
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """1. Name the manifest that is to be opened; begins anew."""
    _take({"step": "configuration", "manifest_digest": digest}, fmt)


@app.command()
def acknowledgement(
    version: Annotated[str, typer.Argument(help="The version of its acknowledgement.")],
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """2. Repeat what the officers agreed to."""
    _take({"step": "acknowledgement", "acknowledgement": version}, fmt)


@app.command()
def risk(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """3. Have the risk engine looked at."""
    _take({"step": "risk"}, fmt)


@app.command()
def credentials(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """4. Have each broker asked about its account's credentials."""
    _take({"step": "credentials"}, fmt)


@app.command()
def enable(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """5. Get the link where your passkey opens LIVE: good once, for five minutes."""
    _take({"step": "enable"}, fmt)


def show_live(live: Mapping[str, Any]) -> None:
    """Print where LIVE stands: steps that were taken, gates, and what closed it."""
    for taken in live["taken"]:
        output.note(f"{taken['step']}: taken by {taken['by']} at {taken['at']}")
    if (lapsed := live["lapsed"]) is not None:
        output.note(f"LIVE closed at {lapsed['at']}: {lapsed['gate']}: {lapsed['missing']}")
    shown = [
        {**gate, "holds": "yes" if gate["holds"] else "no", "found": _found(gate)}
        for gate in live["gates"]
    ]
    output.rows(shown, ("name", "holds", "found", "remedy"), output.Format.TABLE)
    if live["next"] is not None:
        output.note(f"next: {_NEXT[live['next']]}")


def _found(gate: Mapping[str, Any]) -> str:
    return str(gate["evidence"] if gate["holds"] else gate["missing"])


def _take(body: Mapping[str, Any], fmt: output.Format) -> None:
    taken = connect().post("/v1/live/steps", body)
    if fmt is output.Format.JSON:
        output.record(taken, fmt)
        return
    if taken["confirm_at"] is None:
        show_live(taken["live"])
        return
    output.note(f"open this in a browser, with your passkey, before {taken['until']}:")
    output.record({"confirm_at": taken["confirm_at"]}, fmt)
