"""What the tests of Alpaca share: a venue, an account there, and a broker over it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.brokers.alpaca import client
from gateway.brokers.alpaca.adapter import AlpacaBroker
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer
from support.alpaca import opened, real


@pytest.fixture
def peer() -> Iterator[AlpacaPeer]:
    with alpaca_peer() as made:
        yield made


@pytest.fixture
def account(peer: AlpacaPeer) -> Account:
    return peer.account()


@pytest.fixture
async def broker(peer: AlpacaPeer, account: Account, tmp_path: Path) -> AsyncIterator[AlpacaBroker]:
    made = await opened(tmp_path, {"primary": real(peer, account)})
    yield made
    await made.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with shorter waits."""
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_S", 2)
    monkeypatch.setattr(client, "READ_PAUSES_MS", (5, 10))
