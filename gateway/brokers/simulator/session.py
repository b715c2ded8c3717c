"""Trading through time: which quotes there were, what each did, and what expired in between.

Runs inside one transaction. However far the clock is advanced at once, every quote in between is
traded in its turn, so that a jump of a week gives the same fills as five single days.
"""

from __future__ import annotations

from typing import Final

from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.matching import VOLUME_DECIMALS, Change, Fill, Resting, Window, match
from gateway.brokers.simulator.rows import Value, whole
from gateway.brokers.simulator.store import OPEN, Database, resting
from gateway.domain.market import Bar
from gateway.domain.order import Side
from gateway.domain.quantities import notional_micros, value_micros
from gateway.ports import MarketFeed

_BARS_AT_FIRST: Final = 16
_BARS_MAX: Final = 65_536


def trade_until(
    db: Database, feed: MarketFeed, config: SimulatorConfig, since_us: int, now_us: int
) -> None:
    """Trade every quote after ``since_us`` and up to ``now_us``, oldest first.

    A day order expires once a session later than the first one in which it could fill has begun,
    one with an end of its own when the clock reaches it.
    """
    instants: dict[int, list[Bar]] = {}
    for symbol in sorted({order.order.symbol for order in resting(db)}):
        for bar in _bars_between(feed, symbol, since_us, now_us):
            instants.setdefault(bar.at_us, []).append(bar)
    for at_us in sorted(instants):
        _expire(db, feed, at_us)
        for bar in instants[at_us]:
            _trade_bar(db, feed, config, bar)
    if now_us > since_us:
        _expire(db, feed, now_us)


def _bars_between(feed: MarketFeed, symbol: str, since_us: int, now_us: int) -> list[Bar]:
    """The bars known after ``since_us`` and up to ``now_us``; asks for more until none is left."""
    limit = _BARS_AT_FIRST
    while True:
        bars = feed.bars(symbol, now_us, limit)
        if len(bars) < limit or bars[0].at_us <= since_us or limit >= _BARS_MAX:
            return [bar for bar in bars if since_us < bar.at_us <= now_us]
        limit *= 2


def _trade_bar(db: Database, feed: MarketFeed, config: SimulatorConfig, bar: Bar) -> None:
    quote = feed.quote(bar.symbol, bar.at_us)
    if quote is None or quote.at_us != bar.at_us:
        return  # a bar without a quote of its own is no market
    volume_e8 = bar.volume * 10**VOLUME_DECIMALS // config.session_minutes
    orders = {order.row: order for order in resting(db, "symbol = ?", bar.symbol)}
    window = Window(quote, bar.session, volume_e8)
    positions = {
        str(account): whole(qty)
        for account, qty in db.rows(
            "SELECT account, qty FROM positions WHERE symbol = ?", bar.symbol
        )
    }
    for change in match(list(orders.values()), window, config, positions):
        _apply(db, orders[change.row], change, window)


def _apply(db: Database, resting_order: Resting, change: Change, window: Window) -> None:
    """Enter what a quote did to an order: the order's row, a fill, an expiry."""
    db.rows(
        "UPDATE orders SET triggered = ?, session = ? WHERE row = ?",
        int(change.triggered),
        change.session,
        change.row,
    )
    if change.fill is not None:
        _enter_fill(db, resting_order, change.fill, window)
    if change.expired:
        _end(db, change.row, change.expired)


def _enter_fill(db: Database, filled: Resting, fill: Fill, window: Window) -> None:
    """A fill moves the order, the account's cash and position, and is an update: all together."""
    order = filled.order
    status = "FILLED" if fill.qty == filled.leaves_qty else "PARTIALLY_FILLED"
    db.rows(
        "UPDATE orders SET filled_qty = filled_qty + ?, fee_micros = fee_micros + ?, "
        "fills = fills + 1, status = ? WHERE row = ?",
        fill.qty,
        fill.fee_micros,
        status,
        filled.row,
    )
    db.rows(
        "INSERT INTO updates (order_row, execution_id, qty, price, fee_micros, market_us, session) "
        "SELECT row, printf('sim-%08d-%d', row, fills), ?, ?, ?, ?, ? FROM orders WHERE row = ?",
        fill.qty,
        fill.price,
        fill.fee_micros,
        window.quote.at_us,
        window.session,
        filled.row,
    )
    scales = (order.qty_decimals, fill.price, order.price_decimals, filled.worth)
    if order.side is Side.BUY:
        signed, cash = fill.qty, -notional_micros(fill.qty, *scales)
    else:
        signed, cash = -fill.qty, value_micros(fill.qty, *scales)
    db.rows(
        "UPDATE accounts SET cash_micros = cash_micros + ? WHERE account = ?",
        cash - fill.fee_micros,
        order.account,
    )
    db.rows(
        "INSERT INTO positions VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET qty = qty + excluded.qty",
        order.account,
        order.symbol,
        signed,
        order.qty_decimals,
    )
    db.rows(
        "DELETE FROM positions WHERE account = ? AND symbol = ? AND qty = 0",
        order.account,
        order.symbol,
    )


def _expire(db: Database, feed: MarketFeed, at_us: int) -> None:
    """End the orders whose day or time is over, in the order in which they ended.

    ISO dates compare as they stand. A day ends after everything that ended within it.
    """
    days = db.rows(
        f"SELECT session, row FROM orders WHERE {OPEN} AND time_in_force = 'day' "  # noqa: S608  constant text
        "AND session <> '' AND session < ?",
        feed.session(at_us),
    )
    dated = db.rows(
        f"SELECT expires_us, row FROM orders WHERE {OPEN} AND expires_us <= ?",  # noqa: S608  constant text
        at_us,
    )
    ended = [(str(session), 1, 0, whole(row), "TIF_DAY") for session, row in days]
    for expires_us, row in dated:
        end_us = whole(expires_us)
        ended.append((feed.session(end_us), 0, end_us, whole(row), "TIF_GTD"))
    for _session, _last, _end_us, row, code in sorted(ended):
        _end(db, row, code)


def _end(db: Database, row: Value, code: str) -> None:
    db.rows("UPDATE orders SET status = 'EXPIRED' WHERE row = ?", row)
    db.rows("INSERT INTO updates (order_row, status, code) VALUES (?, 'EXPIRED', ?)", row, code)
