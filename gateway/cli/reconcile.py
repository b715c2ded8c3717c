"""`writ reconcile` and `writ history`: what brokers say of accounts, beside the log's word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.client import connect, in_address

app = typer.Typer()
history_app = typer.Typer()
_GOOD: Final = frozenset({"agreed", "corrected"})
_SUMMARY: Final = ("account", "broker", "outcome", "code", "differences", "drift_bps", "at")
_ROWS: Final = ("what", "name", "ledger", "broker", "difference")


@app.command()
def reconcile(
    account: Annotated[str | None, typer.Argument(help="Its alias; every account without.")] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show the newest comparison; make no new one.")
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Compare with the brokers and put right what stands; exit 1 unless all is explained.

    The table is as it was found. What drifted and was corrected agrees the next time.
    """
    client = connect()
    if last:
        answer = client.get("/v1/reconciliation", account=account)
    else:
        answer = client.post("/v1/reconciliation", {"account": account or "*"})
    found: list[dict[str, Any]] = answer["accounts"]
    if fmt is output.Format.JSON:
        output.record(answer, fmt)
    else:
        output.rows(found, _SUMMARY, fmt)
        rows = [row for one in found for row in _rows(one)]
        if rows:
            output.rows(rows, _ROWS, fmt)
    if any(one["outcome"] not in _GOOD for one in found):
        raise typer.Exit(exits.DENIED)


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The three-way table: cash, positions, orders."""
    cash = found["cash"]
    rows = [] if cash is None else [{"what": "cash", "name": found["account"], **cash}]
    rows += [{"what": "position", "name": row["symbol"], **row} for row in found["positions"]]
    return rows + [
        {
            "what": "order",
            "name": row["order_id"] or f"external {row['broker_order_id']}",
            "ledger": _side(row["ledger"], row["ledger_filled"]),
            "broker": _side(row["broker"], row["broker_filled"]),
            "difference": row["difference"],
        }
        for row in found["orders"]
    ]


def _side(status: str | None, filled: str | None) -> str | None:
    return status if filled is None else f"{status} {filled}"


@history_app.command()
def history(
    account: Annotated[str, typer.Argument(help="The account's alias.")],
    since: Annotated[str, typer.Option("--from", help="Like 2026-11-21T00:00:00Z.")],
    until: Annotated[str, typer.Option("--to", help="Up to and without this instant.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
) -> None:
    """Save the broker's own list of orders and fills, for `writ audit complete`."""
    found = connect().get(
        f"/v1/brokers/{in_address(account)}/history", **{"from": since, "to": until}
    )
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")
    output.note(
        f"{len(found['orders'])} orders and {len(found['executions'])} fills written to {out}"
    )
