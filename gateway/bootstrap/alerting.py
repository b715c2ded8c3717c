"""Alerts wired: what they are judged by, and the channels that the settings name."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from gateway.bootstrap.custody import Custodian
from gateway.bootstrap.observing import Observer
from gateway.bootstrap.vault_settings import alert_references
from gateway.config import Settings
from gateway.host import LooseRunner
from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts, Standing
from gateway.telemetry.delivery import Channel, Delivery, Report
from gateway.telemetry.gauges import Reading
from gateway.telemetry.rules import Seen, Severity, due
from vault.errors import ProviderError
from vault.references import SecretRef

LOOK_MS: Final = 1_000
_log = logging.getLogger(__name__)


class Alerting:
    """What stands, and how the channels do. Belongs to one event loop."""

    def __init__(
        self, clock: Clock, observer: Observer, alerts: Alerts, delivery: Delivery | None
    ) -> None:
        """Use :func:`open_alerting`; nothing is sent before :meth:`start`."""
        self._clock = clock
        self._observer = observer
        self._alerts = alerts
        self._delivery = delivery
        self._seen: Callable[[], Seen] | None = None

    def start(self, seen: Callable[[], Seen], stack: contextlib.AsyncExitStack) -> None:
        """Judge from now on, and tell the channels, for as long as the gateway runs.

        Where nobody is told, it is judged when somebody asks.
        """
        self._seen = seen
        if self._delivery is None:
            return
        for task in (asyncio.create_task(self._keep_looking()), *self._delivery.tasks()):
            stack.callback(task.cancel)

    def standing(self) -> list[Standing]:
        """The alerts that stand, the most severe first."""
        self._look()
        return self._alerts.standing()

    def reports(self) -> list[Report]:
        """How each channel does."""
        return [] if self._delivery is None else self._delivery.reports()

    async def test(self, channel: str | None = None) -> dict[str, str | None]:
        """Send a test to each channel, or to one; why it was not taken, by the channel's name."""
        return {} if self._delivery is None else await self._delivery.test(channel)

    def readings(self) -> list[Reading]:
        """The gauges of alerts and channels."""
        severities = [held.alert.severity for held in self.standing()]
        found = [
            Reading("writ_alerts_standing", severities.count(each), (each.value,))
            for each in Severity
        ]
        return found + [
            Reading("writ_alert_channel_failing", int(one.failing is not None), (one.name,))
            for one in self.reports()
        ]

    def _look(self) -> None:
        if self._seen is not None:
            self._alerts.look(due(self._observer.signs, self._seen()))

    async def _keep_looking(self) -> None:
        while True:
            try:
                self._look()
            except Exception:  # noqa: BLE001  it is looked at again; what stood goes on standing
                _log.exception("alerts could not be judged")
            await self._clock.sleep_ms(LOOK_MS)


def open_alerting(
    settings: Settings, clock: Clock, custody: Custodian, observer: Observer
) -> Alerting:
    """The channels that the settings name; one that cannot be used is logged and stops nothing."""
    alerts = Alerts(clock.monotonic_ns, clock.wall_us)
    addresses = {
        name: _address(custody, reference)
        for name, reference in sorted(alert_references(settings).items())
    }
    if not addresses:
        return Alerting(clock, observer, alerts, None)
    # Loads the library that knows the services, which nobody else needs.
    from gateway.telemetry.channels import flaw, send, silence  # noqa: PLC0415  as above

    silence()
    for name, address in addresses.items():
        try:
            why = flaw(address())
        except ProviderError as error:
            why = error.code
        if why is not None:
            _log.error("the alert channel %s cannot be used: %s", name, why)
    channels = [Channel(name, address) for name, address in addresses.items()]
    told = (channels, alerts, observer.metrics, clock, LooseRunner().run, send, settings.origin)
    return Alerting(clock, observer, alerts, Delivery(*told))


def _address(custody: Custodian, reference: SecretRef) -> Callable[[], str]:
    return lambda: custody.held(reference).reveal()
