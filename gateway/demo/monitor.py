"""What a service that watches the models would push: for one day they are unwell.

Until that day the historical feed's stated model speaks for itself. From then on the monitor does,
every day: the gateway lets nobody else speak for a fact that was pushed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "demo-monitor"
TTL_MS: Final = 3_600_000

SILENT: Final[Mapping[str, str | bool]] = {"model.regime": "NORMAL"}
"""What is said for one millisecond, and then no more."""

UNWELL: Final[Mapping[str, str | bool]] = {
    "model.entropy": "0.95",
    "model.drift": "0.90",
    "model.data_integrity": False,
    "model.protocol_firing": False,
}
"""What is wrong on the one day."""

WELL: Final[Mapping[str, str | bool]] = {
    "model.regime": "NORMAL",
    "model.entropy": "0.25",
    "model.drift": "0.01",
    "model.data_integrity": True,
    "model.protocol_firing": True,
}
"""What is said every day after it."""


def bodies(facts: Mapping[str, str | bool], at: str, ttl_ms: int) -> list[tuple[str, Any]]:
    """Addresses and bodies of the calls that push these facts, as of one market time."""
    return [
        (f"/v1/facts/{name}", {"value": value, "at": at, "ttl_ms": str(ttl_ms), "source": SOURCE})
        for name, value in facts.items()
    ]
