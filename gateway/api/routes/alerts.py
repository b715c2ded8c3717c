"""``/v1/alerts``: what stands, how the channels do that are told of it, and a test of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.auth import Operator, Reader
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.problems import documented
from gateway.api.services import ServicesHere
from gateway.domain.errors import NotFoundError

router = APIRouter(prefix="/v1/alerts", tags=["service"])


class AlertAnswer(BaseModel):
    """Something that stands and that somebody should know of."""

    key: str = Field(
        description="tells it from all others", examples=["halt:BROKER_DOWN:account a"]
    )
    severity: str = Field(description="critical, high or medium")
    title: str
    text: str
    since: str


class ChannelAnswer(BaseModel):
    """A channel: its name, and nothing of where it leads."""

    name: str
    failing: str | None = Field(description="why it takes no notices; null: it does, so far")
    told: int = Field(description="how many alerts it knows of that stand")


class AlertsAnswer(BaseModel):
    """The alerts that stand, the most severe first, and the channels."""

    alerts: list[AlertAnswer]
    channels: list[ChannelAnswer]


class TestBody(StrictBody):
    """Which channel to try."""

    channel: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_.-]{1,32}$", description="every one, if not given"
    )


class TestedAnswer(BaseModel):
    """What became of one test."""

    name: str
    failing: str | None = Field(description="why it was not taken; null: it was")


class TestsAnswer(BaseModel):
    """Each channel that was tried, once."""

    channels: list[TestedAnswer]


@router.get("", response_model=AlertsAnswer, responses=documented(401, 403))
async def read_alerts(_who: Reader, services: ServicesHere) -> AlertsAnswer:
    """What stands now, whether or not anybody could be told of it."""
    alerting = services.app.alerting
    return AlertsAnswer(
        alerts=[
            AlertAnswer(
                key=held.alert.key,
                severity=held.alert.severity.value,
                title=held.alert.title,
                text=held.alert.text,
                since=times.written(held.since_us),
            )
            for held in alerting.standing()
        ],
        channels=[
            ChannelAnswer(name=one.name, failing=one.failing, told=one.told)
            for one in alerting.reports()
        ],
    )


@router.post(
    "/test",
    response_model=TestsAnswer,
    responses=documented(401, 403, 404, 415, 422),
    openapi_extra=documented_body(TestBody),
)
async def try_channels(
    _who: Operator, services: ServicesHere, body: Annotated[TestBody, Depends(body_of(TestBody))]
) -> TestsAnswer:
    """Send one notice, marked as a test; answers when each channel has taken it or not."""
    alerting = services.app.alerting
    if body.channel not in (None, *(one.name for one in alerting.reports())):
        raise NotFoundError(
            "channel-unknown",
            "there is no alert channel of that name",
            "GET /v1/alerts lists the channels; WRIT_ALERTS names them",
        )
    tested = await services.to_the_end(alerting.test(body.channel))
    return TestsAnswer(
        channels=[TestedAnswer(name=name, failing=why) for name, why in tested.items()]
    )
