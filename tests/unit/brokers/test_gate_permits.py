"""The gate's last look at what officers permit: venue, manifest and LIVE, at each forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gateway.brokers.gate import Gate
from gateway.brokers.null.adapter import NullBroker
from gateway.control.permission import Permissions
from gateway.domain.book import Book
from gateway.domain.execution import Accepted, Submission
from gateway.domain.exits import ExitOnly
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder
from gateway.domain.order_entries import order_state
from gateway.domain.permission import Route, RunningRelease
from gateway.facts.market import Market
from support.brokers import RELEASE_DIGEST, VKEY, ManualClock, decision, document, feed, permit
from support.permitting import DAY_US, HOSTS, PRIMARY, manifest, permissions
from support.trust_root import NOW_US

APPROVED_NS = 10**12
LIMITS_DIGEST = "ef" * 32
CALM = feed({"AAPL": [1_000_000] * 3})


class Venue(NullBroker):
    """A venue outside that takes every order."""

    def __init__(self) -> None:
        super().__init__({})
        self.sent: list[BrokerOrder] = []

    async def submit(self, order: BrokerOrder) -> Accepted:  # pyright: ignore[reportIncompatibleMethodOverride]  the null broker takes none
        self.sent.append(order)
        return Accepted("venue-1")


@dataclass
class Desk:
    """A gate, what is permitted behind it, and a clock."""

    mode: Mode = Mode.PAPER
    route_mode: Mode = Mode.PAPER
    exits: bool = False
    clock: ManualClock = field(default_factory=lambda: ManualClock(wall=NOW_US))
    venue: Venue = field(default_factory=Venue)

    def __post_init__(self) -> None:
        self.book = Book(mode=self.mode, omega4_lifted_until_us=0, release_digest=RELEASE_DIGEST)
        self.signed = manifest(
            mode="LIVE" if self.route_mode is Mode.LIVE else "PAPER",
            release_digest=RELEASE_DIGEST,
            limits_digest=LIMITS_DIGEST,
        )
        self.route = Route(
            "primary", PRIMARY.broker, PRIMARY.broker_account, self.route_mode, HOSTS
        )
        self.permissions: Permissions = permissions(self.book, self.clock, self.signed)

    async def forward(self, **fields: object) -> Submission:
        selling = {"side": "sell", "reduce_only": True} if self.exits else {}
        facts = document(fields={**selling, **fields})
        facts["projected"] = {"reduces": self.exits}
        decided = decision(facts, mode=self.mode.value)
        state = order_state(decided, facts)
        self.book.orders[state.order_id] = state
        gate = Gate(
            {"primary": self.venue},
            VKEY,
            self.clock,
            lambda: self.book,
            lambda: Market(CALM, self.clock.market),
            1_000,
            {"primary": self.route},
            self.permissions,
        )
        return await gate.forward(permit(decided, facts), APPROVED_NS)

    async def refused(self, **fields: object) -> str:
        submission = await self.forward(**fields)
        assert (submission.outcome, self.venue.sent) == ("refused", [])
        return submission.code


def without_manifest(desk: Desk) -> None:
    desk.permissions = permissions(desk.book, desk.clock)


def revoked(desk: Desk) -> None:
    desk.permissions.end("MANIFEST_REVOKED")


def expired(desk: Desk) -> None:
    desk.clock.wall = desk.signed.valid_until_us


def trust_expired(desk: Desk) -> None:
    desk.clock.wall = NOW_US + 3 * DAY_US


def clock_back(desk: Desk) -> None:
    desk.clock.wall = NOW_US - 10_000_000


def other_data(desk: Desk) -> None:
    other = RunningRelease("test", RELEASE_DIGEST, "00" * 32)
    desk.permissions = permissions(desk.book, desk.clock, desk.signed, other)


def other_release(desk: Desk) -> None:
    signed = manifest(release_digest="00" * 32, limits_digest=LIMITS_DIGEST)
    desk.permissions = permissions(desk.book, desk.clock, signed)


ENDS: list[Callable[[Desk], None]] = [
    *(without_manifest, revoked, expired, trust_expired, clock_back, other_data, other_release)
]


@pytest.mark.requirement("S1-13")
async def test_under_a_manifest_an_order_goes_to_its_venue() -> None:
    assert (await Desk().forward()).outcome == "accepted"


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_what_ended_between_decision_and_gate_stops_the_order(
    end: Callable[[Desk], None],
) -> None:
    desk = Desk()
    end(desk)
    assert await desk.refused() == "GATE_MANIFEST"


@pytest.mark.attack
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("mode", [Mode.SIMULATION, Mode.PAPER, Mode.LIVE])
@pytest.mark.parametrize("route", [Mode.SIMULATION, Mode.PAPER, Mode.LIVE])
async def test_an_order_goes_only_where_the_venue_is_the_mode_s(mode: Mode, route: Mode) -> None:
    desk = Desk(mode=mode, route_mode=route)
    desk.permissions.live = lambda: True
    if mode is route:
        assert (await desk.forward()).outcome == "accepted"
    else:
        assert await desk.refused() == "GATE_VENUE"


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    "route",
    [
        Route("primary", "alpaca", "PA1234", Mode.PAPER, ("api.example.com:443",)),
        Route("primary", "alpaca", "PA9999", Mode.PAPER, HOSTS),
        Route("primary", "other", "PA1234", Mode.PAPER, HOSTS),
        Route("second", "alpaca", "PA1234", Mode.PAPER, HOSTS),
    ],
    ids=["host", "number", "broker", "alias"],
)
@pytest.mark.parametrize("exits", [False, True], ids=["order", "exit"])
async def test_an_account_that_leads_elsewhere_than_signed_is_refused(
    route: Route, *, exits: bool
) -> None:
    desk = Desk(exits=exits)
    desk.book.exit_only[GLOBAL] = ExitOnly(GLOBAL, "ada", "why", None)
    desk.route = route
    assert await desk.refused() == "GATE_VENUE"


@pytest.mark.requirement("S1-02")
async def test_live_is_refused_until_it_is_open() -> None:
    desk = Desk(mode=Mode.LIVE, route_mode=Mode.LIVE)
    assert await desk.refused() == "GATE_LIVE"
    opened = Desk(mode=Mode.LIVE, route_mode=Mode.LIVE)
    opened.permissions.live = lambda: True
    assert (await opened.forward()).outcome == "accepted"
    lapsed = Desk(mode=Mode.LIVE, route_mode=Mode.LIVE)
    lapsed.permissions.live = lambda: True
    revoked(lapsed)
    assert await lapsed.refused() == "GATE_MANIFEST"
    assert not lapsed.permissions.live_open()


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE])
@pytest.mark.parametrize("end", [revoked, expired, trust_expired], ids=lambda end: end.__name__)
async def test_an_exit_goes_out_after_a_lapse_where_a_person_has_let_it(
    mode: Mode, end: Callable[[Desk], None]
) -> None:
    desk = Desk(mode=mode, route_mode=mode, exits=True)
    end(desk)
    assert await desk.refused() == "GATE_MANIFEST", "no exit-only state is open"
    desk = Desk(mode=mode, route_mode=mode, exits=True)
    end(desk)
    desk.book.exit_only[GLOBAL] = ExitOnly(GLOBAL, "ada", "why", None)
    assert (await desk.forward()).outcome == "accepted"
    desk = Desk(mode=mode, route_mode=mode)
    end(desk)
    desk.book.exit_only[GLOBAL] = ExitOnly(GLOBAL, "ada", "why", None)
    assert await desk.refused() == "GATE_MANIFEST", "it is no exit"


async def test_without_any_manifest_not_even_an_exit_leaves() -> None:
    desk = Desk(exits=True)
    without_manifest(desk)
    desk.book.exit_only[GLOBAL] = ExitOnly(GLOBAL, "ada", "why", None)
    assert await desk.refused() == "GATE_MANIFEST"


async def test_in_simulation_no_manifest_is_asked_for() -> None:
    desk = Desk(mode=Mode.SIMULATION, route_mode=Mode.SIMULATION)
    without_manifest(desk)
    assert (await desk.forward()).outcome == "accepted"


async def test_an_account_without_a_route_leads_nowhere() -> None:
    desk = Desk()
    gate = Gate(
        {"primary": desk.venue},
        VKEY,
        desk.clock,
        lambda: desk.book,
        lambda: Market(CALM, desk.clock.market),
        1_000,
        {},
        desk.permissions,
    )
    facts = document()
    decided = decision(facts, mode="PAPER")
    desk.book.orders["ord_dec_1"] = order_state(decided, facts)
    submission = await gate.forward(permit(decided, facts), APPROVED_NS)
    assert (submission.code, desk.venue.sent) == ("GATE_VENUE", [])
