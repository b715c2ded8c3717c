"""Which clock ours is held against, chosen by ``WRIT_CLOCK_SOURCE``, and asked at the start.

Either is asked before the log is opened, so that nothing is dated by a clock that is wrong. A
broker is opened for that question alone, with a folder that is thrown away: the data folder may be
in use by another gateway until the log is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from gateway.bootstrap.app import Host
from gateway.brokers.contract import OpenBroker, TimeSource
from gateway.config import Settings
from gateway.control.clock_skew import ClockWatch, NoTimeError, Told
from gateway.control.ntp import PORT, NtpTeller
from gateway.domain.errors import InvalidInputError
from gateway.domain.execution import OutcomeUnknownError

PORT_MAX: Final = 65_535
TIMEOUT_S: Final = 10
BROKER: Final = "broker"
_NTP: Final = "ntp:"

Opening: TypeAlias = Callable[
    [Settings, contextlib.AsyncExitStack], Awaitable[Mapping[str, OpenBroker]]
]
"""Opens the brokers of some settings, to be closed with a stack."""


class BrokerTeller:
    """The time that a broker's answers carry; see ``gateway.control.clock_skew.TimeTeller``."""

    def __init__(self, source: TimeSource, account: str) -> None:
        """Ask nobody yet."""
        self._source = source
        self._account = account

    @property
    def name(self) -> str:
        """Whose clock."""
        return f"the broker of {self._account}"

    async def told(self) -> Told:
        """Ask once.

        Raises:
            NoTimeError: ``broker-silent``, or the broker's own code.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                time = await self._source.server_time(self._account)
        except TimeoutError:
            raise NoTimeError("broker-silent") from None
        except OutcomeUnknownError as error:
            raise NoTimeError(error.code) from None
        return Told(time.at_us, time.asked_us, time.heard_us)


async def ask_time_server(settings: Settings, host: Host) -> ClockWatch | None:
    """Hold the clock against the time server that the settings name; ``None``: they name none.

    Raises:
        InvalidInputError: ``config-invalid``: its port is none.
        RefusedError: ``clock-skew``.
        UnavailableError: ``clock-unknown``.
    """
    if not settings.clock_source.startswith(_NTP):
        return None
    name, port = _address(settings.clock_source.removeprefix(_NTP))
    watch = ClockWatch(NtpTeller(name, port, host.clock, host.entropy, host.runner), host.clock)
    await watch.check_start()
    return watch


async def ask_broker(settings: Settings, host: Host, opening: Opening) -> ClockWatch:
    """Hold the clock against the first account's broker that tells the time, if that is asked for.

    The brokers are closed again: :func:`teller_of` finds who is asked from then on.

    Raises:
        InvalidInputError: ``clock-source-missing``: no account is at such a broker.
        RefusedError: ``clock-skew``.
        UnavailableError: ``clock-unknown``.
    """
    if settings.clock_source != BROKER:
        return ClockWatch(None, host.clock)
    async with _thrown_away(host) as folder, contextlib.AsyncExitStack() as stack:
        brokers = await opening(settings.model_copy(update={"data": folder}), stack)
        watch = ClockWatch(teller_of(brokers), host.clock)
        await watch.check_start()
    return watch


def teller_of(brokers: Mapping[str, OpenBroker]) -> BrokerTeller:
    """The first account's broker that tells the time.

    Raises:
        InvalidInputError: ``clock-source-missing``.
    """
    for alias, broker in sorted(brokers.items()):
        if isinstance(broker, TimeSource):
            return BrokerTeller(broker, alias)
    raise InvalidInputError(
        "clock-source-missing",
        "no account is at a broker that tells the time",
        "name a time server instead: WRIT_CLOCK_SOURCE=ntp:HOST",
    )


@contextlib.asynccontextmanager
async def _thrown_away(host: Host) -> AsyncGenerator[Path]:
    """A folder of the block's own."""
    folder = Path(await host.runner.run(lambda: tempfile.mkdtemp(prefix="writ-clock-")))
    try:
        yield folder
    finally:
        await host.runner.run(lambda: shutil.rmtree(folder, ignore_errors=True))


def watch_clock(watch: ClockWatch, stack: contextlib.AsyncExitStack) -> None:
    """Ask every minute, for as long as the gateway runs."""
    stack.callback(asyncio.create_task(watch.run()).cancel)


def _address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST[:PORT]``; an address of IPv6 stands in brackets."""
    host, bracket, rest = text.removeprefix("[").partition("]")
    if not bracket:
        host, _, rest = text.partition(":")
    port = int(rest.removeprefix(":") or PORT)
    if port > PORT_MAX:
        raise InvalidInputError(
            "config-invalid", "WRIT_CLOCK_SOURCE: there is no such port", "see docs/operating.md"
        )
    return host, port
