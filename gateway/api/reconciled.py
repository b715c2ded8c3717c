"""What a reconciliation found, as callers read it: the record, the broker, and the difference."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.answers import money
from gateway.domain.book import NONE
from gateway.domain.quantities import format_scaled
from gateway.tracking.reconciliation.rows import (
    CashRow,
    Correction,
    OrderRow,
    PositionRow,
    Result,
)

ROWS_MAX: Final = 1_000
"""Rows of a kind in one answer; those that differ come first."""


class OrderRowAnswer(BaseModel):
    """One order on both sides; null where a side has no word of it."""

    order_id: str | None = Field(description="null: not one of ours")
    broker_client_id: str | None
    broker_order_id: str | None
    symbol: str
    ledger: str | None
    broker: str | None
    ledger_filled: str | None
    broker_filled: str | None
    difference: str = Field(description="agrees, or what is not alike")


class PositionRowAnswer(BaseModel):
    """One symbol on both sides; the difference is what the broker has more."""

    symbol: str
    ledger: str
    broker: str
    difference: str


class CashRowAnswer(BaseModel):
    """Cash on both sides; the difference is what the broker has more."""

    ledger: str
    broker: str
    difference: str


class CorrectionAnswer(BaseModel):
    """What was put right, of a position or (without a symbol) of cash."""

    cause: str
    symbol: str | None
    before: str
    after: str


class ReconciliationAnswer(BaseModel):
    """The newest comparison of an account with its broker, as it was before any correction."""

    reconciliation_id: str
    account: str
    broker: str
    cause: str
    by: str
    at: str
    outcome: str = Field(
        description="agreed; corrected: all of it explained; drifted: not explained; unsettled: "
        "something did not stand still; failed: the broker could not be asked"
    )
    code: str | None
    differences: int
    drift_bps: int | None = Field(description="as a share of equity; null where it is not known")
    orders: list[OrderRowAnswer]
    positions: list[PositionRowAnswer]
    cash: CashRowAnswer | None
    corrections: list[CorrectionAnswer]


class ReconciliationsAnswer(BaseModel):
    """Each account's newest comparison."""

    accounts: list[ReconciliationAnswer]


def reconciliation_answer(result: Result) -> ReconciliationAnswer:
    """A result in words and decimal strings."""
    look = result.look
    orders = sorted(look.orders, key=lambda row: not row.differs) if look else []
    positions = sorted(look.positions, key=lambda row: not row.differs) if look else []
    return ReconciliationAnswer(
        reconciliation_id=result.reconciliation_id,
        account=result.account,
        broker=result.broker,
        cause=result.cause,
        by=result.by,
        at=times.written(result.at_us),
        outcome=result.outcome,
        code=_said(result.code),
        differences=result.differences,
        drift_bps=result.drift_bps,
        orders=[_order(row) for row in orders[:ROWS_MAX]],
        positions=[_position(row) for row in positions[:ROWS_MAX]],
        cash=_cash(look.cash) if look and look.cash else None,
        corrections=[_correction(one) for one in result.corrections[:ROWS_MAX]],
    )


def _order(row: OrderRow) -> OrderRowAnswer:
    def qty(value: int | None) -> str | None:
        return None if value is None else format_scaled(value, row.qty_decimals)

    return OrderRowAnswer(
        order_id=_said(row.order_id),
        broker_client_id=_said(row.broker_client_id),
        broker_order_id=_said(row.broker_order_id),
        symbol=row.symbol,
        ledger=_said(row.ours),
        broker=_said(row.theirs),
        ledger_filled=qty(row.ours_filled),
        broker_filled=qty(row.theirs_filled),
        difference=row.finding.value,
    )


def _position(row: PositionRow) -> PositionRowAnswer:
    ours, theirs, more = (
        format_scaled(value, row.qty_decimals)
        for value in (row.ours, row.theirs, row.theirs - row.ours)
    )
    return PositionRowAnswer(symbol=row.symbol, ledger=ours, broker=theirs, difference=more)


def _cash(row: CashRow) -> CashRowAnswer:
    return CashRowAnswer(
        ledger=money(row.ours_micros),
        broker=money(row.theirs_micros),
        difference=money(row.theirs_micros - row.ours_micros),
    )


def _correction(one: Correction) -> CorrectionAnswer:
    cash = one.symbol == NONE
    return CorrectionAnswer(
        cause=one.cause,
        symbol=_said(one.symbol),
        before=money(one.before) if cash else format_scaled(one.before, one.qty_decimals),
        after=money(one.after) if cash else format_scaled(one.after, one.qty_decimals),
    )


def _said(value: str) -> str | None:
    return None if value == NONE else value
