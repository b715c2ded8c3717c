"""What is opened before the spine is wired: clock, brokers, ledger and keys."""

from __future__ import annotations

import contextlib

from gateway.bootstrap.app import Host
from gateway.brokers.contract import AccountTerms, BrokerParts, OpenBroker, WorthAt
from gateway.brokers.registry import open_broker
from gateway.config import Settings
from gateway.domain.errors import RefusedError
from gateway.domain.quantities import money_micros
from gateway.host import SystemClock
from gateway.ledger.choice import open_chosen
from gateway.ledger.stored import StoredLedger
from gateway.market.historical import HistoricalFeed
from signing.keys import Ed25519Signer, Vkey
from vault.signers import KeyFileError, open_key


def open_clock(settings: Settings, feed: HistoricalFeed | None) -> SystemClock:
    """Real time, or a market clock that begins with the feed or where the settings say."""
    if feed is None:
        return SystemClock()
    if settings.market_start is not None:
        return SystemClock(int(settings.market_start.timestamp()) * 1_000_000)
    return SystemClock(feed.tradable_sessions()[0][1])


async def open_brokers(
    settings: Settings,
    host: Host,
    feed: HistoricalFeed | None,
    worth: WorthAt,
    stack: contextlib.AsyncExitStack,
) -> dict[str, OpenBroker]:
    """Open each broker that an account names, once, and say who holds which account.

    ``worth`` is for the simulated one.
    """
    by_alias: dict[str, OpenBroker] = {}
    for name in sorted({account.broker for account in settings.accounts.values()}):
        terms = {
            alias: AccountTerms(opening_cash_micros=money_micros(account.opening_cash))
            for alias, account in settings.accounts.items()
            if account.broker == name
        }
        section = {"seed": settings.simulator_seed} if name == "simulator" else {}
        parts = BrokerParts(terms, section, settings.data, feed, host.clock, host.runner, worth)
        broker = await open_broker(name, parts)
        stack.push_async_callback(broker.close)
        by_alias |= dict.fromkeys(terms, broker)
    return by_alias


async def open_ledger(settings: Settings, host: Host) -> tuple[StoredLedger, Vkey]:
    """The ledger, its database made if needed, and the key that its log is verified with."""
    log_signer = _signer(settings, "log.key")
    ledger = await open_chosen(
        settings,
        log_signer=log_signer,
        identity_signer=_signer(settings, "identity.key"),
        clock=host.clock,
        entropy=host.entropy,
        runner=host.runner,
    )
    return ledger, Vkey(settings.origin, log_signer.public)


def _signer(settings: Settings, name: str) -> Ed25519Signer:
    """The key in the data folder, made at the first start."""
    try:
        return Ed25519Signer(open_key(settings.data / "keys" / name))
    except KeyFileError as error:
        raise RefusedError(error.code, str(error), error.remedy) from error
