"""``/v1/alerts``: what stands, how the channels do that are told of it, and a test of them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.auth import Operator, Reader
from gateway.api.problems import documented
from gateway.api.services import ServicesHere

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


class TestedAnswer(BaseModel):
    """What became of one test."""

    name: str
    failing: str | None = Field(description="why it was not taken; null: it was")


class TestsAnswer(BaseModel):
    """Every channel, tested once."""

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


@router.post("/test", response_model=TestsAnswer, responses=documented(401, 403))
async def try_channels(_who: Operator, services: ServicesHere) -> TestsAnswer:
    """Send one notice to each channel, marked as a test; answers when each has taken it or not."""
    tested = await services.to_the_end(services.app.alerting.test())
    return TestsAnswer(
        channels=[TestedAnswer(name=name, failing=why) for name, why in tested.items()]
    )
