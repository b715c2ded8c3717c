"""`writ kill`, `writ halt` and `writ resume`: stopping, and who lets it go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli import exits, output
from gateway.cli.client import connect

kill_app = typer.Typer()
resume_app = typer.Typer()
halt_app = typer.Typer()

_COLUMNS = (
    "halt_id",
    "scope",
    "name",
    "cause",
    "reduce_allowed",
    "clear_by",
    "by",
    "reason",
    "observed",
    "limit",
    "kept",
    "uncancelled_count",
)
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]


@kill_app.command()
def kill(
    reason: ReasonOption,
    account: Annotated[str | None, typer.Option(help="Stop this account alone.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Stop this symbol alone.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Stop this strategy alone.")] = None,
    reduce_allowed: Annotated[
        bool, typer.Option("--reduce-allowed", help="Let through what provably only reduces.")
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Deny every order from now on and cancel the open ones, until a named person resumes."""
    scopes = {"account": account, "symbol": symbol, "strategy": strategy}
    given = [{"kind": kind, "name": name} for kind, name in scopes.items() if name is not None]
    if len(given) > 1:
        raise exits.CommandError(
            "kill-scope", "a halt has one scope", "give one of the three options", exits.USAGE
        )
    body: dict[str, Any] = {"reason": reason} | ({"scope": given[0]} if given else {})
    if reduce_allowed:
        body["reduce_allowed"] = True
    output.rows([connect().post("/v1/kill", body)], _COLUMNS, fmt)


@resume_app.command()
def resume(
    halt: Annotated[str, typer.Argument(help="A halt's id, or: all.")],
    reason: ReasonOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Lift a halt; what it cancelled stays cancelled."""
    _lift(halt, reason, fmt)


@halt_app.command("list")
def list_halts(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """List the standing halts, and how many orders each has yet to see cancelled."""
    output.rows(connect().get("/v1/halts")["halts"], _COLUMNS, fmt)


@halt_app.command("clear")
def clear(
    halt: Annotated[str, typer.Argument(help="The halt's id.")],
    reason: ReasonOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Lift one halt, as `writ resume` does."""
    _lift(halt, reason, fmt)


def _lift(halt: str, reason: str, fmt: output.Format) -> None:
    answer = connect().post("/v1/resume", {"halt_id": halt, "reason": reason})
    output.rows(answer["halts"], _COLUMNS, fmt)
