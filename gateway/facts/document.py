"""The input document: everything a decision is a function of, in exact integers.

A fact that cannot be had, or does not fit below 2**53, is absent; nothing stands in for it. The
document carries a fresh random salt, so that its digest in the log tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.domain.book import NONE, AccountBook, Book
from gateway.domain.fact import VOLATILITY
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order
from gateway.domain.permission import Route
from gateway.domain.quantities import (
    INT_LIMIT,
)
from gateway.domain.venue import VenueTerms
from gateway.facts.account import (
    Holding,
    account_facts,
    equity_micros,
    halt_facts,
    holdings,
)
from gateway.facts.activity import activity_facts
from gateway.facts.caps import caps_facts
from gateway.facts.collar import price_deviation_bps, window_facts, worst_price
from gateway.facts.control import control_facts
from gateway.facts.doubt import doubt_facts
from gateway.facts.exits import exit_facts, remaining, replaced_facts, without_replaced
from gateway.facts.instruments import instrument_facts
from gateway.facts.market import Market, hours_facts, market_facts
from gateway.facts.model import higher_volatility_e4, model_facts
from gateway.facts.order import order_facts, with_share
from gateway.facts.override import override_facts
from gateway.facts.permission import Permitted, overlay_facts
from gateway.facts.portfolio import counting_price, projected_facts
from gateway.facts.provenance import Runs, provenance_facts
from gateway.facts.rates import Conversions, currencies_of
from gateway.facts.valuation import Valuation
from gateway.facts.venue import venue_facts
from gateway.ports import (
    Clock,
    Entropy,
    MarketFeed,
    ModelHealth,
    Permits,
    PushedReadings,
    Quotes,
    Rates,
    SignedLimits,
    Venue,
)
from signing.keys import Vkey
from signing.trusted import TrustedKeys

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant: what every order of a turn is decided as of, read once for all of them.

    Nothing of it may be kept across an await: what it was read from goes on.
    """

    valuation: Valuation
    wall_us: int
    session: str
    equities: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    """Account alias -> equity, as far as anybody has asked."""

    @property
    def market(self) -> Market:
        """The market as of this instant."""
        return self.valuation.market


