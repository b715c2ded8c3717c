"""`writ order`: propose an order and follow it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import exits, output
from gateway.cli.client import DENIED_CODE, Client, ProblemError, connect, in_address

app = typer.Typer(
    no_args_is_help=True, help="Submit, preview, list, show, explain and cancel orders."
)

_LIST = (
    *("order_id", "account", "symbol", "side", "type", "qty", "limit_price", "stop_price"),
    *("status", "filled_qty", "filled_avg_price", "market_time"),
)
_CONTROLS = ("control", "title", "proven", "observed", "limit", "source")
_REASONS = ("control", "title", "observed", "limit", "source", "remedy", "regulation")
_REMEDIES = ("control", "remedy", "regulation", "fix103")
_UNIT_DECIMALS = {"micros": 6, "e8": 8, "e4": 4, "bps": 2, "ms": 3}
_UNIT_NAMES = {"micros": "", "e8": "", "e4": "", "bps": "%", "ms": "s", "count": ""}

SideArgument = Annotated[str, typer.Argument(help="buy, sell or sell_short.")]
QtyArgument = Annotated[str, typer.Argument(help='A decimal number, such as "10".')]
SymbolArgument = Annotated[str, typer.Argument(help="The instrument, such as AAPL.")]
LimitOption = Annotated[str | None, typer.Option("--limit", help="Limit price; none: market.")]
StopOption = Annotated[str | None, typer.Option("--stop", help="Stop price.")]
TifOption = Annotated[str, typer.Option("--tif", help="day, gtc, ioc or fok.")]
AccountOption = Annotated[str, typer.Option("--account", help="The account's name.")]
StrategyOption = Annotated[str | None, typer.Option("--strategy-id", help="Who proposes it.")]
ClientIdOption = Annotated[
    str | None, typer.Option("--client-order-id", help="Your own id for the order.")
]

ReduceOnlyOption = Annotated[
    bool, typer.Option("--reduce-only", help="It may only make the position smaller.")
]
ExtendedOption = Annotated[
    bool, typer.Option("--extended-hours", help="It may trade outside of the regular session.")
]
LocateOption = Annotated[
    str | None, typer.Option("--locate-id", help="Of a short sale: the lender's promise.")
]
IntentOption = Annotated[
    str | None,
    typer.Option("--intent", help="open_long, close_long, open_short or close_short."),
]
RunOption = Annotated[
    str | None, typer.Option("--source-run", help="The audited run that it comes from.")
]
SignalOption = Annotated[
    str | None, typer.Option("--source-signal-id", help="The signal that it comes from.")
]
OverrideOption = Annotated[
    Path | None,
    typer.Option("--override", help="File with a signed override for exactly this order."),
]


@app.command()
def submit(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    side: SideArgument,
    qty: QtyArgument,
    symbol: SymbolArgument,
    limit: LimitOption = None,
    stop: StopOption = None,
    tif: TifOption = "day",
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
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key, to repeat a request.")
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, max=30, help="Seconds to wait for the broker's first answer.")
    ] = 0,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Propose an order; exit 1 when it is denied, with the reasons."""
    ticket = {
        "intent": intent,
        "reduce_only": reduce_only,
        "extended_hours": extended_hours,
        "locate_id": locate_id,
        "source_run": source_run,
        "source_signal_id": source_signal_id,
        "override": _override(override),
        "strategy_id": strategy_id,
        "client_order_id": client_order_id,
        "metadata": _metadata(metadata),
    }
    body = _body(side, qty, symbol, limit, stop, tif, account) | _given(ticket)
    key = key or f"cli-{secrets.token_hex(12)}"
    output.note(f"Idempotency-Key: {key}")
    headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={wait}"} if wait else {})
    try:
        answer = connect().post("/v1/orders", body, headers)
    except ProblemError as error:
        if error.code == DENIED_CODE:
            _print_denial(error.document, fmt)
        raise
    _print_order(answer, fmt)


@app.command()
def preview(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    side: SideArgument,
    qty: QtyArgument,
    symbol: SymbolArgument,
    limit: LimitOption = None,
    stop: StopOption = None,
    tif: TifOption = "day",
    account: AccountOption = "primary",
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
        "intent": intent,
        "reduce_only": reduce_only,
        "extended_hours": extended_hours,
        "locate_id": locate_id,
        "source_run": source_run,
        "source_signal_id": source_signal_id,
        "override": _override(override),
        "strategy_id": strategy_id,
        "replaces": replaces,
    }
    body = _body(side, qty, symbol, limit, stop, tif, account) | _given(ticket)
    answer = connect().post("/v1/orders/preview", body)
    if fmt is output.Format.JSON:
        output.record(answer, fmt)
    else:
        output.record(answer, fmt, fields=("allow", "qty", "limit_price", "stop_price", "failure"))
        _print_reasons(answer["reasons"])
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
    _print_order(connect().get(f"/v1/orders/{in_address(order_id)}"), fmt)


