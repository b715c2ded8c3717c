"""What a broker is given when it is opened, and what it may offer beyond ``gateway.ports.Broker``.

Adding a broker is described in docs/adding-a-broker.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol, runtime_checkable

from gateway.domain.market import Hours, Quote
from gateway.domain.mode import Mode
from gateway.domain.permission import Route, Validated
from gateway.domain.quantities import BPS, PLAIN, Worth
from gateway.ports import BlockingRunner, Broker, Clock, MarketFeed
from vault.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a broker is shown; each call gives the secret that is in hand now, or raises.

    They raise ``ProviderError`` once the secret is lost. A rotated secret is another one at the
    next call, so nothing of it is kept.
    """

    key_id: Callable[[], Secret]
    secret: Callable[[], Secret]


@dataclass(frozen=True, slots=True)
class RealAccount:
    """Where a real broker finds one account.

    ``mode`` is PAPER or LIVE: which of the broker's venues. ``broker_account`` is the broker's
    number of it, or ``none``: then the credentials alone say which account it is.
    """

    mode: Mode
    broker_account: str
    credentials: Credentials
    url_override: str | None = None


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What a simulated broker grants one account; ``real`` is for a real one.

    ``margin_multiple_bps`` bounds gross exposure as a multiple of equity: 10,000 is a cash
    account, which cannot spend more than it has; 20,000 may hold twice its equity.
    """

    opening_cash_micros: int
    short_allowed: bool = False
    margin_multiple_bps: int = BPS
    real: RealAccount | None = None


WorthAt = Callable[[str, int], Worth | None]
"""What one unit of a symbol comes to in the accounts' currency at a market time; ``None`` when
the symbol is not listed or its currency has no rate."""


def plain(_symbol: str, _at_us: int) -> Worth:
    """Everything is priced in the accounts' currency, one to a unit."""
    return PLAIN


def unheard(_outcome: str) -> None:
    """What is told of a request where nobody listens."""


@dataclass(frozen=True, slots=True)
class BrokerParts:
    """Everything a broker may use; it makes no clock, thread or randomness of its own.

    ``accounts`` are this broker's, by alias; ``settings`` is its own section of the
    configuration, in which it refuses keys that it does not know; ``directory`` exists.
    ``worth`` is for a simulated broker: a real one knows what it trades. It may be called on any
    thread.
    """

    accounts: Mapping[str, AccountTerms]
    settings: Mapping[str, object]
    directory: Path
    feed: MarketFeed | None
    clock: Clock
    runner: BlockingRunner
    worth: WorthAt = plain
    heard: Callable[[str], None] = unheard
    """Told how each request to the broker's service ended, on the event loop: ``ok`` (it answered,
    whatever it said), ``limited``, ``failed`` (its own fault), ``unreachable``, ``unreadable``."""


class OpenBroker(Broker, Protocol):
    """A broker that was opened and wants to be closed."""

    def route(self, account: str) -> Route:
        """Where the account's orders go: the hosts that are really spoken to, not a label."""
        ...

    async def validate(self, account: str) -> Validated:
        """Show the broker the account's credentials, and tell what it says of them.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        ...

    async def close(self) -> None:
        """Release files and connections; no call may follow."""
        ...


@runtime_checkable
class MarketDriven(Protocol):
    """A broker whose market must be told the time: the simulator."""

    on_update: Callable[[], None] | None
    """Called on the event loop when :meth:`gateway.ports.Broker.updates` has something new."""

    async def on_market(self, now_us: int) -> int:
        """Trade every quote up to ``now_us`` (market time); returns how many updates it made."""
        ...


@runtime_checkable
class Prompt(Protocol):
    """A broker within this process: what it was sent, it has at once."""

    settle_ms: int
    """For how long an order must go on being unknown to it before it counts as absent; a broker
    that states nothing is given the time of ``WRIT_SETTLE_MS``."""


@runtime_checkable
class Streaming(Protocol):
    """A broker that says by itself when there is something to ask for."""

    def listen(self, news: Callable[[], None], reconnected: Callable[[str], object]) -> None:
        """Begin to listen, until it is closed; both are called on the event loop.

        ``news``: :meth:`gateway.ports.Broker.updates` may have something new. ``reconnected`` is
        told an account for which nobody has listened for a while.
        """
        ...


@runtime_checkable
class Probing(Protocol):
    """A broker that has a cheap question to find out whether it answers at all."""

    async def probe(self, account: str) -> None:
        """Ask once. Raises whatever it likes where it does not answer."""
        ...


@runtime_checkable
class HoursSource(Protocol):
    """A broker that tells when its venue trades; asked every few hours, never for an order."""

    async def hours_between(self, first: date, last: date) -> Sequence[Hours]:
        """Every regular session from ``first`` to ``last`` (dates in New York, both included).

        In their order, one a day at most; a day that has none is a holiday. Early closes are as
        the venue says. Raises whatever it likes when it cannot tell all of them: it is asked again.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServerTime:
    """A server's own time, and when it was asked and heard by ours; microseconds of wall time."""

    at_us: int
    asked_us: int
    heard_us: int


@runtime_checkable
class TimeSource(Protocol):
    """A broker whose answers carry its own time, such as HTTP's Date header."""

    async def server_time(self, account: str) -> ServerTime:
        """Ask once. Raises ``OutcomeUnknownError`` where it does not answer."""
        ...


@runtime_checkable
class QuoteSource(Protocol):
    """A broker that tells quotes of its own."""

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """The newest quote of each symbol that it knows, with the instant that it states.

        Raises ``OutcomeUnknownError`` where it does not answer.
        """
        ...


@runtime_checkable
class Polled(Protocol):
    """A broker that tells nothing by itself: its updates must be asked for, again and again."""

    poll_ms: int
    """How long to wait between two questions, in milliseconds."""
