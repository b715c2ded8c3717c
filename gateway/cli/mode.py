"""`writ mode` and `writ omega4`: what becomes of an allowed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli import output
from gateway.cli.client import connect

app = typer.Typer(no_args_is_help=True, help="Show or set the mode.")
omega4_app = typer.Typer(
    no_args_is_help=True, help="Lift or restore Omega 4, the research-only directive."
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]


@app.command()
def show(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Show the mode and what stands in the way of forwarding."""
    _print(connect().get("/v1/mode"), fmt)


@app.command("set")
def set_mode(
    mode: Annotated[str, typer.Argument(help="RESEARCH or SIMULATION.")],
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Change the mode, on the record."""
    _print(connect().post("/v1/mode", {"mode": mode.upper()}), fmt)


@omega4_app.command()
def lift(
    reason: ReasonOption,
    until: Annotated[
        str | None, typer.Option(help="When it ends, such as 2027-01-31T18:00:00+00:00.")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Let allowed orders be forwarded."""
    body: dict[str, Any] = {"lifted": True, "reason": reason}
    if until is not None:
        body["until"] = until
    _print(connect().post("/v1/omega4", body), fmt)


@omega4_app.command()
def restore(reason: ReasonOption, fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Put the directive back in force: nothing is forwarded."""
    _print(connect().post("/v1/omega4", {"lifted": False, "reason": reason}), fmt)


def _print(mode: Mapping[str, Any], fmt: output.Format) -> None:
    if fmt is output.Format.JSON:
        output.record(mode, fmt)
        return
    omega4 = mode["omega4"]
    lifted = f"lifted until {omega4['until'] or 'it is restored'}"
    shown = {**mode, "omega4": lifted if omega4["lifted"] else "in force"}
    output.record(shown, fmt)
