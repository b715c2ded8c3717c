"""What is opened before the spine is wired: clock, brokers, ledger and keys."""

from __future__ import annotations

import contextlib

from gateway.bootstrap.app import Host
from gateway.bootstrap.custody import Custodian, refused
from gateway.bootstrap.observing import Observer
from gateway.bootstrap.signers import open_identity, open_log_signer
from gateway.brokers.contract import AccountTerms, BrokerParts, OpenBroker, RealAccount, WorthAt
from gateway.brokers.registry import open_broker
from gateway.config import AccountSettings, Settings
from gateway.domain.mode import Mode
from gateway.domain.quantities import money_micros
from gateway.host import SystemClock
from gateway.ledger.choice import open_chosen
from gateway.ledger.stored import StoredLedger
from gateway.market.historical import HistoricalFeed
from signing.keys import Vkey
from vault.errors import ProviderError


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
    custody: Custodian,
    observer: Observer,
    stack: contextlib.AsyncExitStack,
) -> dict[str, OpenBroker]:
    """Open each broker that an account names, once, and say who holds which account.

    ``worth`` is for the simulated one; ``observer`` is told of requests to real ones.
    """
    by_alias: dict[str, OpenBroker] = {}
    sections: dict[str, dict[str, object]] = {
        "alpaca": {"quotes_feed": settings.alpaca_quotes},
        "simulator": {"seed": settings.simulator_seed},
    }
    for name in sorted({account.broker for account in settings.accounts.values()}):
        terms = {
            alias: _terms(alias, account, custody)
            for alias, account in settings.accounts.items()
            if account.broker == name
        }
        parts = BrokerParts(
            accounts=terms,
            settings=sections.get(name, {}),
            directory=settings.data,
            feed=feed,
            clock=host.clock,
            runner=host.runner,
            worth=worth,
            heard=observer.heard(name),
        )
        broker = await open_broker(name, parts)
        stack.push_async_callback(broker.close)
        by_alias |= dict.fromkeys(terms, broker)
    return by_alias


def _terms(alias: str, account: AccountSettings, custody: Custodian) -> AccountTerms:
    """What the broker is told of an account; where one is really held, how to get there."""
    cash_micros = money_micros(account.opening_cash)
    if account.key_id is None:
        return AccountTerms(cash_micros, account.short_allowed, account.margin_multiple_bps)
    real = RealAccount(
        mode=Mode.LIVE if account.venue == "live" else Mode.PAPER,
        broker_account=account.broker_account,
        credentials=custody.credentials(alias),
        url_override=account.url_override,
    )
    return AccountTerms(cash_micros, real=real)


async def open_ledger(
    settings: Settings, host: Host, custody: Custodian
) -> tuple[StoredLedger, Vkey]:
    """The ledger, its database made if needed, and the key that its log is verified with.

    Raises:
        RefusedError, UnavailableError: as the store says; ``key-…`` and ``custody-…``: a key
            cannot be had, or does not sign.
    """
    log_signer = await open_log_signer(settings, host)
    identity_signer = await open_identity(settings.identity_key, settings.data, custody)
    try:
        ledger = await open_chosen(
            settings,
            log_signer=log_signer,
            identity_signer=identity_signer,
            clock=host.clock,
            entropy=host.entropy,
            runner=host.runner,
        )
    except ProviderError as error:
        raise refused(error, "the identity key: ") from None
    return ledger, Vkey(settings.origin, log_signer.public)
