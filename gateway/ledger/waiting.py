"""Waiting that ends: by the clock that everything else goes by, or by being told."""

from __future__ import annotations

import asyncio

from gateway.ports import Clock


async def pause(clock: Clock, duration_ms: int, told: asyncio.Event) -> bool:
    """Wait until `told` is set, at most `duration_ms`; tell whether it is set."""
    if told.is_set():
        return True
    sleeper = asyncio.ensure_future(clock.sleep_ms(duration_ms))
    teller = asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait({sleeper, teller}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeper.cancel()
        teller.cancel()
    return told.is_set()
