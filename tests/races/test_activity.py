"""Many callers at one instant: every count is met exactly, and again after a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from gateway.bootstrap import App, running
from gateway.config import AccountSettings, Settings
from gateway.domain.book import OrderState
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType, Side
from gateway.intake.idempotency import CallerKey
from signing.lifecycle import State
from support.facts import order
from support.releases import DEMO_RELEASE, write_release

CLIENTS = 96
FITS = 40
SECOND_US = 1_000_000
DOLLAR = 1_000_000
NUMBERS = count()


def settings(folder: Path, **limits: int) -> Settings:
    """Two accounts under wide limits, but for those that are given."""
    release = folder / "release"
    wide: dict[str, int] = {
        "margin_debit_max_micros": 10_000_000 * DOLLAR,
        "short_notional_max_micros": 10_000_000 * DOLLAR,
        "sector_exposure_max_bps": 10_000_000,
        "leverage_max_bps": 10_000_000,
    }
    if not release.exists():
        write_release(release, label="test", **(wide | limits))
    return Settings(
        data=folder / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=release,
        accounts=dict.fromkeys(("primary", "second"), AccountSettings(opening_cash="300000")),
    )


def buy(price: int = 240_000, strategy: str | None = None) -> Order:
    return replace(
        order("AAPL", qty=1, type=OrderType.LIMIT, limit_price=price),
        order_id=f"ord_{next(NUMBERS)}",
        strategy_id=strategy,
    )


async def at_once(app: App, orders: Iterable[Order]) -> list[OrderState]:
    """Propose them all in the same moment; the allowed ones are returned."""

    async def propose(one: Order) -> OrderState:
        key = CallerKey("idempotency", one.order_id, "0" * 64)
        return (await app.pipeline.propose(one, [key])).order

    states = await asyncio.gather(*map(propose, orders))
    await app.pipeline.quiesce()
    return [state for state in states if state.allow]


async def later(app: App, by_us: int) -> None:
    assert app.market_clock is not None
    await app.market_clock.advance(app.clock.market_us() + by_us)


@pytest.mark.requirement("W-06")
async def test_messages_are_counted_exactly_and_cancels_are_messages(tmp_path: Path) -> None:
    given = settings(tmp_path, messages_per_second_max_count=FITS)
    async with running(given) as app:
        await app.modes.lift_omega4("ada", "test", None)
        allowed = await at_once(app, (buy() for _ in range(CLIENTS)))
        assert len(allowed) == FITS
        others = (replace(buy(), account="second") for _ in range(CLIENTS))
        assert len(await at_once(app, others)) == FITS
        await later(app, SECOND_US - 1)
        assert await at_once(app, (buy() for _ in range(CLIENTS))) == []
    async with running(given) as app:  # the log is all that is known of the second before
        assert await at_once(app, (buy() for _ in range(CLIENTS))) == []
        await later(app, 1)
        # Asked for twice at once, one order is two messages.
        asked = [state.order_id for state in (*allowed[:4], allowed[0])]
        await asyncio.gather(*(app.cancels.cancel(order_id, "desk") for order_id in asked))
        await app.cancels.cancel(allowed[5].order_id, "ada", "OMEGA2_MANUAL")  # none of a caller's
        assert len(await at_once(app, (buy() for _ in range(CLIENTS)))) == FITS - 5
        await app.journal.settled()
        assert await app.ledger.replay() == app.book()


@pytest.mark.requirement("W-06")
async def test_no_content_is_sent_more_often_than_the_limit(tmp_path: Path) -> None:
    given = settings(tmp_path, identical_orders_max_count=2)
    async with running(given) as app:
        await app.modes.lift_omega4("ada", "test", None)
        prices = [price for price in (240_000, 240_100, 240_200) for _ in range(CLIENTS // 3)]
        allowed = await at_once(app, map(buy, prices))
        assert Counter(state.limit_price for state in allowed) == dict.fromkeys(prices, 2)
        await later(app, 60 * SECOND_US)
        assert len(await at_once(app, map(buy, prices))) == 6


@pytest.mark.requirement("W-06")
async def test_a_strategy_latches_once_and_begins_anew_when_it_is_resumed(tmp_path: Path) -> None:
    given = settings(tmp_path, repeated_orders_max_count=FITS)
    async with running(given) as app:
        await app.modes.lift_omega4("ada", "test", None)
        assert len(await at_once(app, (buy(strategy="momentum") for _ in range(CLIENTS)))) == FITS
        [halt] = app.book().halts.values()
        assert (halt.cause, halt.by, halt.clear_by) == ("REPEATED_EXECUTION", "policy", "operator")
        assert (halt.scope.kind, halt.scope.name) == ("strategy", "momentum")
        assert (halt.observed, halt.limit, halt.cancels) == (FITS + 1, FITS, False)
        # Nothing is cancelled; what was not sent yet is stopped at the gate.
        found = {state.status for state in app.book().orders.values()}
        assert State.ACKNOWLEDGED in found <= {State.ACKNOWLEDGED, State.DENIED}
        assert len(await at_once(app, [buy(strategy="other"), buy()])) == 2
    async with running(given) as app:
        [halt] = app.book().halts.values()
        await later(app, 301 * SECOND_US)  # time ends the window, and not the halt
        assert await at_once(app, [buy(strategy="momentum")]) == []
        await app.halting.resume(
            halt.halt_id, by="ada", scopes=frozenset({"operate"}), reason="looked into it"
        )
        assert len(await at_once(app, (buy(strategy="momentum") for _ in range(CLIENTS)))) == FITS
        assert [h.cause for h in app.book().halts.values()] == ["REPEATED_EXECUTION"]
        await app.journal.settled()
        assert await app.ledger.replay() == app.book()


@pytest.mark.requirement("W-06")
async def test_a_denied_mate_takes_nobodys_place(tmp_path: Path) -> None:
    """Every second order is too large. In the stack it counts at first, and then it does not."""
    async with running(settings(tmp_path, repeated_orders_max_count=FITS)) as app:
        await app.modes.lift_omega4("ada", "test", None)
        small = [buy(strategy="momentum") for _ in range(FITS)]
        large = [replace(one, order_id=one.order_id + "x", qty=100_000) for one in small]
        mixed = [one for pair in zip(large, small, strict=True) for one in pair]
        allowed = await at_once(app, mixed)
        assert {state.order_id for state in allowed} == {one.order_id for one in small}
        assert app.book().halts == {}
        assert await at_once(app, [buy(strategy="momentum")]) == []
        assert len(app.book().halts) == 1


@pytest.mark.requirement("W-06")
async def test_orders_without_a_strategy_latch_their_account(tmp_path: Path) -> None:
    async with running(settings(tmp_path, repeated_orders_max_count=3)) as app:
        await app.modes.lift_omega4("ada", "test", None)
        assert len(await at_once(app, (buy() for _ in range(8)))) == 3
        assert {(h.scope.kind, h.scope.name) for h in app.book().halts.values()} == {
            ("account", "primary")
        }
        assert len(await at_once(app, [replace(buy(), account="second")])) == 1


@pytest.mark.requirement("W-06")
async def test_nothing_latches_in_research(tmp_path: Path) -> None:
    limited = settings(tmp_path, repeated_orders_max_count=3)
    given = limited.model_copy(update={"mode": Mode.RESEARCH})
    async with running(given) as app:
        assert len(await at_once(app, (buy() for _ in range(8)))) == 8  # nothing moves: none counts
        assert app.book().halts == {}


@pytest.mark.requirement("W-06")
async def test_the_demonstration_has_a_strategy_that_meets_each_of_them(tmp_path: Path) -> None:
    given = settings(tmp_path).model_copy(update={"release": DEMO_RELEASE})

    async def failing(app: App, one: Order) -> set[str]:
        key = CallerKey("idempotency", one.order_id, "0" * 64)
        outcome = await app.pipeline.propose(one, [key])
        await app.pipeline.quiesce()
        return {reason.control for reason in outcome.order.reasons}

    async with running(given) as app:
        await app.modes.lift_omega4("ada", "test", None)
        assert len(await at_once(app, [buy(strategy="throttled") for _ in range(2)])) == 2
        assert await failing(app, buy(strategy="throttled")) == {"DUP-01"}
        assert len(await at_once(app, [buy(price) for price in range(240_000, 240_600, 100)])) == 6
        other = buy(241_000, strategy="throttled")
        assert await failing(app, other) == {"MSG-01"}
        await later(app, SECOND_US)
        assert await failing(app, replace(other, order_id="ord_later")) == set()
        assert await failing(app, buy(241_100, strategy="throttled")) == {"MSG-02"}
        await later(app, 60 * SECOND_US)
        more = [buy(price, strategy="throttled") for price in range(240_000, 240_300, 100)]
        assert len(await at_once(app, more[:2])) == 2
        assert await failing(app, more[2]) == {"REP-01"}
        assert "OMEGA-2" in await failing(app, buy(241_000, strategy="throttled"))


@pytest.mark.requirement("W-06")
async def test_two_orders_of_the_house_never_meet(tmp_path: Path) -> None:
    """Purchases and sales of two accounts, through each other's prices, all in one moment."""
    async with running(settings(tmp_path)) as app:
        await app.modes.lift_omega4("ada", "test", None)
        last = await held(app, CLIENTS)

        def either(number: int) -> Order:
            if number % 2:
                return sale(last + 100 * (number % 7) + 300)
            return replace(buy(last + 100 * (number % 7)), account="second")

        allowed = await at_once(app, map(either, range(CLIENTS)))
        bought = [s.worst_price or 0 for s in allowed if s.side == "buy"]
        sold = [s.worst_price or 0 for s in allowed if s.side == "sell"]
        assert bought
        assert sold
        assert max(bought) < min(sold)
        assert await at_once(app, [sale(None)]) == []  # it could meet the best of the purchases
        for state in allowed:
            if state.side == "buy":
                await app.cancels.cancel(state.order_id, "desk")
        await app.trackers["simulator"].pull()
        assert len(await at_once(app, [sale(None)])) == 1
        assert await at_once(app, [replace(buy(last), account="second")]) == []


async def held(app: App, qty: int) -> int:
    """Have the first account hold some shares; returns the last price."""
    assert app.feed is not None
    now = app.clock.market_us()
    quoted = next(quote_us for _, quote_us in app.feed.sessions() if quote_us > now)
    [bought] = await at_once(
        app, [replace(buy(), qty=qty, type=OrderType.MARKET, limit_price=None)]
    )
    await later(app, quoted - now)
    assert app.book().orders[bought.order_id].status is State.FILLED
    quote = app.feed.quote("AAPL", app.clock.market_us())
    assert quote is not None
    return quote.last // 100 * 100


def sale(price: int | None) -> Order:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return replace(buy(), side=Side.SELL, type=kind, limit_price=price)
