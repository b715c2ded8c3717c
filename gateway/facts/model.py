"""What the models say of the market and of themselves: each value with its age and its source.

A service that pushes a fact speaks for it from then on: when it falls silent the fact is not
known, whatever a stated model would say. Where nobody has pushed a name, the stated model of a
historical feed answers, if there is one.
"""

from __future__ import annotations

from typing import Any

from gateway.domain.fact import MODEL_FACTS, VOLATILITY, Reading
from gateway.domain.quantities import ceil_div
from gateway.ports import ModelHealth, PushedReadings


def model_facts(
    pushed: PushedReadings | None, stated: ModelHealth | None, now_us: int
) -> dict[str, Any]:
    """The ``model`` section: what is not known, or not of this instant or before, is absent."""
    found = {
        field: model_reading(name, pushed, stated, now_us)
        for name, (field, _) in MODEL_FACTS.items()
    }
    return {
        field: {
            "value": reading.value,
            "age_ms": ceil_div(now_us - reading.at_us, 1000),
            "source": reading.source,
        }
        for field, reading in found.items()
        if reading is not None
    }


def model_reading(
    name: str, pushed: PushedReadings | None, stated: ModelHealth | None, now_us: int
) -> Reading | None:
    """One of the model's facts as known at ``now_us``."""
    if pushed is not None and pushed.pushed(name):
        reading = pushed.reading(name, now_us)
    else:
        reading = stated.reading(name, now_us) if stated is not None else None
    return reading if reading is not None and reading.at_us <= now_us else None


def higher_volatility_e4(
    index_e4: int | None, pushed: PushedReadings | None, now_us: int
) -> int | None:
    """The volatility that halts are judged by: the feed's or the pushed one, whichever is higher.

    A pushed value may stop trading, and never hides what the feed says.
    """
    reading = pushed.reading(VOLATILITY, now_us) if pushed is not None else None
    if reading is None or type(reading.value) is not int:
        return index_e4
    return reading.value if index_e4 is None else max(index_e4, reading.value)
