"""`writ facts`: what services upstream say, pushed and taken back by hand, and what stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.client import connect
from gateway.domain.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="Push facts, take them back, and list them.")

_COLUMNS: Final = ("name", "value", "at", "until", "age_ms", "source", "principal", "sequence")
_NAME: Final = re.compile(r"[a-z]{2,8}\.[A-Za-z0-9_.-]{1,32}(/[A-Za-z0-9_.-]{1,32})?")
_TRUTHS: Final = {"true": True, "false": False}
_PAGE: Final = 1_000

SourceOption = Annotated[str, typer.Option(help="Which service says so.")]
AtOption = Annotated[
    str | None,
    typer.Option(
        help="The market time it is of, with an offset. If left out, now by this machine's clock: "
        "on a recorded market that is the future, and refused."
    ),
]


@app.command()
def put(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    name: Annotated[str, typer.Argument(help="Such as model.drift, fx.EUR or quote.AAPL.")],
    value: Annotated[
        str | None,
        typer.Argument(help="A decimal, a regime, or true or false; a quote has options instead."),
    ] = None,
    source: SourceOption = "command-line",
    ttl_ms: Annotated[str, typer.Option("--ttl-ms", help="For how long it holds.")] = "60000",
    at: AtOption = None,
    sequence: Annotated[str | None, typer.Option(help="The service's own rising number.")] = None,
    bid: Annotated[str | None, typer.Option(help="A quote's bid.")] = None,
    ask: Annotated[str | None, typer.Option(help="A quote's ask.")] = None,
    last: Annotated[str | None, typer.Option(help="A quote's last price.")] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """State a fact; it counts until a newer one, or until its time to live ends."""
    body: dict[str, Any] = {
        "value": _value(value, {"bid": bid, "ask": ask, "last": last}),
        "at": at or _now(),
        "ttl_ms": ttl_ms,
        "source": source,
    }
    if sequence is not None:
        body["sequence"] = sequence
    output.record(connect().put(f"/v1/facts/{_in_address(name)}", body), fmt)


@app.command()
def withdraw(
    name: Annotated[str, typer.Argument(help="Such as model.drift, fx.EUR or quote.AAPL.")],
    source: SourceOption = "command-line",
    at: AtOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Take a fact back before its time to live ends; orders that need it are denied."""
    path = f"/v1/facts/{_in_address(name)}"
    output.record(connect().delete(path, at=at or _now(), source=source), fmt)


@app.command("list")
def list_facts(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """List the pushed facts that stand now, with their ages in market time."""
    client = connect()
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = client.get("/v1/facts", after=after, limit=_PAGE)
        found += page["facts"]
        after = page["next"]
        if after is None:
            break
    output.rows(found, _COLUMNS, fmt)


def _value(text: str | None, prices: dict[str, str | None]) -> str | bool | dict[str, str]:
    given = {field: price for field, price in prices.items() if price is not None}
    if text is not None and not given:
        return _TRUTHS.get(text, text)
    if text is None and len(given) == len(prices):
        return given
    raise exits.CommandError(
        "fact-value-missing",
        "a fact has a value, or bid, ask and last",
        "writ facts put model.drift 0.12, or: writ facts put quote.AAPL --bid … --ask … --last …",
        exits.USAGE,
    )


def _now() -> str:
    """The wall clock, which market time follows unless prices are past ones."""
    return datetime.now(UTC).isoformat()


def _in_address(name: str) -> str:
    """A fact's name as part of an address: nothing in it can lead to another one."""
    if _NAME.fullmatch(name) is None or ".." in name:
        raise InvalidInputError(
            "fact-unknown", "that is no name of a fact", "for example model.drift, or fx.EUR"
        )
    return name