@dataclass(frozen=True, slots=True)
class Facts:
    """All sources of facts, behind one call for an order and one for halts."""

    book: Callable[[], Book]
    feed: MarketFeed | None
    clock: Clock
    entropy: Entropy
    instruments: Mapping[str, Instrument]
    limits: SignedLimits
    """What a fact may depend on: the collar bounds what a market order may reach."""
    caps: Mapping[str, int] = field(default_factory=dict[str, int])
    """The operator's caps by the limit that each tightens (``gateway.facts.caps``)."""
    pushed: PushedReadings | None = None
    """What services upstream have said."""
    health: ModelHealth | None = None
    """The stated model, for what nobody has pushed."""

    secondary: Quotes | None = None
    """Quotes for when the feed has none, or none that is young enough."""
    venues: Mapping[str, Venue] = field(default_factory=dict[str, "Venue"])
    """By account alias: who says which orders it takes."""
    base_currency: str = "USD"
    """The currency that all money is counted in: the release's."""
    rates: Rates | None = None
    """What other currencies are worth in it."""
    runs: Callable[[], Runs] = Runs
    """Which runs are attested, as the files said a second ago."""
    officers: Callable[[], TrustedKeys] = TrustedKeys
    """Whose overrides count."""
    log: Vkey | None = None
    """This gateway's log, which an override has to name."""
    permits: Permits | None = None
    """What officers permit; ``None``: nothing, which RESEARCH and SIMULATION do not need."""
    routes: Mapping[str, Route] = field(default_factory=dict[str, "Route"])
    """By account alias: where its orders go."""

    def market(self) -> Market:
        """The market as of now."""
        age_max_ms = self.limits.strictest("quote_age_max_ms")
        return Market(self.feed, self.clock.market_us(), self.secondary, age_max_ms)

    def session(self, market_us: int) -> str:
        """The session that an instant belongs to; the date where no calendar tells."""
        if self.feed is not None:
            return self.feed.trading_day(market_us) or self.feed.session(market_us)
        return datetime.fromtimestamp(market_us // 1_000_000, UTC).date().isoformat()

    def trading_day(self, market_us: int) -> str | None:
        """As :meth:`session`; ``None`` while it is not known when the market trades."""
        return self.session(market_us) if self.feed is None else self.feed.trading_day(market_us)

    def moment(self) -> Moment:
        """The present instant."""
        valuation = self._valuation(self.market())
        return Moment(valuation, self.clock.wall_us(), self.session(valuation.market.now_us))

    def _valuation(self, market: Market) -> Valuation:
        conversions = Conversions(self.rates, self.base_currency, market.now_us)
        return Valuation(market, self.instruments, conversions)

    def gather(self, order: Order, decision_id: str, moment: Moment) -> dict[str, Any]:
        """The input document of one order, the book's working orders included.

        An order that replaces another one is counted in the place of that one, with what that
        one leaves to fill.
        """
        replaced, left = replaced_facts(order, self.book()), remaining(order, self.book())
        with without_replaced(order, self.book()):
            return self._gather(left, replaced, decision_id, moment)

    def _gather(
        self, order: Order, replaced: dict[str, Any] | None, decision_id: str, moment: Moment
    ) -> dict[str, Any]:
        book, valuation, market = self.book(), moment.valuation, moment.market
        instrument = self.instruments.get(order.symbol)
        sourced = market.sourced(order.symbol, order.price_decimals)
        quote = sourced.quote if sourced else None
        account = book.accounts.get(order.account)
        equity = self._equity_micros(account, moment, order.symbol) if account else None
        worst = worst_price(order, quote, instrument, self._collar_max_bps(order))
        price = counting_price(order.side, worst, quote.high if quote else None)
        projected = projected_facts(order, price, account, equity, valuation)
        worth = valuation.worth(order.symbol)
        ordered = with_share(order_facts(order, worst, price, worth), equity)
        sections = {
            "order": ordered
            | {"price_deviation_bps": price_deviation_bps(order, quote, worst)}
            | window_facts(worst, market.before(order.symbol, order.price_decimals)),
            "instrument": instrument_facts(instrument),
            "account": account_facts(
                account, equity, moment.session, projected and projected.standing_gross_micros
            ),
            "market": market_facts(sourced, market.now_us),
            "hours": hours_facts(market.hours(order.symbol), market.now_us),
            "venue": venue_facts(self._terms(order), order, market.now_us),
            "projected": (projected.facts if projected else {}) | exit_facts(order, account)
            or None,
            "replaced": replaced,
            "doubt": doubt_facts(order, book),
            "rates": valuation.conversions.facts(
                currencies_of(order.symbol, account, self.instruments)
            ),
            "model": model_facts(self.pushed, self.health, market.now_us),
            "provenance": provenance_facts(order, self.runs()),
            "override": override_facts(order, self.officers(), self.log, book, moment.wall_us),
            "control": control_facts(book, order, moment.wall_us),
            "activity": activity_facts(book, order, worst, quote, market.now_us),
        } | self._permitted(order, ordered["notional_micros"], moment.wall_us)
        return self._head(order, decision_id, moment) | {
            name: _present(section) for name, section in sections.items() if section is not None
        }

    def bare(self, order: Order, decision_id: str) -> dict[str, Any]:
        """The document when a source of facts failed: the order alone, which proves nothing."""
        now_us, wall_us = self.clock.market_us(), self.clock.wall_us()
        moment = Moment(self._valuation(Market(None, now_us)), wall_us, self.session(now_us))
        return self._head(order, decision_id, moment) | {
            "order": _present(order_facts(order, None, None, None)),
            "rates": {},
            "control": control_facts(self.book(), order, wall_us),
            "caps": caps_facts(self.caps),
            "overlay": overlay_facts(order, ()),
            "permission": _present(Permitted().facts(order, None, self.book(), wall_us)),
        }

    def _permitted(
        self, order: Order, notional_micros: int | None, wall_us: int
    ) -> dict[str, dict[str, Any]]:
        """The sections that speak of what people permit and cap at this wall time."""
        permitted = Permitted(self.permits, self.routes)
        overlays = permitted.overlays(wall_us)
        return {
            "caps": caps_facts(self.caps, overlays),
            "overlay": overlay_facts(order, overlays),
            "permission": permitted.facts(order, notional_micros, self.book(), wall_us),
        }

    def _collar_max_bps(self, order: Order) -> int:
        return self.limits.strictest(
            "price_collar_max_bps",
            account=order.account,
            strategy=order.strategy_id or NONE,
            symbol=order.symbol,
        )

    def _terms(self, order: Order) -> VenueTerms | None:
        venue = self.venues.get(order.account)
        return venue.terms(order.account, order.symbol) if venue else None

    def _equity_micros(self, account: AccountBook, moment: Moment, traded: str) -> int | None:
        """The equity that an order is decided on: not known while anything else is priced late.

        How old the traded symbol's own quote may be is for the policy to say.
        """
        counted = {*account.positions, *(worked for worked, _, _ in account.reservations)}
        others = (self.instruments.get(symbol) for symbol in counted - {traded})
        if not all(one and moment.market.young(one.symbol, one.price_decimals) for one in others):
            return None
        if account.alias not in moment.equities:
            moment.equities[account.alias] = equity_micros(account, moment.valuation)
        return moment.equities[account.alias]

    def equity_micros(self, account: AccountBook) -> int | None:
        """The account's equity at the market as of now."""
        return equity_micros(account, self._valuation(self.market()))

    def holdings(self, account: AccountBook) -> list[Holding]:
        """What the account holds, at the market as of now."""
        return holdings(account, self._valuation(self.market()))

    def halt_document(self, *, known_only: bool = False) -> dict[str, Any]:
        """The input of the release's second query: is a halt due?

        With ``known_only`` it asks that nothing be made of an account that cannot be valued.
        Whether anybody has spoken of volatility since the start is said too: before that its
        absence is no halt, since no order that needs it was allowed either.
        """
        now_us = self.clock.market_us()
        index_e4 = self.feed.volatility_index_e4(now_us) if self.feed else None
        volatility = higher_volatility_e4(index_e4, self.pushed, now_us)
        # A feed in real time tells of no volatility: it is pushed there.
        told = self.health is not None or bool(self.pushed and self.pushed.pushed(VOLATILITY))
        return {
            "known_only": known_only,
            "market": _present({"volatility_told": told, "volatility_index_e4": volatility}),
            "accounts": {
                alias: _present(halt_facts(account, self.equity_micros(account)))
                for alias, account in self.book().accounts.items()
            },
        }

    def _head(self, order: Order, decision_id: str, moment: Moment) -> dict[str, Any]:
        return {
            "v": 2,
            "salt": self.entropy.token(SALT_BYTES).hex(),
            "ids": {
                "decision_id": decision_id,
                "order_id": order.order_id,
                "client_order_id": order.client_order_id or NONE,
                "principal": order.principal,
                "source_signal_id": order.source_signal_id or NONE,
            },
            "time": {
                "wall_us": moment.wall_us,
                "market_us": moment.market.now_us,
                "session": moment.session,
            },
        }


def _present(section: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what is unknown and what no document may carry."""
    return {
        name: value
        for name, value in section.items()
        if value is not None and (type(value) is not int or -INT_LIMIT < value < INT_LIMIT)
    }
