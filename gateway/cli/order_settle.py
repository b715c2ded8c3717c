"""`writ order settle|adopt|doubtful`: a person's word about an order in doubt."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from gateway.cli import output
from gateway.cli.client import connect, in_address
from gateway.cli.order_shown import print_order

_DOUBTFUL: Final = (
    *("order_id", "account", "symbol", "side", "qty", "filled_qty", "status", "anomaly"),
    *("code", "broker_client_id"),
)
ReasonOption = Annotated[str, typer.Option("--reason", help="Why you settle it; kept for ever.")]
EvidenceOption = Annotated[
    str, typer.Option("--evidence", help="What you found it out by; kept beside the log.")
]


def settle(
    order_id: str,
    outcome: Annotated[str, typer.Argument(help="filled, absent or canceled.")],
    evidence: EvidenceOption,
    reason: ReasonOption,
    qty: Annotated[
        str | None, typer.Option("--qty", help="filled: how much beyond what is recorded.")
    ] = None,
    price: Annotated[
        str | None, typer.Option("--price", help="filled: at which average price.")
    ] = None,
    contradicts: Annotated[
        bool, typer.Option("--contradicts", help="Although the broker says otherwise.")
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Say what became of an order that nothing else could settle; the broker is asked as well."""
    body: dict[str, Any] = {"outcome": outcome, "evidence": evidence, "reason": reason}
    given = {"qty": qty, "price": price, "contradicts": contradicts or None}
    body |= {name: value for name, value in given.items() if value is not None}
    print_order(connect().post(f"/v1/orders/{in_address(order_id)}/settle", body), fmt)


def adopt(
    order_id: str,
    evidence: EvidenceOption,
    reason: ReasonOption,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Take what the broker says of an order in doubt."""
    body = {"outcome": "adopted", "evidence": evidence, "reason": reason}
    print_order(connect().post(f"/v1/orders/{in_address(order_id)}/settle", body), fmt)


def doubtful(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """List orders whose outcome is not known, or of which something impossible was told."""
    found = connect().get("/v1/doubt")["doubts"]
    output.rows([doubt["order"] | {"anomaly": doubt["anomaly"]} for doubt in found], _DOUBTFUL, fmt)
