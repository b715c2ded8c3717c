"""Brokers by name."""

from pathlib import Path

import pytest

from gateway.brokers.contract import AccountTerms, BrokerParts, Credentials, RealAccount
from gateway.brokers.registry import BROKERS, open_broker
from gateway.domain.errors import InvalidInputError, NotFoundError, RefusedError
from gateway.domain.mode import Mode
from support.brokers import CASH_MICROS, ManualClock, ThreadRunner, broker_order, feed
from support.secrets_made import secret


def parts(directory: Path, **settings: object) -> BrokerParts:
    """Enough for any of them; nothing is sent at the opening."""
    shown = Credentials(lambda: secret("key"), lambda: secret("secret"))
    real = RealAccount(Mode.PAPER, "none", shown, "http://127.0.0.1:9")
    return BrokerParts(
        {"primary": AccountTerms(CASH_MICROS, real=real)},
        settings,
        directory,
        feed({"AAPL": [1_000_000]}),
        ManualClock(),
        ThreadRunner(),
    )


@pytest.mark.requirement("S0-20")
@pytest.mark.parametrize("name", sorted(BROKERS))
async def test_a_broker_is_opened_by_its_name(tmp_path: Path, name: str) -> None:
    broker = await open_broker(name, parts(tmp_path))
    assert broker.name == name
    assert broker.route("primary").broker == name
    await broker.close()


@pytest.mark.requirement("S0-20")
async def test_an_unknown_broker_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await open_broker("nowhere", parts(tmp_path))
    assert refused.value.code == "broker-unknown"
    assert "simulator" in refused.value.remedy


@pytest.mark.parametrize("name", sorted(BROKERS))
async def test_settings_that_a_broker_does_not_know_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        await open_broker(name, parts(tmp_path, colour=1))


async def test_settings_reach_the_broker(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="participation_bps"):
        await open_broker("simulator", parts(tmp_path, participation_bps=0))


@pytest.mark.requirement("S0-01")
async def test_the_null_broker_takes_no_order(tmp_path: Path) -> None:
    broker = await open_broker("null", parts(tmp_path))
    with pytest.raises(RefusedError) as refused:
        await broker.submit(broker_order())
    assert refused.value.code == "broker-null"
    assert await broker.order("wr-1") is None
    assert await broker.updates(0, 10) == []
    await broker.cancel("wr-1")
    with pytest.raises(NotFoundError):
        await broker.statement("nobody")
