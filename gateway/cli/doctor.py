"""`writ doctor`: is this installation fit to run, and if not, what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import exits, output
from gateway.cli.broker_checks import broker_findings
from gateway.cli.checks import Grade, examine
from gateway.cli.engine_checks import engine_findings
from gateway.cli.store_checks import store_findings
from gateway.cli.trust_checks import trust_findings
from gateway.cli.vault_checks import vault_findings
from gateway.config import load_settings

app = typer.Typer()


@app.command()
def doctor(
    data: Annotated[Path | None, typer.Option(help="Data folder. [WRIT_DATA, writ-data]")] = None,
    port: Annotated[int | None, typer.Option(help="Port. [WRIT_PORT, 8470]")] = None,
    release: Annotated[
        Path | None, typer.Option(help="Policy release folder. [WRIT_RELEASE, the shipped one]")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Check this installation and its data folder; exit 1 if anything is wrong."""
    settings = load_settings(data=data, port=port, release=release)
    found = [
        *examine(settings),
        *broker_findings(settings),
        *store_findings(settings),
        *engine_findings(settings),
        *trust_findings(settings),
        *vault_findings(settings),
    ]
    rows = [asdict(finding) for finding in found]
    output.rows(rows, ("check", "grade", "found", "remedy"), fmt)
    if any(finding.grade is Grade.FAIL for finding in found):
        raise typer.Exit(exits.DENIED)
