"""Latches: halts that a control asked for when it was not proven; a named person ends each.

A trigger looks at the whole gateway whenever facts have changed; a latch follows from one denied
order, and stops what that order belongs to before the next one is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from gateway.domain.halt import HaltTrigger
from gateway.ports import Stops

BY: Final = "policy"
CLEAR_BY: Final = "operator"

_log = logging.getLogger(__name__)


async def engage(stops: Stops, halts: Sequence[HaltTrigger]) -> None:
    """Engage each halt unless it stands already; orders that work are left alone.

    A halt that could not be recorded stands all the same, so one that fails does not keep the
    next from being engaged.
    """
    for halt in halts:
        try:
            await stops.halt(
                cause=halt.cause,
                scope=halt.scope,
                by=BY,
                clear_by=CLEAR_BY,
                observed=halt.observed,
                limit=halt.limit,
            )
        except Exception:  # noqa: BLE001  whatever failed, the halt stands and the next must follow
            _log.exception("halt %s of %s could not be followed up", halt.cause, halt.scope)
