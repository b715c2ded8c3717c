"""What officers permit of an order, as the document tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.exits import ExitOnly
from gateway.domain.halt import GLOBAL, Scope
from gateway.domain.mode import Mode
from gateway.domain.permission import Route
from gateway.facts.caps import caps_facts
from gateway.facts.permission import Permitted, overlay_facts
from signing.manifest import Account
from signing.overlay import CAPPABLE, Overlay
from support.facts import NOON_US, ROUTES, order
from support.manifests import DAY_US
from support.permits import HOST, LIVE_ROUTE, PAPER_ROUTE, Said, permitting

PAPER = permitting(PAPER_ROUTE, around_us=NOON_US, orders=3, notional_micros=900)


def said(
    permits: Said | None = None,
    route: Route | None = PAPER_ROUTE,
    *,
    mode: Mode = Mode.PAPER,
    wall_us: int = NOON_US,
    book: Book | None = None,
    notional: int | None = 100,
    **changes: Any,
) -> dict[str, Any]:
    """The section of one order of the account ``primary``."""
    book = book or Book()
    book.mode = mode
    routes = {} if route is None else {"primary": route}
    return Permitted(permits, routes).facts(order(**changes), notional, book, wall_us)


@pytest.mark.requirement("S1-13")
def test_all_that_a_manifest_permits() -> None:
    assert said(Said(PAPER)) == {
        "standing": True,
        "mode": "PAPER",
        "epoch": 1,
        "venue": True,
        "account": True,
        "strategy": True,
        "live_open": False,
        "exit_open": False,
        "day_orders": 1,
        "day_notional_micros": 100,
        "orders_per_day_max": 3,
        "notional_per_day_max_micros": 900,
    }


@pytest.mark.requirement("S2-01")
@pytest.mark.parametrize("permits", [None, Said()], ids=["nobody", "no-manifest"])
def test_without_a_manifest_nothing_is_permitted(permits: Said | None) -> None:
    assert said(permits) == {
        "standing": False,
        "mode": "none",
        "epoch": "none",
        "venue": True,
        "account": False,
        "strategy": False,
        "live_open": False,
        "exit_open": False,
        "day_orders": 1,
        "day_notional_micros": 100,
        "orders_per_day_max": "none",
        "notional_per_day_max_micros": "none",
    }


def test_a_manifest_stands_as_of_the_instant_of_the_decision() -> None:
    assert said(Said(PAPER), wall_us=PAPER.manifest.valid_until_us - 1)["standing"]
    for wall_us in (PAPER.manifest.valid_until_us, PAPER.manifest.valid_from_us - 1):
        ended = said(Said(PAPER), wall_us=wall_us)
        assert (ended["standing"], ended["mode"], ended["strategy"]) == (False, "none", False)


@pytest.mark.requirement("W-10")
def test_after_a_lapse_it_is_still_known_where_the_account_led() -> None:
    lapsed = said(Said(lapsed=PAPER))
    assert (lapsed["standing"], lapsed["account"]) == (False, True)
    assert not said(Said(lapsed=PAPER), LIVE_ROUTE)["account"]


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    "named",
    [
        Account("alpaca", "PA1234", ("api.example.com:443",)),
        Account("alpaca", "PA1234", (HOST, "other.example.com:443")),
        Account("alpaca", "PA1234", ()),
        Account("alpaca", "PA9999", (HOST,)),
        Account("other", "PA1234", (HOST,)),
    ],
    ids=["another-host", "one-host-more", "no-host", "another-number", "another-broker"],
)
def test_an_account_leads_exactly_where_the_manifest_says(named: Account) -> None:
    manifest = replace(PAPER.manifest, accounts={"primary": named})
    assert not said(Said(replace(PAPER, manifest=manifest)))["account"]


def test_an_account_that_the_manifest_does_not_name() -> None:
    manifest = replace(PAPER.manifest, accounts={"other": PAPER.manifest.accounts["primary"]})
    assert not said(Said(replace(PAPER, manifest=manifest)))["account"]
    unknown = said(Said(PAPER), route=None)
    assert (unknown["venue"], unknown["account"]) == (False, False)


@pytest.mark.attack
@pytest.mark.requirement("S0-01")
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("route", [ROUTES["primary"], PAPER_ROUTE, LIVE_ROUTE])
def test_a_venue_is_that_of_its_one_mode(mode: Mode, route: Route) -> None:
    assert said(Said(PAPER), route, mode=mode)["venue"] is (route.mode is mode)


@pytest.mark.parametrize(
    ("allowed", "strategy", "expected"),
    [
        (("*",), None, True),
        (("*",), "value", True),
        (("momentum", "value"), "value", True),
        (("momentum",), "value", False),
        (("momentum",), None, False),
    ],
)
def test_which_strategies_may(
    allowed: tuple[str, ...], strategy: str | None, expected: bool
) -> None:
    permits = Said(permitting(PAPER_ROUTE, around_us=NOON_US, strategies=allowed))
    assert said(permits, strategy_id=strategy)["strategy"] is expected


def test_live_is_open_or_not() -> None:
    live = permitting(LIVE_ROUTE, around_us=NOON_US)
    for opened in (True, False):
        told = said(Said(live, opened=opened), LIVE_ROUTE, mode=Mode.LIVE)
        assert (told["live_open"], told["mode"], told["account"]) == (opened, "LIVE", True)


@pytest.mark.requirement("W-10")
def test_an_exit_is_open_only_where_a_person_opened_it() -> None:
    book = Book()
    assert not said(book=book)["exit_open"]  # that nothing is halted opens nothing
    for scope in (GLOBAL, Scope("account", "primary"), Scope("symbol", "AAPL")):
        book.exit_only = {scope: ExitOnly(scope, "ada", "get out", NOON_US + 1)}
        assert said(book=book)["exit_open"]
        assert not said(book=book, wall_us=NOON_US + 1)["exit_open"]
    for scope in (Scope("account", "other"), Scope("symbol", "MSFT"), Scope("strategy", "value")):
        book.exit_only = {scope: ExitOnly(scope, "ada", "get out", None)}
        assert not said(book=book)["exit_open"]


def test_the_day_has_this_order_in_it() -> None:
    book = Book()
    book.day.order(NOON_US, 250)
    told = said(book=book)
    assert (told["day_orders"], told["day_notional_micros"]) == (2, 350)
    unknown = said(book=book, notional=None)
    assert (unknown["day_orders"], unknown["day_notional_micros"]) == (2, None)
    tomorrow = said(book=book, wall_us=NOON_US + DAY_US)
    assert (tomorrow["day_orders"], tomorrow["day_notional_micros"]) == (1, 100)


def overlay(
    caps: dict[str, int] | None = None, restricted: tuple[str, ...] = (), from_us: int = NOON_US
) -> Overlay:
    """An overlay that stands for one microsecond."""
    return Overlay("calm", "trading.example/log", caps or {}, restricted, from_us, from_us + 1, "r")


@pytest.mark.requirement("S1-13")
def test_an_overlay_counts_while_it_stands() -> None:
    named = overlay(restricted=("AAPL", "MSFT"))
    permitted = Permitted(Said(signed=[named]), {})
    for wall_us, expected in ((NOON_US - 1, False), (NOON_US, True), (NOON_US + 1, False)):
        standing = permitted.overlays(wall_us)
        assert overlay_facts(order("AAPL"), standing) == {"restricted": expected}
        assert overlay_facts(order("JPM"), standing) == {"restricted": False}
    assert Permitted().overlays(NOON_US) == ()


@pytest.mark.requirement("S2-02")
def test_of_several_caps_the_smallest_counts() -> None:
    name, other = "order_notional_max_micros", "positions_max_count"
    none = dict.fromkeys(CAPPABLE, "none")
    assert caps_facts({}, [overlay({name: 5})]) == none | {name: 5}
    assert caps_facts({name: 4}, [overlay({name: 5})]) == none | {name: 4}
    assert caps_facts({name: 6}, [overlay({name: 5}), overlay({name: 0, other: 2})]) == (
        none | {name: 0, other: 2}
    )
