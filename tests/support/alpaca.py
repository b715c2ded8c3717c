"""What tests of Alpaca are built from: credentials of a peer's accounts, and a broker over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.brokers.alpaca.adapter import AlpacaBroker, open_alpaca
from gateway.brokers.contract import AccountTerms, BrokerParts, Credentials, RealAccount
from gateway.domain.mode import Mode
from gateway.ports import Clock
from peers.alpaca_venue import Account, AlpacaPeer
from support.brokers import ManualClock, ThreadRunner
from support.secrets_made import secret

FAST: Mapping[str, object] = {"poll_ms": 20, "requests_per_minute": 100_000}


def shown(account: Account) -> Credentials:
    """Whatever opens the account at the moment of the request."""
    return Credentials(lambda: secret(account.key_id), lambda: secret(account.secret))


def real(
    peer: AlpacaPeer, account: Account, mode: Mode = Mode.PAPER, number: str | None = None
) -> RealAccount:
    """The account as configuration and custody make it."""
    return RealAccount(mode, number or account.number, shown(account), peer.url)


async def opened(
    directory: Path,
    accounts: Mapping[str, RealAccount],
    clock: Clock | None = None,
    settings: Mapping[str, object] = FAST,
) -> AlpacaBroker:
    """The broker, with these accounts by alias."""
    terms = {alias: AccountTerms(0, real=account) for alias, account in accounts.items()}
    return await open_alpaca(parts(directory, terms, clock, settings))


def parts(
    directory: Path,
    terms: Mapping[str, AccountTerms],
    clock: Clock | None = None,
    settings: Mapping[str, object] = FAST,
) -> BrokerParts:
    """What the registry opens it with."""
    return BrokerParts(terms, settings, directory, None, clock or RunningClock(), ThreadRunner())


class RunningClock(ManualClock):
    """Stands, but for the monotonic clock, which is the host's: budgets and ages go on."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


async def until(holds: Callable[[], bool], patience_s: int = 60) -> None:
    """Wait for what the other side does in its own time, and not for ever."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110  a question to it, not a wait for news
            await asyncio.sleep(0.005)
