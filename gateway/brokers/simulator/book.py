"""The simulated broker itself: takes orders, trades quotes, keeps cash and positions.

Everything it answers it reads from its own file (``store``); it is never rebuilt from the log,
just as a real broker would not be. Calls block on disk and belong on a worker thread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gateway.brokers.contract import AccountTerms, WorthAt, plain
from gateway.brokers.simulator.admission import (
    DUPLICATE,
    NO_RATE,
    UNKNOWN_ACCOUNT,
    Holdings,
    OpenOrder,
    form_fault,
    funds_fault,
    terms_fault,
)
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.pricing import latency_us
from gateway.brokers.simulator.rows import ORDER_COLUMNS, UPDATE_COLUMNS, broker_update, whole
from gateway.brokers.simulator.session import trade_until
from gateway.brokers.simulator.store import Database, Store, resting
from gateway.brokers.simulator.terms import short_restricted, stated_terms
from gateway.domain.errors import NotFoundError
from gateway.domain.execution import (
    Accepted,
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

    def accept(self, order: BrokerOrder, market_us: int) -> Accepted | Rejected:
        """Take or refuse an order for good; the same order again gets the same answer.

        ``market_us`` is when it arrives. A refusal is kept too, so that whoever lost the answer
        can ask for it.
        """
        content = _content(order)
        with self._store.writing() as db:
            known = db.row(
                "SELECT row, content, status, code FROM orders WHERE broker_client_id = ?",
                order.broker_client_id,
            )
            if known is not None:
                row, stored, status, code = known
                if stored != content:
                    return Rejected(DUPLICATE)
                return Rejected(str(code)) if status == "REJECTED" else Accepted(_name(whole(row)))
            at_us = max(market_us, _matched_us(db))
            worth = self._worth(order.symbol, at_us)
            fault = self._fault(db, order, worth, at_us)
            answer = self._keep(db, order, worth or PLAIN, content, at_us, fault)
        if fault is None:
            self._scales.setdefault(order.symbol, order.qty_decimals)
        return answer

    def cancel(self, broker_client_id: str) -> int:
        """Cancel what is left of an order at once; returns how many updates that made."""
        with self._store.writing() as db:
            row = db.row(
                "UPDATE orders SET status = 'CANCELED' WHERE broker_client_id = ? "
                "AND status IN ('ACKNOWLEDGED', 'PARTIALLY_FILLED') RETURNING row",
                broker_client_id,
            )
            if row is None:
                return 0
            db.rows(
                "INSERT INTO updates (order_row, status, code) VALUES (?, 'CANCELED', ?)",
                row[0],
                _NONE,
            )
            return 1

    def trade(self, now_us: int) -> int:
        """Trade every quote up to ``now_us`` once, in order; returns how many updates it made."""
        with self._store.writing() as db:
            before = _last_cursor(db)
            trade_until(db, self._feed, self._config, _matched_us(db), now_us)
            db.rows("UPDATE meta SET value = max(value, ?) WHERE name = 'matched_us'", now_us)
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
            broker_order_id=_name(whole(row)),
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
            cash = db.row("SELECT cash_micros FROM accounts WHERE account = ?", account)
            positions = _positions(db, account)
        if cash is None:
            raise NotFoundError(
                "broker-account-unknown",
                f"the simulator has no account {account}",
                "name a configured account",
            )
        return BrokerStatement(account, whole(cash[0]), positions)

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
        self, db: Database, order: BrokerOrder, worth: Worth | None, at_us: int
    ) -> str | None:
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
        restricted = short_restricted(self._feed, order.symbol, at_us)
        fault = terms_fault(order, quote, self._config, worth, short_restricted=restricted)
        if fault is not None:
            return fault
        holdings = _holdings(db, order.account, terms)
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
        at_us: int,
        fault: str | None,
    ) -> Accepted | Rejected:
        eligible_us = at_us + latency_us(order.broker_client_id, self._config)
        values = asdict(order)
        marks = ", ".join("?" * (len(values) + 7))
        row = db.row(
            f"INSERT INTO orders ({ORDER_COLUMNS}, "  # noqa: S608  constant text
            "multiplier, rate_e8, content, accepted_us, eligible_us, status, code) "
            f"VALUES ({marks}) RETURNING row",
            *values.values(),
            worth.multiplier,
            worth.rate_e8,
            content,
            at_us,
            eligible_us,
            "ACKNOWLEDGED" if fault is None else "REJECTED",
            fault or _NONE,
        )
        assert row is not None
        return Accepted(_name(whole(row[0]))) if fault is None else Rejected(fault)


def _holdings(db: Database, account: str, terms: AccountTerms) -> Holdings:
    cash = db.row("SELECT cash_micros FROM accounts WHERE account = ?", account)
    assert cash is not None
    open_orders = tuple(
        OpenOrder(held.order, held.leaves_qty, held.fee_micros, held.worth)
        for held in resting(db, "account = ?", account)
    )
    return Holdings(terms, whole(cash[0]), _positions(db, account), open_orders)


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


def _name(row: int) -> str:
    """The simulator's own id of an order."""
    return f"sim-{row:08d}"


def _content(order: BrokerOrder) -> str:
    """A digest of everything the order says, to tell a repetition from a second order."""
    text = json.dumps(asdict(order), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