@app.command()
def explain(order_or_decision_id: str, fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Say why an order was allowed or denied: control, observed, limit, remedy, regulation."""
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
    _print_controls(decision["controls"])
    _print_remedies(decision["reasons"])
    if decision["failure"]:
        output.record(decision["failure"], fmt)


@app.command()
def receipt(order_or_decision_id: str) -> None:
    """Print a decision's receipt; check it offline with `writ audit verify --receipt`."""
    client = connect()
    decision_id = _decision_id(client, order_or_decision_id)
    sys.stdout.write(client.text(f"/v1/decisions/{decision_id}/receipt"))


@app.command()
def cancel(order_id: str, fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Ask the broker to cancel an order."""
    _print_order(connect().delete(f"/v1/orders/{in_address(order_id)}"), fmt)


def _body(
    side: str, qty: str, symbol: str, limit: str | None, stop: str | None, tif: str, account: str
) -> dict[str, Any]:
    kinds = {
        (False, False): "market",
        (True, False): "limit",
        (False, True): "stop",
        (True, True): "stop_limit",
    }
    body = {
        "account": account,
        "symbol": symbol,
        "side": side,
        "type": kinds[limit is not None, stop is not None],
        "time_in_force": tif,
        "qty": qty,
        "limit_price": limit,
        "stop_price": stop,
    }
    return {name: value for name, value in body.items() if value is not None}


def _given(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for; the interface takes the rest as not asked for."""
    return {name: value for name, value in ticket.items() if value not in (None, False, {})}


def _override(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise exits.CommandError(
            "override-unreadable",
            f"{path}: {error}",
            "name the file that `writ override sign` wrote",
            exits.USAGE,
        ) from error


def _metadata(pairs: Sequence[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not equals or name in found:
            raise exits.CommandError(
                "metadata-malformed",
                f"{pair!r} is no NAME=TEXT",
                "give each name once",
                exits.USAGE,
            )
        found[name] = text
    return found


def _decision_id(client: Client, either_id: str) -> str:
    known = in_address(either_id)
    if known.startswith("dec_"):
        return known
    return str(client.get(f"/v1/orders/{known}")["decision_id"])


def _print_order(order: Mapping[str, Any], fmt: output.Format) -> None:
    hidden = {"decision", "links", "requested"}
    output.record(order, fmt, fields=[name for name in order if name not in hidden])


def _print_denial(problem: Mapping[str, Any], fmt: output.Format) -> None:
    if fmt is output.Format.JSON:
        output.record(problem, fmt)
        return
    output.record(problem, fmt, fields=("order_id", "decision_id", "index"))
    _print_reasons(problem["reasons"])


def _print_controls(controls: Sequence[Mapping[str, Any]]) -> None:
    """Every control of a decision, those that were not proven first."""
    shown = [_in_words(control) for control in controls]
    output.rows(shown, _CONTROLS, output.Format.TABLE)


def _print_reasons(reasons: Sequence[Mapping[str, Any]]) -> None:
    if reasons:
        shown = [_in_words(reason) for reason in reasons]
        output.rows(shown, _REASONS, output.Format.TABLE)


def _print_remedies(reasons: Sequence[Mapping[str, Any]]) -> None:
    if reasons:
        shown = [_in_words(reason) for reason in reasons]
        output.rows(shown, _REMEDIES, output.Format.TABLE)


def _in_words(control: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **control,
        "proven": "yes" if control["passed"] else "no",
        "observed": _readable(control["observed"], control["unit"]),
        "limit": _readable(control["limit"], control["unit"]),
        "regulation": "; ".join(control["regulation"]),
        "remedy": " ".join(str(control["remedy"]).split()),
    }


def _readable(value: int | None, unit: str | None) -> str | None:
    """An integer of the record in the unit that people use: micros as money, bps as percent."""
    if value is None or unit is None:
        return None if value is None else str(value)
    number = Decimal(value).scaleb(-_UNIT_DECIMALS.get(unit, 0))
    return f"{number:,f}{_UNIT_NAMES.get(unit, '')}"
