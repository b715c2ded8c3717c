"""`writ alerts`: what stands, how the channels do, and a test of each."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.client import connect

app = typer.Typer(no_args_is_help=True)

_COLUMNS: Final = ("severity", "title", "text", "since")


@app.command("list")
def list_alerts(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """List the alerts that stand, the most severe first."""
    output.rows(connect().get("/v1/alerts")["alerts"], _COLUMNS, fmt)


@app.command()
def channels(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """List the channels; exit 1 when one of them takes no notices."""
    _print(connect().get("/v1/alerts")["channels"], ("name", "failing", "told"), fmt)


@app.command("test")
def try_channels(
    channel: Annotated[str | None, typer.Option(help="This one alone.")] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Send a test to each channel; exit 1 when one of them did not take it."""
    body = {} if channel is None else {"channel": channel}
    tested = connect().post("/v1/alerts/test", body)["channels"]
    if not tested:
        raise exits.CommandError(
            "alerts-none", "the gateway tells nobody", "name channels in WRIT_ALERTS", exits.USAGE
        )
    _print(tested, ("name", "failing"), fmt)


def _print(found: list[dict[str, Any]], columns: tuple[str, ...], fmt: output.Format) -> None:
    output.rows(found, columns, fmt)
    failing = [one["name"] for one in found if one["failing"] is not None]
    if failing:
        raise exits.CommandError(
            "alerts-untold",
            f"not taken by: {', '.join(failing)}",
            "see the gateway's log and docs/operations/alerts.md",
            exits.DENIED,
        )
