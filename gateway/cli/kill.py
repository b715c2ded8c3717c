"""`writ kill`, `writ halt` and `writ resume`: stopping, and who lets it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.client import connect
from gateway.domain.errors import UnavailableError

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
_LIFTED = _COLUMNS[:-2]
"""What is told of a halt that stands no more."""
_KEPT: Final = {
    "marker": "it stands, and a restart enters it",
    "memory": "it stands for as long as the gateway runs, so keep it running",
}
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
    halt = _sent("/v1/kill", body)
    output.rows([halt], _COLUMNS, fmt)
    _tell([halt], fmt)


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
    halts = connect().get("/v1/halts")["halts"]
    output.rows(halts, _COLUMNS, fmt)
    _tell(halts, fmt)


@halt_app.command("clear")
def clear(
    halt: Annotated[str, typer.Argument(help="The halt's id.")],
    reason: ReasonOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Lift one halt, as `writ resume` does."""
    _lift(halt, reason, fmt)


def _lift(halt: str, reason: str, fmt: output.Format) -> None:
    answer = _sent("/v1/resume", {"halt_id": halt, "reason": reason})
    output.rows(answer["halts"], _LIFTED, fmt)


def _sent(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """One call; if no answer comes, what may be done about it."""
    client = connect()
    try:
        return client.post(path, body)
    except UnavailableError as error:
        raise UnavailableError(
            error.code,
            error.detail,
            "whether it arrived is not known: see `writ halt list`, and repeat it; again is as "
            "good as once",
        ) from error


def _tell(halts: Sequence[Mapping[str, Any]], fmt: output.Format) -> None:
    """What is not done yet, for people; programs find it in the JSON."""
    if fmt is output.Format.JSON:
        return
    for halt in halts:
        if halt["kept"] != "log":
            output.note(f"{halt['halt_id']} is not in the log yet: {_KEPT[halt['kept']]}")
        for order in halt["uncancelled"]:
            why = "not confirmed yet" if order["code"] == "none" else order["code"]
            output.note(
                f"not cancelled yet: {order['order_id']}, {order['symbol']} in {order['account']}, "
                f"asked {order['times']} times: {why}"
            )
        if left := halt["uncancelled_count"] - len(halt["uncancelled"]):
            output.note(f"not cancelled yet: {left} more")
