"""``/v1/reconciliation`` and a broker's own list: what brokers say of accounts, beside the log."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import times
from gateway.api.auth import Auditor, Operator, Reader
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.problems import documented
from gateway.api.reconciled import ReconciliationsAnswer, reconciliation_answer
from gateway.api.services import Services, ServicesHere
from gateway.api.times import Instant
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from gateway.domain.execution import BrokerHistory
from gateway.domain.order import Side
from gateway.intake.ticket import Account
from gateway.tracking.reconciliation.reports import ReportFailedError
from gateway.tracking.reconciliation.rows import Result
from signing.complete import FORMAT

ALL: Final = "*"
"""How every account is named."""
PERIOD_US_MAX: Final = 366 * 24 * 3_600 * 1_000_000
"""The longest period that a broker is asked for at once."""
_NONE: Final = "none"

router = APIRouter(prefix="/v1", tags=["accounts"])


class ReconciliationQuery(BaseModel):
    """Which account; all of them without."""

    model_config = ConfigDict(extra="forbid")

    account: Account | None = None


class ReconcileBody(StrictBody):
    """Which account is compared; ``*`` is every one."""

    account: Account | Literal["*"]


class PeriodQuery(BaseModel):
    """From one instant up to and without another."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")


class ListedOrder(BaseModel):
    """An order as the broker lists it; integers at the stated decimals, wall time."""

    broker_order_id: str
    broker_client_id: str
    symbol: str
    side: str
    status: str
    qty: int
    filled_qty: int
    qty_decimals: int
    placed_us: int


class ListedExecution(BaseModel):
    """A fill as the broker lists it; integers at the stated decimals."""

    broker_client_id: str
    execution_id: str
    symbol: str
    side: str
    qty: int
    qty_decimals: int
    price: int
    price_decimals: int
    market_us: int


class HistoryAnswer(BaseModel):
    """The broker's own list of a period: what `writ audit complete` holds against the log."""

    format: str
    account: str
    broker: str
    from_us: int
    to_us: int
    orders: list[ListedOrder]
    executions: list[ListedExecution]


@router.get(
    "/reconciliation",
    response_model=ReconciliationsAnswer,
    responses=documented(401, 403, 404, 422),
)
async def read_reconciliation(
    _who: Reader, services: ServicesHere, query: Annotated[ReconciliationQuery, Query()]
) -> ReconciliationsAnswer:
    """The newest comparison of each account with its broker, as a three-way table."""
    reconciliations = services.app.reconciliations
    found = [reconciliations.last(alias) for alias in _wanted(services, query.account)]
    return ReconciliationsAnswer(
        accounts=[reconciliation_answer(result) for result in found if result is not None]
    )


@router.post(
    "/reconciliation",
    response_model=ReconciliationsAnswer,
    responses=documented(401, 403, 404, 415, 422),
    openapi_extra=documented_body(ReconcileBody),
)
async def reconcile(
    who: Operator,
    services: ServicesHere,
    body: Annotated[ReconcileBody, Depends(body_of(ReconcileBody))],
) -> ReconciliationsAnswer:
    """Compare now, and put right what stands; waits for as long as a difference has to stand."""
    wanted = _wanted(services, None if body.account == ALL else body.account)
    found = await services.to_the_end(_all(services, wanted, who.name))
    return ReconciliationsAnswer(accounts=[reconciliation_answer(result) for result in found])


async def _all(services: Services, accounts: list[str], by: str) -> list[Result]:
    run = services.app.reconciliations.run
    return await asyncio.gather(*(run(alias, "requested", by) for alias in accounts))


@router.get(
    "/brokers/{account}/history",
    response_model=HistoryAnswer,
    responses=documented(401, 403, 404, 422),
)
async def read_history(
    account: Account,
    _who: Auditor,
    services: ServicesHere,
    query: Annotated[PeriodQuery, Query()],
) -> HistoryAnswer:
    """Every order placed and every fill of a period, as the broker itself lists them."""
    [alias] = _wanted(services, account)
    from_us, to_us = times.read(query.since, "from"), times.read(query.until, "to")
    if not 0 < to_us - from_us <= PERIOD_US_MAX:
        raise InvalidInputError(
            "period-out-of-bounds",
            "the period does not begin before it ends, or is longer than 366 days",
            "ask for a shorter one",
        )
    reconciliations = services.app.reconciliations
    try:
        history = await reconciliations.history(alias, from_us, to_us)
    except ReportFailedError as error:
        raise UnavailableError(
            "broker-unavailable",
            f"{reconciliations.broker(alias)} did not list the period ({error.code})",
            "ask again, or for a shorter period",
        ) from None
    return _history(alias, reconciliations.broker(alias), from_us, to_us, history)


def _wanted(services: Services, account: str | None) -> list[str]:
    known = sorted(services.app.reconciliations.accounts())
    if account is None:
        return known
    if account not in known:
        raise NotFoundError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(known)}",
        )
    return [account]


def _history(
    account: str, broker: str, from_us: int, to_us: int, history: BrokerHistory
) -> HistoryAnswer:
    return HistoryAnswer(
        format=FORMAT,
        account=account,
        broker=broker,
        from_us=from_us,
        to_us=to_us,
        orders=[
            ListedOrder(
                broker_order_id=each.broker_order_id,
                broker_client_id=each.broker_client_id or _NONE,
                symbol=each.symbol,
                side=Side(each.side).executed.value,
                status=each.status,
                qty=each.qty,
                filled_qty=each.filled_qty,
                qty_decimals=each.qty_decimals,
                placed_us=each.placed_us,
            )
            for each in history.orders
        ],
        executions=[
            ListedExecution(
                broker_client_id=each.broker_client_id,
                execution_id=each.execution_id,
                symbol=each.symbol,
                side=Side(each.side).executed.value,
                qty=each.qty,
                qty_decimals=each.qty_decimals,
                price=each.price,
                price_decimals=each.price_decimals,
                market_us=each.market_us,
            )
            for each in history.executions
        ],
    )
