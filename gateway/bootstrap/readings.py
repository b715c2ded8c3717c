"""The gauges as of now: read from memory; nothing is asked, and nothing is waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gateway.bootstrap.app import App
from gateway.bootstrap.observing import Observer
from gateway.domain.market import FeedSource
from gateway.telemetry.gauges import Reading
from gateway.telemetry.windows import Share

_NS_PER_MS = 1_000_000


def readings(app: App, observer: Observer) -> list[Reading]:
    """Every gauge of the gateway that has a value; those of alerts come beside them."""
    return [
        *_shares(observer),
        *_queues(app),
        *_orders(app, observer),
        *_quotes(app),
        *_ledger(app),
        *_brokers(app, observer),
        *_clock(app),
        Reading("writ_live_open", int(app.permissions.live_open())),
    ]


def ledger_trouble(app: App) -> dict[str, bool]:
    """Why nothing can be recorded, by the word for it."""
    ledger = app.ledger
    return {
        "latched": ledger.latched is not None,
        "full": ledger.full is not None,
        "unreachable": ledger.unreachable is not None,
        "uncertified": ledger.uncertified is not None,
        "lost": app.journal.lost > 0,
    }


def unknown_age_ms(app: App, observer: Observer) -> int | None:
    """How long the oldest outcome in doubt has been waited for."""
    doubtful = app.book().doubtful
    return observer.signs.unknown(each for orders in doubtful.values() for each in orders)


def _shares(observer: Observer) -> Iterator[Reading]:
    for broker, share in observer.metrics.broker_errors.items():
        yield Reading("broker_api_error_rate", _share(share), (broker,))
    yield Reading("signal_rejection_percentage", _share(observer.metrics.denials, 100))


def _share(share: Share, whole: int = 1) -> int | float:
    bad, of = share.counts()
    return whole * bad / of if of else 0


def _queues(app: App) -> Iterator[Reading]:
    depths = {
        "proposals": app.pipeline.queued,
        "sending": app.pipeline.sending,
        "ledger": app.journal.waiting,
        "owed": app.journal.owed,
    }
    for queue, depth in depths.items():
        yield Reading("writ_queue_depth", depth, (queue,))


def _orders(app: App, observer: Observer) -> Iterator[Reading]:
    book = app.book()
    states = Counter(order.status.value for order in book.open_orders())
    for state, count in sorted(states.items()):
        yield Reading("writ_orders_open", count, (state,))
    age_ms = unknown_age_ms(app, observer)
    if age_ms is not None:
        yield Reading("writ_unknown_oldest_age_ms", age_ms)
    for account, times in sorted(observer.signs.without_funds.items()):
        yield Reading("writ_without_funds", times, (account,))
    for cause, count in sorted(Counter(halt.cause for halt in book.halts.values()).items()):
        yield Reading("writ_halts_standing", count, (cause,))


def _quotes(app: App) -> Iterator[Reading]:
    """Of what is held or worked: how old the oldest quote is, and how many have none."""
    if app.market is None:
        return
    accounts, market = app.book().accounts.values(), app.facts.market()
    wanted = {symbol for one in accounts for symbol in one.positions}
    wanted |= {order.symbol for one in accounts for order in one.working.values()}
    ages: list[int] = []
    missing = 0
    for symbol in wanted:
        listed = app.release.instruments.get(symbol)
        quote = listed and market.quote(symbol, listed.price_decimals)
        if quote:
            ages.append(quote.age_ms(market.now_us))
        else:
            missing += 1
    yield Reading("writ_quotes_missing", missing)
    if app.feeds is not None:
        counts = app.feeds.counts()
        for source in FeedSource:
            yield Reading("writ_feed_symbols", counts[source], (source.value,))
    if ages:
        yield Reading("writ_quote_age_max_ms", max(ages))


def _ledger(app: App) -> Iterator[Reading]:
    size = app.ledger.size
    yield Reading("writ_log_entries", size)
    yield Reading("writ_log_unpublished", max(0, size - app.ledger.published_size))
    for why, stands in ledger_trouble(app).items():
        yield Reading("writ_ledger_trouble", int(stands), (why,))


def _brokers(app: App, observer: Observer) -> Iterator[Reading]:
    now_ns, signs = app.clock.monotonic_ns(), observer.signs
    for name, broker in signs.brokers.items():
        if broker.answered_ns is not None:
            age_ms = (now_ns - broker.answered_ns) // _NS_PER_MS
            yield Reading("writ_broker_answer_age_ms", age_ms, (name,))
    for account, at_ns in sorted(signs.reconciled_ns.items()):
        yield Reading("writ_reconciliation_age_ms", (now_ns - at_ns) // _NS_PER_MS, (account,))


def _clock(app: App) -> Iterator[Reading]:
    watch = app.clock_watch
    yield Reading("writ_clock_trouble", int(watch.trouble() is not None))
    if watch.skew_ms is not None:
        yield Reading("writ_clock_skew_ms", watch.skew_ms)
