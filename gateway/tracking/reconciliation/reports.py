"""What a broker is asked for: each report whole and in time, or an error that says so.

A report that failed is never an empty one: flat, absent and unknown are three things.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from gateway.domain.errors import WritError
from gateway.domain.execution import (
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    OutcomeUnknownError,
)
from gateway.ports import Broker

REPORT_TIMEOUT_S: Final = 30
"""How long a broker may take for one report."""
ASKED_MAX: Final = 256
"""Orders that one look asks for one by one; more are asked for by the next."""
ASKED_AT_ONCE: Final = 8
_log = logging.getLogger(__name__)
T = TypeVar("T")


class ReportFailedError(Exception):
    """A report could not be had; ``code`` says why."""

    def __init__(self, code: str) -> None:
        """``code`` is for the record."""
        super().__init__(code)
        self.code = code


class Reports:
    """One account's reports; every call raises :class:`ReportFailedError` when it has none."""

    def __init__(self, account: str, broker: Broker, pull: Callable[[], Awaitable[object]]) -> None:
        """``pull`` records every update that the broker has."""
        self._account = account
        self._broker = broker
        self._updates = pull

    async def pull(self) -> None:
        """Record what the broker has told of."""
        await self._asked(self._updates)

    async def open_orders(self) -> list[BrokerOrderRecord]:
        """Every order that may still fill, whoever placed it."""
        return await self._asked(lambda: self._broker.open_orders(self._account))

    async def statement(self) -> BrokerStatement:
        """Cash and positions."""
        return await self._asked(lambda: self._broker.statement(self._account))

    async def history(self, from_us: int, to_us: int) -> BrokerHistory:
        """The broker's own list of orders and fills of a period (wall time)."""
        return await self._asked(lambda: self._broker.history(self._account, from_us, to_us))

    async def known(self, client_ids: Sequence[str]) -> dict[str, BrokerOrderState | None]:
        """Ask by client id for what the broker did not list, a few at a time."""
        slots = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(client_id: str) -> BrokerOrderState | None:
            async with slots:
                return await self._asked(lambda: self._broker.order(client_id))

        asked = client_ids[:ASKED_MAX]
        return dict(zip(asked, await _all_of(map(ask, asked)), strict=True))

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(REPORT_TIMEOUT_S):
                return await ask()
        except TimeoutError:
            raise ReportFailedError("REPORT_TIMEOUT") from None
        except OutcomeUnknownError as error:
            raise ReportFailedError(error.code) from None
        except WritError as error:
            _log.warning("a report on %s failed: %s", self._account, error)
            raise ReportFailedError("REPORT_UNAVAILABLE") from None
        except Exception as error:  # noqa: BLE001  whatever an adapter does, it is no report
            # Without the traceback: what a broker was asked with may be in its frames.
            _log.warning("a report on %s failed: %s", self._account, type(error).__name__)
            raise ReportFailedError("REPORT_FAILED") from None


async def _all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """All answers, or the first failure once every question has ended."""
    answers = await asyncio.gather(*work, return_exceptions=True)
    found: list[T] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer)
    return found
