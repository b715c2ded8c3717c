"""``/v1/facts``: what services upstream push and take back, and what of it stands."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import times
from gateway.api.auth import FactsWriter, Reader
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.paging import PlainInt
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.api.times import Instant
from gateway.domain.fact import (
    FX_PREFIX,
    QUOTE_PREFIX,
    VOLATILITY,
    Fact,
    FactValue,
    Withdrawal,
    wire_value,
)
from gateway.facts.pushed import Standing
from gateway.intake.facts import (
    SEQUENCE_MAX,
    TTL_MAX_MS,
    PriceTexts,
    check_source,
    read_count,
    read_value,
)
from gateway.intake.ticket import Name

PAGE_MAX: Final = 1_000

router = APIRouter(prefix="/v1/facts", tags=["facts"])

_NAME: Final = r"^[a-z]{2,8}\.[A-Za-z0-9_./-]{1,32}$"
FactName = Annotated[
    str,
    Path(
        pattern=_NAME,
        description="model.volatility, model.regime, model.entropy, model.drift, "
        "model.data_integrity, model.protocol_firing, fx.CCY, quote.SYMBOL or close.SYMBOL",
        examples=["model.drift"],
    ),
]
NumberText = Annotated[str, Field(max_length=32)]
WholeText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,15})$")]


class PricesBody(StrictBody):
    """A quote, as exact decimal strings."""

    bid: NumberText
    ask: NumberText
    last: NumberText


class FactBody(StrictBody):
    """A fact: its value, the instant it is of, and for how long it holds."""

    value: NumberText | bool | PricesBody = Field(
        description="a decimal string, a text of a closed list, a truth or a quote, by name",
        examples=["0.12"],
    )
    at: Instant = Field(
        description="market time; not past the market clock", examples=["2015-01-02T15:30:00-05:00"]
    )
    ttl_ms: WholeText = Field(
        description=f"how long it holds from then on, from 1 to {TTL_MAX_MS}", examples=["60000"]
    )
    source: Name = Field(description="which service says so", examples=["drift-monitor"])
    sequence: WholeText | None = Field(
        default=None, description="the service's own number, rising with each fact"
    )


_Sent = str | bool | PricesBody


class PricesAnswer(BaseModel):
    """A quote, as exact decimal strings."""

    bid: str
    ask: str
    last: str


class FactAnswer(BaseModel):
    """A fact that stands; times are market time."""

    name: str
    value: str | bool | PricesAnswer
    at: str
    until: str = Field(description="the last instant at which it stands")
    age_ms: int
    ttl_ms: int
    source: str
    principal: str
    sequence: int | None


class FactsAnswer(BaseModel):
    """Facts by name; ``next`` is the ``after`` of the next page, null at the end."""

    facts: list[FactAnswer]
    next: str | None


class FactsQuery(BaseModel):
    """Where in the names to begin, and how many to show."""

    model_config = ConfigDict(extra="forbid")

    after: str | None = Field(default=None, pattern=_NAME)
    limit: PlainInt = Field(default=100, ge=1, le=PAGE_MAX)


class WithdrawalQuery(BaseModel):
    """As of when a fact is taken back, and which service does so."""

    model_config = ConfigDict(extra="forbid")

    at: Instant = Field(
        description="market time; not before the fact's own", examples=["2015-01-02T20:30:00Z"]
    )
    source: Name = Field(description="which service says so", examples=["drift-monitor"])


class WithdrawnAnswer(BaseModel):
    """A name of which nothing is known now: the stated model does not speak for it either."""

    name: str
    at: str
    source: str
    principal: str


@router.put(
    "/{name:path}",
    response_model=FactAnswer,
    responses=documented(401, 403, 404, 409, 415, 422),
    openapi_extra=documented_body(FactBody),
)
async def put_fact(
    who: FactsWriter,
    services: ServicesHere,
    name: FactName,
    body: Annotated[FactBody, Depends(body_of(FactBody))],
) -> FactAnswer:
    """State a fact; it counts for every decision from now on, until a newer one or its end.

    Where a halt follows from it, this answers when the halt is recorded.
    """
    app = services.app
    fact = Fact(
        name=name,
        value=_value(services, name, body.value),
        at_us=times.read(body.at, "at"),
        ttl_ms=read_count(body.ttl_ms, "ttl_ms", 1, TTL_MAX_MS),
        source=check_source(body.source),
        principal=who.name,
        sequence=None
        if body.sequence is None
        else read_count(body.sequence, "sequence", 0, SEQUENCE_MAX),
    )
    now_us = app.clock.market_us()
    standing = app.pushed.put(fact, now_us)
    # Facts come one by one, also after a restart: the first must not be blamed for the second. An
    # account that cannot be valued yet is denied, and judged when it can be.
    await _halt_if_due(services, name, known_only=True)
    return _answer(standing, now_us)


@router.delete(
    "/{name:path}",
    response_model=WithdrawnAnswer,
    responses=documented(401, 403, 404, 409, 422),
)
async def withdraw_fact(
    who: FactsWriter,
    services: ServicesHere,
    name: FactName,
    query: Annotated[WithdrawalQuery, Query()],
) -> WithdrawnAnswer:
    """Take a fact back before its time to live ends; orders that need it are denied from now on.

    Where a halt follows from its absence, this answers when the halt is recorded.
    """
    app = services.app
    withdrawal = Withdrawal(
        name=name,
        at_us=times.read(query.at, "at"),
        source=check_source(query.source),
        principal=who.name,
    )
    app.pushed.withdraw(withdrawal, app.clock.market_us())
    await _halt_if_due(services, name, known_only=False)
    return WithdrawnAnswer(
        name=name,
        at=times.written(withdrawal.at_us),
        source=withdrawal.source,
        principal=withdrawal.principal,
    )


@router.get("", response_model=FactsAnswer, responses=documented(401, 403, 422))
async def list_facts(
    _who: Reader, services: ServicesHere, query: Annotated[FactsQuery, Query()]
) -> FactsAnswer:
    """The pushed facts that stand now, by name."""
    now_us = services.app.clock.market_us()
    found = [
        standing
        for standing in services.app.pushed.standing(now_us)
        if query.after is None or standing.fact.name > query.after
    ]
    page = found[: query.limit]
    return FactsAnswer(
        facts=[_answer(standing, now_us) for standing in page],
        next=page[-1].fact.name if len(found) > len(page) else None,
    )


async def _halt_if_due(services: Services, name: str, *, known_only: bool) -> None:
    if name == VOLATILITY or _moves_equity(services, name):
        await services.to_the_end(services.app.triggers.evaluate(known_only=known_only))


def _moves_equity(services: Services, name: str) -> bool:
    """Whether anything that an account holds is priced or converted by this fact."""
    instruments = services.app.release.instruments
    held = {
        symbol for account in services.app.book().accounts.values() for symbol in account.positions
    }
    if name.startswith(QUOTE_PREFIX):
        return name.removeprefix(QUOTE_PREFIX) in held
    currencies = {instruments[symbol].currency for symbol in held if symbol in instruments}
    return name.startswith(FX_PREFIX) and name.removeprefix(FX_PREFIX) in currencies


def _value(services: Services, name: str, sent: _Sent) -> FactValue:
    release = services.app.release
    given = PriceTexts(sent.bid, sent.ask, sent.last) if isinstance(sent, PricesBody) else sent
    return read_value(name, given, release.instruments, release.parsed.base_currency)


def _answer(standing: Standing, now_us: int) -> FactAnswer:
    fact = standing.fact
    value = wire_value(fact.name, fact.value)
    return FactAnswer(
        name=fact.name,
        value=PricesAnswer(**value) if isinstance(value, dict) else value,
        at=times.written(fact.at_us),
        until=times.written(standing.until_us),
        age_ms=standing.age_ms(now_us),
        ttl_ms=fact.ttl_ms,
        source=fact.source,
        principal=fact.principal,
        sequence=fact.sequence,
    )
