"""`writ order`: propose an order and follow it."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, Final

import typer

from gateway.cli import exits, order_changes, order_settle, output
from gateway.cli.client import DENIED_CODE, Client, ProblemError, connect, in_address
from gateway.cli.order_shown import (
    denial,
    print_controls,
    print_denial,
    print_order,
    print_reasons,
    print_remedies,
)
from gateway.cli.order_ticket import (
    AccountOption,
    ClientIdOption,
    ExpiresOption,
    ExtendedOption,
    IntentOption,
    KeyOption,
    LimitOption,
    LocateOption,
    OverrideOption,
    QtyArgument,
    ReduceOnlyOption,
    RunOption,
    SideArgument,
    SignalOption,
    StopOption,
    StrategyOption,
    SymbolArgument,
    TifOption,
    WaitOption,
    body_of,
    given,
    metadata_of,
    override_of,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Submit, preview, replace, cancel, list, show and explain orders; print receipts.",
)

_LIST: Final = (
    *("order_id", "account", "symbol", "side", "type", "qty", "limit_price", "stop_price"),
    *("status", "filled_qty", "filled_avg_price", "market_time"),
)


@app.command()
def submit(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    side: SideArgument,
    qty: QtyArgument,
    symbol: SymbolArgument,
    limit: LimitOption = None,
    stop: StopOption = None,
    tif: TifOption = "day",
    expires_at: ExpiresOption = None,
    account: AccountOption = "primary",
    client_order_id: ClientIdOption = None,
    strategy_id: StrategyOption = None,
    intent: IntentOption = None,
    reduce_only: ReduceOnlyOption = False,
    extended_hours: ExtendedOption = False,
    locate_id: LocateOption = None,
    source_run: RunOption = None,
    source_signal_id: SignalOption = None,
    override: OverrideOption = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", help="NAME=TEXT, your own note; not recorded. Repeatable."),
    ] = None,
    key: KeyOption = None,
    wait: WaitOption = 0,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Propose an order; exit 1 when it is denied, with the reasons."""
    ticket = {
        "expires_at": expires_at,
        "intent": intent,
        "reduce_only": reduce_only,
        "extended_hours": extended_hours,
        "locate_id": locate_id,
        "source_run": source_run,
        "source_signal_id": source_signal_id,
        "override": override_of(override),
        "strategy_id": strategy_id,
        "client_order_id": client_order_id,
        "metadata": metadata_of(metadata),
    }
    body = body_of(side, qty, symbol, limit, stop, tif, account) | given(ticket)
    key = key or f"cli-{secrets.token_hex(12)}"
    output.note(f"Idempotency-Key: {key}")
    headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={wait}"} if wait else {})
    try:
        answer = connect().post("/v1/orders", body, headers)
    except ProblemError as error:
        if error.code == DENIED_CODE:
            print_denial(error.document, fmt)
            raise denial(error) from error
        raise
    print_order(answer, fmt)


@app.command()
def preview(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    side: SideArgument,
    qty: QtyArgument,
    symbol: SymbolArgument,
    limit: LimitOption = None,
    stop: StopOption = None,
    tif: TifOption = "day",
    expires_at: ExpiresOption = None,
    account: AccountOption = "primary",
    client_order_id: ClientIdOption = None,
    strategy_id: StrategyOption = None,
    intent: IntentOption = None,
    reduce_only: ReduceOnlyOption = False,
    extended_hours: ExtendedOption = False,
    locate_id: LocateOption = None,
    source_run: RunOption = None,
    source_signal_id: SignalOption = None,
    override: OverrideOption = None,
    replaces: Annotated[
        str | None, typer.Option("--replaces", help="The order whose place it would take.")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Ask what would be decided as of now; nothing is recorded. Exit 1: it would be denied."""
    ticket = {
        "expires_at": expires_at,
        "intent": intent,
        "reduce_only": reduce_only,
        "extended_hours": extended_hours,
        "locate_id": locate_id,
        "source_run": source_run,
        "source_signal_id": source_signal_id,
        "override": override_of(override),
        "strategy_id": strategy_id,
        "client_order_id": client_order_id,
        "replaces": replaces,
    }
    body = body_of(side, qty, symbol, limit, stop, tif, account) | given(ticket)
    answer = connect().post("/v1/orders/preview", body)
    if fmt is output.Format.JSON:
        output.record(answer, fmt)
    else:
        output.record(answer, fmt, fields=("allow", "qty", "limit_price", "stop_price", "failure"))
        print_reasons(answer["reasons"], answer["base_currency"], answer["facts"])
    if not answer["allow"]:
        raise typer.Exit(exits.DENIED)


@app.command("list")
def list_orders(
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    status: Annotated[str | None, typer.Option(help="In this status only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """List orders, newest first."""
    wanted = status.upper() if status else None
    page = connect().get("/v1/orders", account=account, status=wanted, limit=limit)
    output.rows(page["orders"], _LIST, fmt)
    if page["next"]:
        output.note("there are older ones: raise --limit, or use the HTTP interface's cursor")


@app.command()
def show(order_id: str, fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Show one order as it stands."""
    print_order(connect().get(f"/v1/orders/{in_address(order_id)}"), fmt)


@app.command()
def explain(order_or_decision_id: str, fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Say why an order was allowed or denied: control, arithmetic, remedy, regulation."""
    client = connect()
    decision = client.get(f"/v1/decisions/{_decision_id(client, order_or_decision_id)}")
    if fmt is output.Format.JSON:
        output.record(decision, fmt)
        return
    record = decision["record"]
    output.record(
        {
            "decision_id": decision["decision_id"],
            "order_id": decision["order_id"],
            "allow": decision["allow"],
            "decided_at": decision["decided_at"],
            "log_index": decision["index"],
            "mode": record["mode"],
            "release_digest": record["release_digest"],
            "engine": record["engine"]["name"],
        },
        fmt,
    )
    print_controls(decision["controls"], decision["base_currency"], decision["document"])
    print_remedies(decision["reasons"])
    if decision["failure"]:
        output.record(decision["failure"], fmt)


@app.command()
def attempt(order_id: str) -> None:
    """Print an attempt as one flat JSON record: checks, what stopped it, the broker's answer."""
    found = connect().get(f"/v1/orders/{in_address(order_id)}/attempt")
    output.record(found, output.Format.JSON)


@app.command()
def receipt(order_or_decision_id: str) -> None:
    """Print a decision's receipt; check it offline with `writ audit verify --receipt`."""
    client = connect()
    decision_id = _decision_id(client, order_or_decision_id)
    sys.stdout.write(client.text(f"/v1/decisions/{decision_id}/receipt"))


app.command()(order_changes.replace)
app.command()(order_changes.cancel)


app.command()(order_settle.settle)
app.command()(order_settle.adopt)
app.command()(order_settle.doubtful)


def _decision_id(client: Client, either_id: str) -> str:
    known = in_address(either_id)
    if known.startswith("dec_"):
        return known
    return str(client.get(f"/v1/orders/{known}")["decision_id"])
