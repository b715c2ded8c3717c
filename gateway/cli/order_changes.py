"""`writ order replace` and `writ order cancel`: what may become of an order that works."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.client import DENIED_CODE, ProblemError, connect, in_address
from gateway.cli.order_shown import denial, print_denial, print_order
from gateway.cli.order_ticket import (
    ExpiresOption,
    KeyOption,
    OverrideOption,
    WaitOption,
    given,
    override_of,
)

_CANCELS: Final = ("order_id", "outcome", "code")


def replace(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    order_id: str,
    qty: Annotated[
        str | None, typer.Option("--qty", help="The whole quantity, what is filled included.")
    ] = None,
    limit: Annotated[str | None, typer.Option("--limit", help="Limit price.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", help="Stop price.")] = None,
    tif: Annotated[str | None, typer.Option("--tif", help="day, gtc, gtd, ioc or fok.")] = None,
    expires_at: ExpiresOption = None,
    client_order_id: Annotated[
        str | None, typer.Option("--client-order-id", help="Your own id for the new order.")
    ] = None,
    override: OverrideOption = None,
    key: KeyOption = None,
    wait: WaitOption = 0,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Have a new order take a working one's place; exit 1 when denied: the old one works on."""
    changes = {
        "qty": qty,
        "limit_price": limit,
        "stop_price": stop,
        "time_in_force": tif,
        "expires_at": expires_at,
        "client_order_id": client_order_id,
        "override": override_of(override),
    }
    key = key or f"cli-{secrets.token_hex(12)}"
    output.note(f"Idempotency-Key: {key}")
    headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={wait}"} if wait else {})
    try:
        answer = connect().patch(f"/v1/orders/{in_address(order_id)}", given(changes), headers)
    except ProblemError as error:
        if error.code == DENIED_CODE:
            print_denial(error.document, fmt)
            raise denial(error) from error
        raise
    print_order(answer, fmt)


def cancel(
    order_id: Annotated[str | None, typer.Argument(help="One order; or name which below.")] = None,
    account: Annotated[str | None, typer.Option(help="Every open order of this account.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Every open order of this symbol.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Every open order of this strategy.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open order.")] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Ask brokers to cancel one order, or every open one that fits; exit 1 where one failed."""
    kinds = {"account": account, "symbol": symbol, "strategy_id": strategy}
    named = {name: value for name, value in kinds.items() if value is not None}
    if (order_id is not None) + bool(named) + everything != 1:
        raise exits.CommandError(
            "cancel-which",
            "which orders are meant is not clear",
            "name one order, or --account, --symbol, --strategy, or --all alone",
            exits.USAGE,
        )
    if order_id is not None:
        print_order(connect().delete(f"/v1/orders/{in_address(order_id)}"), fmt)
        return
    answer = connect().delete("/v1/orders", **(named or {"all": "true"}))
    if fmt is output.Format.JSON:
        output.record(answer, fmt)
    else:
        output.rows(answer["orders"], _CANCELS, fmt)
    if answer["failed"]:
        raise exits.CommandError(
            "cancel-untaken",
            f"{answer['failed']} of {len(answer['orders'])} orders were not cancelled yet",
            "they are asked for again by themselves: writ order list",
            exits.DENIED,
        )
