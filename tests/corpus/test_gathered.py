"""Documents as the gateway itself makes them, from books and quotes of all kinds."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.book import AccountBook, Book
from gateway.domain.fact import Fact, FactValue
from gateway.domain.instrument import Instrument
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType, Side, TimeInForce
from gateway.facts.document import Facts
from gateway.facts.pushed import PushedFacts
from gateway.host import OsEntropy, SystemClock
from gateway.policy.release import Release, shipped_release
from signing import canonical
from support import corpus
from support.facts import (
    HEALTH,
    INSTRUMENTS,
    NOON_US,
    ROUTES,
    OpenVenue,
    StillFeed,
    account,
    order,
    working,
)
from support.policy_cases import bench, failing
from support.releases import release_with
from support.three_engines import eval_says, said, serving

COUNT = 320
PRICES = {"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000}


def listed(instrument: Instrument) -> dict[str, Any]:
    names = (
        "sector", "currency", "qty_decimals", "price_decimals", "lot", "tick", "multiplier",
        "min_notional_micros", "borrow",
    )  # fmt: skip
    return {"class": instrument.asset_class} | {name: getattr(instrument, name) for name in names}


@pytest.fixture(scope="module")
def release() -> Release:
    data = corpus.data() | {
        "limits": json.loads(release_with().data)["limits"],
        "instruments": {s: listed(i) for s, i in INSTRUMENTS.items()},
    }
    return replace(shipped_release(), data=canonical.encode(data))


def some_book(rng: random.Random) -> Book:
    """An account flat, long or short, some with orders working."""
    book = Book(mode=rng.choice((Mode.RESEARCH, Mode.SIMULATION)))
    book.omega4_lifted_until_us = rng.choice((None, 2**53 - 1))
    positions = {
        symbol: rng.choice((-1, 1)) * rng.randint(1, 400)
        for symbol in rng.sample(sorted(INSTRUMENTS), rng.randint(0, 3))
    }
    book.accounts["primary"] = some_account(rng, positions)
    for number in range(rng.randint(0, 2)):
        symbol, side = rng.choice(sorted(INSTRUMENTS)), rng.choice(("buy", "sell"))
        resting = working(f"o{number}", symbol, side, rng.randint(1, 90), PRICES[symbol])
        book.keep(resting)
    return book


def some_account(rng: random.Random, positions: dict[str, int]) -> AccountBook:
    cash_micros = rng.choice((0, -50_000_000_000, 10**11, 10**12, 10**12, 10**12))
    return account(cash_micros, positions)


def some_order(rng: random.Random) -> Order:
    symbol = rng.choice([*sorted(INSTRUMENTS), *sorted(INSTRUMENTS), "ZZZZ"])
    kind = rng.choice(list(OrderType))
    near = PRICES.get(symbol, 500_000) // 100 * rng.randint(93, 107) // 100 * 100
    made = order(
        symbol,
        rng.choice(list(Side)),
        rng.choice((1, 10, 100, 5_000)),
        type=kind,
        limit_price=near if kind.has_limit else None,
        stop_price=near if kind.has_stop else None,
        time_in_force=rng.choice([each for each in TimeInForce if each is not TimeInForce.GTD]),
        account=rng.choice(("primary", "primary", "primary", "nobody")),
        strategy_id=rng.choice((None, "momentum")),
        instrument_known=symbol in INSTRUMENTS,
    )
    if made.time_in_force is not TimeInForce.GTC or made.qty == 1:
        return made
    return replace(made, time_in_force=TimeInForce.GTD, expires_us=NOON_US + 1)


def some_facts(rng: random.Random) -> PushedFacts:
    """What services have said: mostly nothing, sometimes bad or too long ago."""
    store = PushedFacts()
    values: dict[str, tuple[FactValue, ...]] = {
        "model.volatility": (1, 400_000, 400_001),
        "model.regime": ("CALM", "CRISIS"),
        "model.entropy": (0, 8_000, 8_001),
        "model.drift": (0, 5_000, 5_001),
        "model.data_integrity": (True, False),
        "model.protocol_firing": (True, False),
    }
    for name, choices in values.items():
        if rng.random() < 0.05:
            at_us = NOON_US - rng.choice((0, 1, 3_600_000_000, 3_600_000_001))
            fact = Fact(name, rng.choice(choices), at_us, 7_200_000, "monitor", "desk", None)
            store.put(fact, NOON_US)
    return store


def gathered() -> Iterator[dict[str, Any]]:
    rng, limits = random.Random(4), release_with().limits
    for number in range(COUNT):
        book = some_book(rng)
        prices = PRICES if rng.random() < 0.9 else {"AAPL": 1}
        facts = Facts(
            lambda book=book: book, StillFeed(prices, rng.choice((0, 100, 5_000))),
            SystemClock(NOON_US), OsEntropy(), INSTRUMENTS, limits,
            pushed=some_facts(rng), health=HEALTH, venues={"primary": OpenVenue()},
            routes=ROUTES,
        )  # fmt: skip
        yield facts.gather(some_order(rng), f"dec_{number}", facts.moment())


@pytest.mark.requirement("S0-15")
def test_what_the_gateway_gathers_is_well_formed_and_has_one_answer(release: Release) -> None:
    documents = [canonical.encode(document) for document in gathered()]
    with bench(release) as module:
        answers = module.under(json.loads(release.data)).decide_encoded(documents)
    failures = Counter(control for answer in answers for control in failing(answer))
    assert "INP-01" not in failures
    assert set(failures) >= {"INS-01", "MGN-01", "MKT-01", "OMEGA-4", "ORD-01", "ORD-03", "SHT-01"}
    assert COUNT // 20 < sum(not failing(answer) for answer in answers) < COUNT
    by_module = [said(answer) for answer in answers]
    assert eval_says(release, documents) == by_module
    with serving(release) as server:
        assert server.says(documents) == by_module
