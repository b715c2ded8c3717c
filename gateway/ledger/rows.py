"""Rows of the tables to values of the domain and back, without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias

from gateway.domain.book import IN_MEMORY, OrderState
from gateway.domain.decision import Reason
from gateway.ports import KeyClaim
from signing.canonical import encode
from signing.lifecycle import State

Column: TypeAlias = str | int | bytes | None
"""What a STRICT table of ours can hold."""

ORDER_COLUMNS: Final = tuple(
    field.name for field in fields(OrderState) if field.metadata != IN_MEMORY
)
"""The columns that a row shares with `OrderState`, in the order of its fields."""

TRADES: Final = ("execution", "trade-correction")
"""The kinds of entries that have a row in `executions`: each word about a trade counts once."""

ORDER_FLAGS: Final = ("allow", "reduce_only", "extended_hours")
"""Columns that hold 1 or 0 for a truth."""

CLAIM_COLUMNS: Final = tuple(field.name for field in fields(KeyClaim))


def order_row(order: OrderState) -> dict[str, Column]:
    """The columns of an order, except for its row number."""
    row: dict[str, Any] = {name: getattr(order, name) for name in ORDER_COLUMNS}
    for flag in ORDER_FLAGS:
        row[flag] = int(row[flag])
    row["status"] = str(order.status)
    row["filled_value"] = str(order.filled_value)
    reasons = [[r.control, r.observed, r.limit, r.source] for r in order.reasons]
    row["reasons"] = encode(reasons).decode()
    return row


def order_state(row: Sequence[Any]) -> OrderState:
    """The order of a row that was selected by ORDER_COLUMNS."""
    values: dict[str, Any] = dict(zip(ORDER_COLUMNS, row, strict=True))
    for flag in ORDER_FLAGS:
        values[flag] = bool(values[flag])
    values["status"] = State(values["status"])
    values["filled_value"] = int(values["filled_value"])
    values["reasons"] = tuple(Reason(*reason) for reason in json.loads(values["reasons"]))
    return OrderState(**values)


def claim_row(claim: KeyClaim) -> dict[str, Column]:
    """The columns of a key claim."""
    return {name: getattr(claim, name) for name in CLAIM_COLUMNS}


def execution_row(index: int, payload: Mapping[str, Any]) -> dict[str, Column]:
    """What makes an execution, or a word about one, unique, and the account it is found by."""
    return {
        "entry_index": index,
        "broker_client_id": payload["broker_client_id"],
        "execution_id": payload["execution_id"],
        "account": payload["account"],
    }
