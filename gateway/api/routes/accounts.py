"""``/v1/account``, ``positions``, ``fills`` and ``pnl``: what the log says an account holds."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import times
from gateway.api.answers import money
from gateway.api.auth import Reader
from gateway.api.paging import PlainInt
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.domain.book import NONE, AccountBook
from gateway.domain.days import DAYS_MAX, ClosedDay
from gateway.domain.errors import NotFoundError
from gateway.domain.quantities import format_scaled
from gateway.facts.account import Holding, drawdown_bps
from gateway.intake.ticket import Account
from gateway.ports import Fill

FILLS_MAX: Final = 1_000
_READS: Final = documented(401, 403, 404, 422)

router = APIRouter(prefix="/v1", tags=["accounts"])


class AccountQuery(BaseModel):
    """Which account."""

    model_config = ConfigDict(extra="forbid")

    account: Account = "primary"


class PnlQuery(AccountQuery):
    """Which account, and how many of its days that are over."""

    days: PlainInt = Field(default=20, ge=0, le=DAYS_MAX)


class FillsQuery(BaseModel):
    """Fills after an index of the log, oldest first."""

    model_config = ConfigDict(extra="forbid")

    account: Account | None = None
    after: PlainInt = Field(default=0, ge=0, lt=2**53)
    limit: PlainInt = Field(default=100, ge=1, le=FILLS_MAX)


class AccountAnswer(BaseModel):
    """Cash and worth; equity is null while a position has no price."""

    account: str
    cash: str
    equity: str | None
    session: str | None
    working_orders: int


class PositionAnswer(BaseModel):
    """One holding; value is null where there is no price."""

    symbol: str
    qty: str
    last: str | None
    value: str | None


class PositionsAnswer(BaseModel):
    """Every holding of an account, and when its broker last stated them."""

    account: str
    as_of: str
    reconciled_at: str | None = Field(
        description="when the broker stated the positions that were compared last; null: never"
    )
    positions: list[PositionAnswer]


class FillAnswer(BaseModel):
    """One execution, as the broker told it."""

    index: int
    order_id: str
    execution_id: str
    account: str
    symbol: str
    side: str
    qty: str
    price: str
    fee: str
    session: str
    market_time: str


class FillsPage(BaseModel):
    """Fills, oldest first; ask again with ``after`` set to ``next``."""

    fills: list[FillAnswer]
    next: int


class ClosedDayAnswer(BaseModel):
    """A day that is over: its profit is after fees, and without what was paid in or out."""

    session: str
    equity: str
    profit: str
    fees: str


class PnlAnswer(BaseModel):
    """The day so far, null where a price or the day's opening is not known; and days before it."""

    account: str
    session: str | None
    equity: str | None
    day_open_equity: str | None
    day_pnl: str | None
    peak_equity: str | None
    drawdown_bps: int | None
    day_turnover: str
    day_fees: str
    days: list[ClosedDayAnswer] = Field(description="days that are over, the newest first")


@router.get("/account", response_model=AccountAnswer, responses=_READS)
async def read_account(
    _who: Reader, services: ServicesHere, query: Annotated[AccountQuery, Query()]
) -> AccountAnswer:
    """Cash, equity and working orders of an account."""
    account = _account(services, query.account)
    return AccountAnswer(
        account=account.alias,
        cash=money(account.cash_micros),
        equity=_money(services.app.facts.equity_micros(account)),
        session=_session(account),
        working_orders=len(account.working),
    )


@router.get("/positions", response_model=PositionsAnswer, responses=_READS)
async def read_positions(
    _who: Reader, services: ServicesHere, query: Annotated[AccountQuery, Query()]
) -> PositionsAnswer:
    """What an account holds: low for what is long, high for what is short (docs/limits.md)."""
    account = _account(services, query.account)
    held = sorted(services.app.facts.holdings(account), key=lambda holding: holding.symbol)
    reconciled_us = services.app.reconciliations.positions_us(account.alias)
    return PositionsAnswer(
        account=account.alias,
        as_of=times.written(services.app.clock.wall_us()),
        reconciled_at=None if reconciled_us is None else times.written(reconciled_us),
        positions=[_position(one) for one in held],
    )


@router.get("/fills", response_model=FillsPage, responses=documented(401, 403, 422))
async def read_fills(
    _who: Reader, services: ServicesHere, query: Annotated[FillsQuery, Query()]
) -> FillsPage:
    """Executions in the order of the log."""
    fills = await services.app.ledger.executions(
        account=query.account, after=query.after, limit=query.limit
    )
    return FillsPage(
        fills=[_fill(fill) for fill in fills], next=fills[-1].index if fills else query.after
    )


@router.get("/pnl", response_model=PnlAnswer, responses=_READS)
async def read_pnl(
    _who: Reader, services: ServicesHere, query: Annotated[PnlQuery, Query()]
) -> PnlAnswer:
    """Profit and loss since the day's opening, and of each session before it."""
    account = _account(services, query.account)
    equity = services.app.facts.equity_micros(account)
    closed = account.days[::-1][: query.days]
    return PnlAnswer(
        account=account.alias,
        session=_session(account),
        equity=_money(equity),
        day_open_equity=_money(account.day_open_equity_micros),
        day_pnl=_money(account.day_profit_micros(equity)),
        peak_equity=_money(account.peak_equity_micros),
        drawdown_bps=drawdown_bps(account, equity),
        day_turnover=money(account.executed_turnover_micros),
        day_fees=money(account.fees_micros),
        days=[_closed(day) for day in closed],
    )


def _account(services: Services, alias: str) -> AccountBook:
    account = services.app.book().accounts.get(alias)
    if account is None:
        raise NotFoundError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(sorted(services.app.settings.accounts))}",
        )
    return account


def _position(held: Holding) -> PositionAnswer:
    last = None if held.last is None else format_scaled(held.last, held.price_decimals)
    return PositionAnswer(
        symbol=held.symbol,
        qty=format_scaled(held.qty, held.qty_decimals),
        last=last,
        value=_money(held.value_micros),
    )


def _closed(day: ClosedDay) -> ClosedDayAnswer:
    return ClosedDayAnswer(
        session=day.session,
        equity=money(day.equity_micros),
        profit=money(day.profit_micros),
        fees=money(day.fees_micros),
    )


def _fill(fill: Fill) -> FillAnswer:
    fields: dict[str, Any] = dict(fill.payload)
    return FillAnswer(
        index=fill.index,
        order_id=fields["order_id"],
        execution_id=fields["execution_id"],
        account=fields["account"],
        symbol=fields["symbol"],
        side=fields["side"],
        qty=format_scaled(fields["qty"], fields["qty_decimals"]),
        price=format_scaled(fields["price"], fields["price_decimals"]),
        fee=money(fields["fee_micros"]),
        session=fields["session"],
        market_time=times.written(fields["market_us"]),
    )


def _money(micros: int | None) -> str | None:
    return None if micros is None else money(micros)


def _session(account: AccountBook) -> str | None:
    return None if account.session == NONE else account.session
