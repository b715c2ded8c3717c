"""The simulated broker itself: takes orders, trades quotes, keeps cash and positions.

Everything it answers it reads from its own file (``store``); it is never rebuilt from the log,
just as a real broker would not be. Calls block on disk and belong on a worker thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gateway.brokers.contract import AccountTerms, WorthAt, plain
from gateway.brokers.simulator.admission import (
    INVALID_ORDER,
    NO_RATE,
    UNKNOWN_ACCOUNT,
    Holdings,
    OpenOrder,
    form_fault,
    funds_fault,
    terms_fault,
)
from gateway.brokers.simulator.arrivals import (
    Arrival,
    Replacing,
    answered,
    cannot_replace,
    content_of,
)
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.listing import history, listed
from gateway.brokers.simulator.pricing import latency_us
from gateway.brokers.simulator.rows import (
    ORDER_COLUMNS,
    UPDATE_COLUMNS,
    broker_update,
    order_name,
    whole,
)
from gateway.brokers.simulator.session import trade_until
from gateway.brokers.simulator.store import OPEN, Database, Store, resting
from gateway.brokers.simulator.terms import short_restricted, stated_terms
from gateway.domain.errors import NotFoundError
from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Rejected,
)
from gateway.domain.market import Quote
from gateway.domain.order import BrokerOrder
from gateway.domain.quantities import PLAIN, Worth
from gateway.domain.venue import VenueTerms
from gateway.ports import MarketFeed

UPDATES_MAX: Final = 1_000
_OPEN_STATUSES: Final = ("ACKNOWLEDGED", "PARTIALLY_FILLED")
_NONE: Final = "none"


class SimulatorBook:
    """Orders, cash, positions and updates of all accounts of one simulated broker."""

    def __init__(
        self,
        path: Path,
        accounts: Mapping[str, AccountTerms],
        config: SimulatorConfig,
        feed: MarketFeed,
        worth: WorthAt = plain,
    ) -> None:
        """Open the book at ``path``, or make a new one with the accounts' opening cash.

        ``worth`` tells what a unit is worth when an order arrives; an order keeps that.
        """
        self._accounts = dict(accounts)
        self._config = config
        self._feed = feed
        self._worth = worth
        self._store = Store(
            path, {alias: terms.opening_cash_micros for alias, terms in self._accounts.items()}
        )
        with self._store.reading() as db:
            self._scales = _scales(db)

    def terms(self, account: str, symbol: str, at_us: int) -> VenueTerms | None:
        """Which orders are taken for an account in a symbol; read from memory, on any thread.

        An order may give a symbol its scale between this and its arrival; then the broker
        refuses what no longer fits, as it would any other order.
        """
        terms = self._accounts.get(account)
        if terms is None:
            return None
        scale = self._scales.get(symbol)
        return stated_terms(self._feed, self._config, terms, symbol, scale, at_us)

    def accept(
        self, order: BrokerOrder, at: Arrival, replacing: Replacing | None = None
    ) -> Accepted | Rejected:
        """Take or refuse an order for good; the same order again gets the same answer.

        A refusal is kept too, so that whoever lost the answer can ask for it. An order that takes
        the place of another one ends that in the same transaction, or is refused and leaves it
        working: never are both at work, and never neither.
        """
        content = content_of(order, replacing)
        with self._store.writing() as db:
            before = answered(db, order.broker_client_id, content)
            if before is not None:
                return before
            market_us = max(at.market_us, _matched_us(db))
            worth = self._worth(order.symbol, market_us)
            fault = None if replacing is None else cannot_replace(db, order, replacing)
            without = "" if replacing is None else replacing.broker_client_id
            fault = fault or self._fault(db, order, worth, market_us, without)
            stamped = Arrival(market_us, at.wall_us)
            answer = self._keep(db, order, worth or PLAIN, content, stamped, fault)
            if fault is None and replacing is not None:
                _end(db, replacing.broker_client_id, "REPLACED", at.wall_us)
        if fault is None:
            self._scales.setdefault(order.symbol, order.qty_decimals)
        return answer

    def cancel(self, broker_client_id: str, wall_us: int) -> int:
        """Cancel what is left of an order at once; returns how many updates that made."""
        with self._store.writing() as db:
            return _end(db, broker_client_id, "CANCELED", wall_us)

    def trade(self, now_us: int, wall_us: int) -> int:
        """Trade every quote up to ``now_us`` once, in order; returns how many updates it made."""
        with self._store.writing() as db:
            before = _last_cursor(db)
            trade_until(db, self._feed, self._config, _matched_us(db), now_us)
            db.rows("UPDATE meta SET value = max(value, ?) WHERE name = 'matched_us'", now_us)
            db.rows("UPDATE updates SET told_us = ? WHERE cursor > ?", wall_us, before)
            return _last_cursor(db) - before

    def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """What has become of an order; ``None`` if none came under this id."""
        with self._store.reading() as db:
            found = db.row(
                "SELECT row, status, filled_qty FROM orders WHERE broker_client_id = ?",
                broker_client_id,
            )
        if found is None:
            return None
        row, status, filled_qty = found
        return BrokerOrderState(
            broker_client_id=broker_client_id,
            broker_order_id=order_name(whole(row)),
            status=str(status),
            filled_qty=whole(filled_qty),
            open=status in _OPEN_STATUSES,
        )

    def statement(self, account: str) -> BrokerStatement:
        """Cash and positions of an account, both as of the same moment.

        Raises:
            NotFoundError: ``broker-account-unknown``.
        """
        with self._store.reading() as db:
            return BrokerStatement(account, _known(db, account), _positions(db, account))

    def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        """Every order of an account that may still fill, the oldest first.

        Raises:
            NotFoundError: ``broker-account-unknown``.
        """
        with self._store.reading() as db:
            _known(db, account)
            return listed(db, f"{OPEN} AND account = ?", account)

    def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """Orders placed and executions made from an instant of wall time until before another.

        What was entered before wall times were noted is in every period: nobody can say of it
        that it is not.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            UnavailableError: ``simulator-history-too-long``.
        """
        with self._store.reading() as db:
            _known(db, account)
            return history(db, account, from_us, to_us)

    def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """Fills and ends of orders with a cursor above ``after``, at most 1,000 at once."""
        with self._store.reading() as db:
            rows = db.rows(
                f"SELECT {UPDATE_COLUMNS} FROM updates u JOIN orders o ON o.row = u.order_row "  # noqa: S608  constant text
                "WHERE u.cursor > ? ORDER BY u.cursor LIMIT ?",
                after,
                max(0, min(limit, UPDATES_MAX)),
            )
        return [broker_update(row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _fault(
        self, db: Database, order: BrokerOrder, worth: Worth | None, at_us: int, without: str
    ) -> str | None:
        """Why the order cannot be taken; the order ``without`` counts as gone already."""
        terms = self._accounts.get(order.account)
        if terms is None:
            return UNKNOWN_ACCOUNT
        quote = self._feed.quote(order.symbol, at_us)
        scale = self._scales.get(order.symbol)
        fault = form_fault(order, quote, scale, self._config, worth or PLAIN)
        if fault is not None or quote is None:
            return fault
        if worth is None:
            return NO_RATE
        if order.expires_us is not None and order.expires_us <= at_us:
            return INVALID_ORDER
        restricted = short_restricted(self._feed, order.symbol, at_us)
        fault = terms_fault(order, quote, self._config, worth, short_restricted=restricted)
        if fault is not None:
            return fault
        holdings = _holdings(db, order.account, terms, without)
        symbols = {order.symbol, *holdings.positions}
        symbols.update(held.order.symbol for held in holdings.open_orders)
        quotes = {symbol: self._feed.quote(symbol, at_us) for symbol in symbols}
        marks: dict[str, Quote] = {s: q for s, q in quotes.items() if q is not None}
        worths = {symbol: self._worth(symbol, at_us) for symbol in symbols}
        return funds_fault(order, holdings, marks, self._config, worths)

    def _keep(
        self,
        db: Database,
        order: BrokerOrder,
        worth: Worth,
        content: str,
        at: Arrival,
        fault: str | None,
    ) -> Accepted | Rejected:
        eligible_us = at.market_us + latency_us(order.broker_client_id, self._config)
        values = asdict(order)
        marks = ", ".join("?" * (len(values) + 8))
        row = db.row(
            f"INSERT INTO orders ({ORDER_COLUMNS}, "  # noqa: S608  constant text
            "multiplier, rate_e8, content, accepted_us, placed_us, eligible_us, status, code) "
            f"VALUES ({marks}) RETURNING row",
            *values.values(),
            worth.multiplier,
            worth.rate_e8,
            content,
            at.market_us,
            at.wall_us,
            eligible_us,
            "ACKNOWLEDGED" if fault is None else "REJECTED",
            fault or _NONE,
        )
        assert row is not None
        return Accepted(order_name(whole(row[0]))) if fault is None else Rejected(fault)


def _end(db: Database, broker_client_id: str, status: str, wall_us: int) -> int:
    """End an order that works; returns how many updates that made."""
    row = db.row(
        f"UPDATE orders SET status = ? WHERE broker_client_id = ? AND {OPEN} RETURNING row",  # noqa: S608  constant text
        status,
        broker_client_id,
    )
    if row is None:
        return 0
    db.rows(
        "INSERT INTO updates (order_row, status, code, told_us) VALUES (?, ?, ?, ?)",
        row[0],
        status,
        _NONE,
        wall_us,
    )
    return 1


def _known(db: Database, account: str) -> int:
    """The cash of an account.

    Raises:
        NotFoundError: ``broker-account-unknown``.
    """
    cash = db.row("SELECT cash_micros FROM accounts WHERE account = ?", account)
    if cash is None:
        raise NotFoundError(
            "broker-account-unknown",
            f"the simulator has no account {account}",
            "name a configured account",
        )
    return whole(cash[0])


def _holdings(db: Database, account: str, terms: AccountTerms, without: str) -> Holdings:
    cash_micros = _known(db, account)
    open_orders = tuple(
        OpenOrder(held.order, held.leaves_qty, held.fee_micros, held.worth)
        for held in resting(db, "account = ? AND broker_client_id <> ?", account, without)
    )
    return Holdings(terms, cash_micros, _positions(db, account), open_orders)


def _positions(db: Database, account: str) -> dict[str, tuple[int, int]]:
    rows = db.rows(
        "SELECT symbol, qty, qty_decimals FROM positions WHERE account = ? ORDER BY symbol",
        account,
    )
    return {str(symbol): (whole(qty), whole(decimals)) for symbol, qty, decimals in rows}


def _scales(db: Database) -> dict[str, int]:
    """The quantity scale of each symbol that was ever ordered here."""
    rows = db.rows("SELECT DISTINCT symbol, qty_decimals FROM orders WHERE status <> 'REJECTED'")
    return {str(symbol): whole(decimals) for symbol, decimals in rows}


def _matched_us(db: Database) -> int:
    """The market time up to which every quote has been traded."""
    row = db.row("SELECT value FROM meta WHERE name = 'matched_us'")
    assert row is not None
    return whole(row[0])


def _last_cursor(db: Database) -> int:
    row = db.row("SELECT coalesce(max(cursor), 0) FROM updates")
    assert row is not None
    return whole(row[0])
