"""Where an account's orders go: its venue's own host, and no label that says otherwise."""

import os
from pathlib import Path

import pytest

from gateway.brokers.alpaca.address import address
from gateway.brokers.contract import AccountTerms, RealAccount
from gateway.brokers.registry import open_broker
from gateway.domain.errors import InvalidInputError
from gateway.domain.mode import Mode
from gateway.domain.permission import Route
from peers.alpaca_venue import Account
from support.alpaca import opened, parts, shown

LIVE, PAPER = "https://api.alpaca.markets", "https://paper-api.alpaca.markets"
ACCOUNT = Account("PA1", 0, "key", "secret")  # pyright: ignore[reportArgumentType]  no cash is asked for


@pytest.mark.requirement("S1-03")
@pytest.mark.parametrize(
    ("mode", "override", "url"),
    [
        (Mode.PAPER, None, f"{PAPER}:443"),
        (Mode.LIVE, None, f"{LIVE}:443"),
        (Mode.PAPER, PAPER, f"{PAPER}:443"),
        (Mode.LIVE, f"{LIVE}:443/", f"{LIVE}:443"),
        (Mode.PAPER, "HTTPS://PAPER-API.alpaca.MARKETS", f"{PAPER}:443"),
        (Mode.PAPER, "http://127.0.0.1:8471", "http://127.0.0.1:8471"),
        (Mode.LIVE, "http://localhost:1", "http://localhost:1"),
        (Mode.PAPER, "http://[::1]:8471", "http://[::1]:8471"),
        (Mode.PAPER, "https://venue.example.com", "https://venue.example.com:443"),
    ],
)
def test_the_address_is_what_is_spoken_to(mode: Mode, override: str | None, url: str) -> None:
    assert address("primary", mode, override).url == url


@pytest.mark.attack
@pytest.mark.requirement("S3-14")
@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE], ids=["paper", "live"])
@pytest.mark.parametrize(
    "form",
    [
        "https://{}",
        "https://{}:443",
        "https://{}:8443",
        "https://{}/",
        "https://{}.",
        "HTTPS://{}",
        "http://{}",
        "http://{}:443",
        "https://x@{}",
        "https://paper-api.alpaca.markets@{}",
        "https://{}/v2/account",
        "https://{}?to=paper-api.alpaca.markets",
        "https://{}#paper-api.alpaca.markets",
        "//{}",
        "https:\\\\{}",
        " https://{}",
        "https://{}\n",
        "https://ａpi.alpaca.markets#{}",
    ],
)
def test_the_other_venues_host_is_refused_at_opening(mode: Mode, form: str) -> None:
    """Url_override to the live host under a paper label, and the other way round."""
    other = "api.alpaca.markets" if mode is Mode.PAPER else "paper-api.alpaca.markets"
    for host in (other, other.upper(), other.title()):
        with pytest.raises(InvalidInputError) as refused:
            address("primary", mode, form.format(host))
        assert refused.value.code == "broker-config-invalid"
        assert "account primary" in refused.value.detail


@pytest.mark.attack
@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE], ids=["paper", "live"])
@pytest.mark.parametrize(
    "override",
    [
        "https://alpaca.markets",
        "https://broker-api.alpaca.markets",
        "https://any.api.alpaca.markets",
        "https://API.ALPACA.MARKETS.:443",
        "https://аpi.alpaca.markets",
        "https://%61pi.alpaca.markets",
        "http://venue.example.com",
        "http://127.0.0.1.example.com",
        "http://169.254.169.254",
        "ftp://127.0.0.1",
        "https://",
        "https://host:0",
        "https://host:65536",
        "https://host:port",
        "https://[::1",
        "https://host/path",
        "",
        "h" * 400,
    ],
)
def test_what_is_no_plain_address_of_a_venue_is_refused(mode: Mode, override: str) -> None:
    with pytest.raises(InvalidInputError, match="broker-config-invalid"):
        address("primary", mode, override)


@pytest.mark.attack
@pytest.mark.parametrize("mode", [Mode.RESEARCH, Mode.SIMULATION])
def test_a_mode_without_a_venue_has_no_address(mode: Mode) -> None:
    with pytest.raises(InvalidInputError, match="no venue"):
        address("primary", mode, None)


@pytest.mark.requirement("S3-14")
async def test_routes_tell_the_hosts_that_requests_go_to(tmp_path: Path) -> None:
    peer = "http://127.0.0.1:8471"
    broker = await opened(
        tmp_path,
        {
            "paper": RealAccount(Mode.PAPER, "PA1", shown(ACCOUNT)),
            "live": RealAccount(Mode.LIVE, "none", shown(ACCOUNT)),
            "peer": RealAccount(Mode.LIVE, "PA3", shown(ACCOUNT), peer),
        },
    )
    hosts = ("paper-api.alpaca.markets:443", "api.alpaca.markets:443", "127.0.0.1:8471")
    assert [broker.route(alias) for alias in ("paper", "live", "peer")] == [
        Route("paper", "alpaca", "PA1", Mode.PAPER, hosts[:1]),
        Route("live", "alpaca", "none", Mode.LIVE, hosts[1:2]),
        Route("peer", "alpaca", "PA3", Mode.LIVE, hosts[2:]),
    ]
    await broker.close()


@pytest.mark.attack
async def test_a_gateway_with_a_paper_account_at_the_live_host_does_not_open(
    tmp_path: Path,
) -> None:
    wrong = RealAccount(Mode.PAPER, "none", shown(ACCOUNT), LIVE)
    with pytest.raises(InvalidInputError, match="is a paper account, and its url_override leads"):
        await opened(tmp_path, {"primary": wrong})
    assert os.listdir(tmp_path) == []  # noqa: PTH208  asked once the loop has nothing to do


async def test_an_account_without_credentials_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no credentials"):
        await open_broker("alpaca", parts(tmp_path, {"primary": AccountTerms(0)}))


@pytest.mark.parametrize(
    "settings",
    [
        {"poll_ms": 1},
        {"poll_ms": True},
        {"requests_per_minute": 0},
        {"retries": 3},
        {"poll_ms": "9"},
    ],
    ids=str,
)
async def test_settings_that_are_none_are_refused(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    real = RealAccount(Mode.PAPER, "none", shown(ACCOUNT))
    with pytest.raises(InvalidInputError, match="broker-config-invalid"):
        await opened(tmp_path, {"primary": real}, settings=settings)
