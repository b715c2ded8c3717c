"""Where facts come from, and what follows the market clock."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.bootstrap.app import Opened
from gateway.brokers.contract import MarketDriven
from gateway.control.sessions import MarketClockAdvance, MarketSteps, Sessions
from gateway.control.triggers import Triggers
from gateway.facts.document import Facts
from gateway.pipeline import Pipeline
from gateway.tracking.updates import Tracker


def open_facts(opened: Opened) -> Facts:
    """Every source of facts, behind the one call that the spine makes."""
    release, journal = opened.release, opened.journal
    return Facts(
        book=lambda: journal.book,
        feed=opened.feed,
        clock=opened.host.clock,
        entropy=opened.host.entropy,
        instruments=release.instruments,
        limits=release.limits,
    )


def market_clock(
    opened: Opened,
    pipeline: Pipeline,
    sessions: Sessions,
    trackers: Mapping[str, Tracker],
    triggers: Triggers,
) -> MarketClockAdvance | None:
    """What follows the market clock, where it is set rather than read."""
    if opened.feed is None:
        return None
    clock = opened.host.clock
    venues = [b.on_market for b in set(opened.brokers.values()) if isinstance(b, MarketDriven)]
    steps = MarketSteps(
        quiesce=pipeline.quiesce,
        open_day=sessions.open_day,
        set_clock=clock.set_market,
        venues=venues,
        pulls=[tracker.pull for tracker in trackers.values()],
        triggers=triggers,
    )
    return MarketClockAdvance(clock.market_us, steps)
