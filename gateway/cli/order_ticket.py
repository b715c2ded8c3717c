"""The ticket of an order as it is typed: its options, and the body that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import exits

SideArgument = Annotated[str, typer.Argument(help="buy, sell or sell_short.")]
QtyArgument = Annotated[str, typer.Argument(help='A decimal number, such as "10".')]
SymbolArgument = Annotated[str, typer.Argument(help="The instrument, such as AAPL.")]
LimitOption = Annotated[str | None, typer.Option("--limit", help="Limit price; none: market.")]
StopOption = Annotated[str | None, typer.Option("--stop", help="Stop price.")]
TifOption = Annotated[str, typer.Option("--tif", help="day, gtc, gtd, ioc or fok.")]
ExpiresOption = Annotated[
    str | None,
    typer.Option("--expires-at", help="Of a gtd order: when it ends, RFC 3339 with an offset."),
]
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
KeyOption = Annotated[
    str | None, typer.Option("--key", help="Idempotency key, to repeat a request.")
]
WaitOption = Annotated[
    int, typer.Option(min=0, max=30, help="Seconds to wait for the broker's first answer.")
]
OverrideOption = Annotated[
    Path | None,
    typer.Option("--override", help="File with a signed override for exactly this order."),
]


def body_of(
    side: str, qty: str, symbol: str, limit: str | None, stop: str | None, tif: str, account: str
) -> dict[str, Any]:
    """The body of a plain ticket; its type follows from the prices that were given."""
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


def given(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for; the interface takes the rest as not asked for."""
    return {name: value for name, value in ticket.items() if value not in (None, False, {})}


def override_of(path: Path | None) -> str | None:
    """The text of a signed override, as the ticket carries it.

    Raises:
        CommandError: ``override-unreadable``.
    """
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


def metadata_of(pairs: Sequence[str] | None) -> dict[str, str]:
    """The caller's own notes, from NAME=TEXT each.

    Raises:
        CommandError: ``metadata-malformed``.
    """
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
