"""`writ audit complete`: a published log against the broker's own list of orders and fills.

Like all of `audit` it works on files alone, with the base installation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.instants import read_instant
from gateway.cli.named_files import folder, read_file, read_vkey, unreadable, usage
from signing.broker_lists import LIST_BYTES_MAX, BrokerList, ListError, read_alpaca, read_export
from signing.complete import Completeness, compare, read_side
from signing.published import PublishedError, PublishedLog
from signing.verify import verify_log

COMMAND: Final = "audit complete"
_COLUMNS: Final = ("code", "name", "detail")
app = typer.Typer()


@app.command()
def complete(
    log: Annotated[Path, typer.Argument(help="Folder with checkpoint, tile/ and blobs/.")],
    vkey: Annotated[
        Path,
        typer.Option("--vkey", help="File with the log's verifier key, from a source you trust."),
    ],
    broker_list: Annotated[
        Path | None, typer.Option("--broker-list", help="A list saved by `writ history`.")
    ] = None,
    alpaca_orders: Annotated[
        Path | None,
        typer.Option("--alpaca-orders", help="Alpaca's own answer: all orders, one JSON array."),
    ] = None,
    alpaca_fills: Annotated[
        Path | None,
        typer.Option("--alpaca-fills", help="Alpaca's own answer: all FILL activities."),
    ] = None,
    account: Annotated[
        str, typer.Option(help="The account's alias in the log; a saved list names its own.")
    ] = "primary",
    period: Annotated[
        str | None,
        typer.Option("--period", help="Of Alpaca's own answers: FROM/TO, two instants."),
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Name what only one of log and broker has; exit 1 if there is anything, or the log is bad."""
    listed = _listed(broker_list, (alpaca_orders, alpaca_fills), account, period)
    try:
        key, directory = read_vkey(vkey), folder(log)
        report = verify_log(directory, key)
        if not report.ok:
            output.complaint("the log does not verify", "log-damaged", "run writ audit verify")
            raise typer.Exit(exits.DENIED)
        found = compare(read_side(PublishedLog(directory, key).entries(), listed.account), listed)
    except PublishedError as error:
        output.complaint(str(error), "log-damaged", "run writ audit verify on this log")
        raise typer.Exit(exits.DENIED) from error
    except OSError as error:
        raise unreadable(error) from error
    _show(found, listed, fmt)
    if not found.complete:
        raise typer.Exit(exits.DENIED)


def _listed(
    saved: Path | None,
    alpaca: tuple[Path | None, Path | None],
    account: str,
    period: str | None,
) -> BrokerList:
    """The broker's list, in whichever form it was given."""
    orders, fills = alpaca
    try:
        if saved is not None and (orders, fills, period) == (None, None, None):
            return read_export(read_file(saved, LIST_BYTES_MAX))
        if saved is None and orders and fills and period:
            since, _, until = period.partition("/")
            return read_alpaca(
                read_file(orders, LIST_BYTES_MAX),
                read_file(fills, LIST_BYTES_MAX),
                account,
                read_instant(since, "--period", COMMAND),
                read_instant(until, "--period", COMMAND),
            )
    except ListError as error:
        output.complaint(str(error), "list-unreadable", "have the broker list it once more")
        raise typer.Exit(exits.USAGE) from error
    raise usage("give --broker-list FILE, or --alpaca-orders, --alpaca-fills and --period", COMMAND)


def _show(found: Completeness, listed: BrokerList, fmt: output.Format) -> None:
    findings = [
        {"code": one.code, "name": one.name, "detail": one.detail} for one in found.findings
    ]
    summary = {
        "complete": found.complete,
        "account": listed.account,
        "orders": found.orders,
        "fills": found.fills,
        "external": found.external,
        "in_doubt": found.in_doubt,
        "findings": len(findings),
    }
    if fmt is output.Format.JSON:
        output.record({**summary, "findings": findings}, fmt)
        return
    if findings:
        output.rows(findings, _COLUMNS, fmt)
    output.record(summary, fmt)
