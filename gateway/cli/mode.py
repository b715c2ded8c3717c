"""`writ mode`, `writ omega4` and `writ exit-only`: what becomes of an allowed order.

The steps to LIVE are in ``gateway.cli.live``, as `writ mode live`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli import exits, live, output
from gateway.cli.client import connect

app = typer.Typer(no_args_is_help=True, help="Show or set the mode, and open LIVE.")
app.add_typer(live.app, name="live")
omega4_app = typer.Typer(
    no_args_is_help=True, help="Lift or restore Omega 4, the research-only directive."
)

exit_only_app = typer.Typer(
    no_args_is_help=True, help="Let orders that only reduce a position through halts."
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]


@app.command()
def show(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Show the mode and what stands in the way of forwarding."""
    _print(connect().get("/v1/mode"), fmt)


@app.command("set")
def set_mode(
    mode: Annotated[str, typer.Argument(help="RESEARCH, SIMULATION, PAPER or LIVE.")],
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Change the mode, on the record; LIVE begins closed."""
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


AccountOption = Annotated[str | None, typer.Option(help="In this account alone.")]
SymbolOption = Annotated[str | None, typer.Option(help="In this symbol alone.")]
StrategyOption = Annotated[str | None, typer.Option(help="Of this strategy alone.")]


@exit_only_app.command("open")
def open_exit_only(
    reason: ReasonOption,
    account: AccountOption = None,
    symbol: SymbolOption = None,
    strategy: StrategyOption = None,
    until: Annotated[
        str | None, typer.Option(help="When it ends, such as 2027-01-31T18:00:00+00:00.")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Let orders marked reduce_only through halts, if they provably only reduce."""
    body: dict[str, Any] = {"opened": True, "reason": reason}
    if until is not None:
        body["until"] = until
    _print(connect().post("/v1/exit-only", body | _scope(account, symbol, strategy)), fmt)


@exit_only_app.command("close")
def close_exit_only(
    reason: ReasonOption,
    account: AccountOption = None,
    symbol: SymbolOption = None,
    strategy: StrategyOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Hold them again; orders that work are left alone."""
    body: dict[str, Any] = {"opened": False, "reason": reason}
    _print(connect().post("/v1/exit-only", body | _scope(account, symbol, strategy)), fmt)


def _scope(account: str | None, symbol: str | None, strategy: str | None) -> dict[str, Any]:
    scopes = {"account": account, "symbol": symbol, "strategy": strategy}
    given = [{"kind": kind, "name": name} for kind, name in scopes.items() if name is not None]
    if len(given) > 1:
        raise exits.CommandError(
            "exit-only-scope",
            "an exit-only state has one scope",
            "give one of the three options",
            exits.USAGE,
        )
    return {"scope": given[0]} if given else {}


def _print(mode: Mapping[str, Any], fmt: output.Format) -> None:
    if fmt is output.Format.JSON:
        output.record(mode, fmt)
        return
    omega4 = mode["omega4"]
    lifted = f"lifted until {omega4['until'] or 'it is restored'}"
    open_for = ", ".join(
        f"{state['scope']} {state['name']} until {state['until'] or 'it is closed'}"
        for state in mode["exit_only"]
    )
    shown = {
        **mode,
        "omega4": lifted if omega4["lifted"] else "in force",
        "exit_only": open_for or "closed",
        "live": "open" if mode["live"]["open"] else "closed",
    }
    output.record(shown, fmt)
    if any(gate["name"] == "enabled" and gate["holds"] for gate in mode["live"]["gates"]):
        live.show_live(mode["live"])
