"""The orders that are sent: a fixed list, two thirds of it meant to be allowed.

The accounts, limits, prices and instruments are those of the demonstration; its limits are none
of them zero, so that every control is evaluated for every order and most orders pass them all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from gateway.market.historical import shipped_feed

SYMBOLS: Final = ("AAPL", "BAC", "CVX", "GE", "HD", "JNJ", "KO", "MSFT", "PG", "WMT")
"""Ten, of seven sectors: fewer than the positions that an account may hold."""
ACCOUNTS: Final = tuple(f"account-{number:02}" for number in range(16))
OPENING_CASH: Final = "400000"
SESSION: Final = "2015-01-05"
MARKET_START: Final = f"{SESSION}T15:31:00-05:00"
"""A minute after the quotes of the second session, so that every quote is fresh."""
ORDERS: Final = 4_000
"""The length of the list; a run that needs more begins again, with new keys."""

_SEED: Final = 20150105
_CENT: Final = Decimal("0.01")
_KINDS: Final = ("fair",) * 8 + ("far", "large", "short", "unlisted")


def orders(count: int = ORDERS) -> Iterator[dict[str, Any]]:
    """Order tickets, the same ones each time."""
    rng = random.Random(_SEED)
    prices = _closes()
    for _ in range(count):
        kind, symbol = rng.choice(_KINDS), rng.choice(SYMBOLS)
        reach = Decimal("1.20") if kind == "far" else Decimal("1.005")
        yield {
            "account": rng.choice(ACCOUNTS),
            "symbol": "GME" if kind == "unlisted" else symbol,
            "side": "sell" if kind == "short" else "buy",
            "type": "limit",
            "time_in_force": "day",
            "qty": str(15_000 if kind == "large" else rng.randint(1, 3)),
            "limit_price": str((prices[symbol] * reach).quantize(_CENT)),
            "strategy_id": f"strategy-{rng.randint(1, 4)}",
        }


def write_orders(path: Path, count: int = ORDERS) -> Path:
    """The list as a file for the load generator, one body a line."""
    return write_lines(path, (json.dumps(order).encode() for order in orders(count)))


def write_lines(path: Path, lines: Iterator[bytes]) -> Path:
    """Write bodies for the load generator."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def accounts() -> dict[str, dict[str, str]]:
    """What a gateway is configured with: simulated accounts with cash and nothing else."""
    return {alias: {"broker": "simulator", "opening_cash": OPENING_CASH} for alias in ACCOUNTS}


def _closes() -> dict[str, Decimal]:
    feed = shipped_feed()
    at_us = dict(feed.sessions())[SESSION]
    found: dict[str, Decimal] = {}
    for symbol in SYMBOLS:
        quote = feed.quote(symbol, at_us)
        assert quote is not None, f"{symbol} has a price on {SESSION}"
        found[symbol] = Decimal(quote.last).scaleb(-quote.price_decimals)
    return found
