"""``/v1/market``: bars and quotes as of market time, never the future; and the market clock."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import times
from gateway.api.auth import Admin, Reader
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.paging import PlainInt
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.api.times import Instant
from gateway.domain.errors import NotFoundError, RefusedError
from gateway.domain.quantities import format_scaled
from gateway.ports import MarketFeed

BARS_MAX: Final = 1_000
_SYMBOL: Final = r"^[A-Z0-9][A-Z0-9./-]{0,19}$"

router = APIRouter(prefix="/v1/market", tags=["market"])


class SymbolQuery(BaseModel):
    """Which instrument."""

    model_config = ConfigDict(extra="forbid")

    symbol: str = Field(pattern=_SYMBOL, examples=["AAPL"])


class BarsQuery(SymbolQuery):
    """Which instrument, and how many of its newest bars."""

    limit: PlainInt = Field(default=100, ge=1, le=BARS_MAX)


class BarAnswer(BaseModel):
    """One session; ``volume`` comes from a stated model where the source has none."""

    session: str
    close: str
    volume: int
    at: str


class BarsAnswer(BaseModel):
    """Bars, oldest first."""

    symbol: str
    bars: list[BarAnswer]


class QuoteAnswer(BaseModel):
    """The newest quote; ``at`` is market time."""

    symbol: str
    bid: str
    ask: str
    last: str
    at: str
    age_ms: int


class ClockAnswer(BaseModel):
    """Market time; ``movable`` where a historical feed has it set."""

    now: str
    session: str | None
    movable: bool


class ClockBody(StrictBody):
    """Where the market clock is to go."""

    now: Instant = Field(examples=["2015-01-05T15:30:00-05:00"])


@router.get("/bars", response_model=BarsAnswer, responses=documented(401, 403, 404, 422))
async def read_bars(
    _who: Reader, services: ServicesHere, query: Annotated[BarsQuery, Query()]
) -> BarsAnswer:
    """The newest bars known by now."""
    bars = _feed(services).bars(query.symbol, services.app.clock.market_us(), query.limit)
    return BarsAnswer(
        symbol=query.symbol,
        bars=[
            BarAnswer(
                session=bar.session,
                close=format_scaled(bar.close, bar.price_decimals),
                volume=bar.volume,
                at=times.written(bar.at_us),
            )
            for bar in bars
        ],
    )


@router.get("/quotes", response_model=QuoteAnswer, responses=documented(401, 403, 404, 422))
async def read_quote(
    _who: Reader, services: ServicesHere, query: Annotated[SymbolQuery, Query()]
) -> QuoteAnswer:
    """The newest quote known by now: the feed's, or else a pushed one."""
    now_us = services.app.clock.market_us()
    pushed = services.app.facts.secondary
    quote = _feed(services).quote(query.symbol, now_us)
    if quote is None and pushed is not None:
        quote = pushed.quote(query.symbol, now_us)
    if quote is None:
        raise NotFoundError(
            "quote-unknown", f"there is no quote of {query.symbol}", "orders on it are denied"
        )
    return QuoteAnswer(
        symbol=quote.symbol,
        bid=format_scaled(quote.bid, quote.price_decimals),
        ask=format_scaled(quote.ask, quote.price_decimals),
        last=format_scaled(quote.last, quote.price_decimals),
        at=times.written(quote.at_us),
        age_ms=(now_us - quote.at_us) // 1000,
    )


@router.get("/clock", response_model=ClockAnswer, responses=documented(401, 403))
async def read_clock(_who: Reader, services: ServicesHere) -> ClockAnswer:
    """Market time as of now."""
    return _clock(services)


@router.post(
    "/clock",
    response_model=ClockAnswer,
    responses=documented(401, 403, 409, 415, 422),
    openapi_extra=documented_body(ClockBody),
)
async def move_clock(
    _who: Admin, services: ServicesHere, body: Annotated[ClockBody, Depends(body_of(ClockBody))]
) -> ClockAnswer:
    """Move a historical market clock forward; answers when fills and halts of it are recorded."""
    if services.app.market_clock is None:
        raise RefusedError(
            "market-clock-real", "market time is wall time here", "use a historical feed"
        )
    at_us = times.read(body.now, "now")
    await services.to_the_end(services.app.market_clock.advance(at_us))
    return _clock(services)


def _clock(services: Services) -> ClockAnswer:
    app = services.app
    now_us = app.clock.market_us()
    return ClockAnswer(
        now=times.written(now_us),
        session=app.market.session(now_us) if app.market else None,
        movable=app.market_clock is not None,
    )


def _feed(services: Services) -> MarketFeed:
    market = services.app.market
    if market is None:
        raise NotFoundError(
            "market-none",
            "this gateway has no market data",
            "start it with --market historical or venue",
        )
    return market
