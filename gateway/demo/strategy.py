"""A strategy service: a process of its own that can read and propose, and nothing else.

Run as ``python -m gateway.demo.strategy`` with ``WRIT_URL`` and ``WRIT_API_KEY``; the module uses
an HTTP client and the standard library, so the file also runs where Writ is not installed. Each
line on standard input is a bell after a session's close, ``{"session": "2015-01-05", "due": 1}``;
the service reads bars, positions and working orders from the gateway, posts up to ``due`` orders
and answers with one line: ``{"session": …, "proposed": …, "denied": …}``. At the end of its
input it ends.

The rule is the variable-length moving average of Brock, Lakonishok and LeBaron, "Simple Technical
Trading Rules and the Stochastic Properties of Stock Returns", Journal of Finance 47 (1992): with
(short, long, band) = (1, 50, 0) be long while the close is above the mean of the last 50 closes,
else be out. They tried it on an index over 90 years; here it is applied to single shares, to have
something to propose. It is no advice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from http import HTTPStatus
from typing import Any, Final

import httpx2

SYMBOLS: Final = (
    *("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"),
    *("LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"),
)
LONG_WINDOW: Final = 50
"""Closes in the long average; the short one is the last close itself."""
MIN_CLOSES: Final = 5
"""In the first weeks of data the average is over the closes there are, but not over fewer."""
STAKE: Final = Decimal(26_000)
"""What one long position should be worth, in the base currency."""
WORTHWHILE: Final = STAKE / 10
"""A smaller difference between target and position is traded only when nothing else is due."""
CHASE: Final = Decimal("1.005")
"""An entry's limit price over the last close: a bid that follows the market a little."""
CENT: Final = Decimal("0.01")
REST_SESSIONS: Final = 20
"""For how many bells a symbol is left alone after a denial: the answer would be the same."""
OPEN_STATES: Final = ("CREATED", "ACKNOWLEDGED", "PARTIALLY_FILLED", "PENDING_CANCEL", "UNKNOWN")
"""Orders in these states may still fill."""
TIMEOUT_S: Final = 30.0


def is_long(closes: Sequence[Decimal]) -> bool | None:
    """What the rule says after the last of ``closes`` (oldest first); ``None``: too few."""
    window = closes[-LONG_WINDOW:]
    if len(window) < MIN_CLOSES:
        return None
    return window[-1] * len(window) > sum(window)


def wanted_qty(closes: Sequence[Decimal]) -> int | None:
    """The whole number of shares that the rule wants to hold; ``None``: it has no opinion."""
    long = is_long(closes)
    if long is None:
        return None
    return int((STAKE / closes[-1]).to_integral_value(ROUND_DOWN)) if long else 0


def ticket(account: str, symbol: str, change: int, close: Decimal, name: str) -> dict[str, str]:
    """The order for a wanted change: entries by limit, exits at the market, for the next day."""
    order = {
        "account": account,
        "symbol": symbol,
        "side": "buy" if change > 0 else "sell",
        "time_in_force": "day",
        "qty": str(abs(change)),
        "client_order_id": name,
        "strategy_id": "vma-1-50-0",
    }
    if change < 0:
        return order | {"type": "market"}
    limit = (close * CHASE).quantize(CENT, ROUND_DOWN)
    return order | {"type": "limit", "limit_price": str(limit)}


@dataclass(slots=True)
class Strategy:
    """Walks through the shares in turn, so that few proposals still reach all of them."""

    http: httpx2.Client
    account: str
    position: int = 0
    """Where in ``SYMBOLS`` the next walk begins."""
    bells: int = 0
    resting: dict[str, int] = field(default_factory=dict[str, int])
    """symbol -> the bell at which it is looked at again."""

    def ring(self, session: str, due: int) -> dict[str, Any]:
        """Look at the market once and post up to ``due`` orders."""
        self.bells += 1
        held = self._held()
        answers: list[bool] = []
        done: set[str] = set()
        for at_least in (WORTHWHILE, Decimal(0)):
            for _ in SYMBOLS:
                if len(answers) == due:
                    break
                symbol = self._next()
                if symbol in done or self.resting.get(symbol, 0) > self.bells:
                    continue
                allowed = self._propose(session, symbol, held.get(symbol, 0), at_least)
                if allowed is not None:
                    answers.append(allowed)
                    done.add(symbol)
        return {"session": session, "proposed": len(answers), "denied": answers.count(False)}

    def _next(self) -> str:
        symbol = SYMBOLS[self.position % len(SYMBOLS)]
        self.position += 1
        return symbol

    def _propose(self, session: str, symbol: str, held: int, at_least: Decimal) -> bool | None:
        """Post the order that the rule asks for; its outcome, or ``None`` if it asks for none."""
        closes = self._closes(symbol)
        wanted = wanted_qty(closes)
        if wanted is None or wanted == held:
            return None
        change = wanted - held
        if abs(change) * closes[-1] < at_least:
            return None
        name = f"vma-{session}-{symbol}"
        allowed = self._post(ticket(self.account, symbol, change, closes[-1], name), name)
        if not allowed:
            self.resting[symbol] = self.bells + REST_SESSIONS
        return allowed

    def _post(self, order: Mapping[str, str], key: str) -> bool:
        """Propose once; True: allowed, False: denied; anything else ends the service."""
        answer = self.http.post("/v1/orders", json=order, headers={"Idempotency-Key": key})
        if answer.status_code == HTTPStatus.CREATED:
            return True
        if answer.status_code == HTTPStatus.FORBIDDEN and answer.json()["code"] == "order-denied":
            return False
        raise SystemExit(f"strategy: {answer.status_code} {answer.text}")

    def _closes(self, symbol: str) -> list[Decimal]:
        bars = self._get("/v1/market/bars", symbol=symbol, limit=LONG_WINDOW)["bars"]
        return [Decimal(bar["close"]) for bar in bars]

    def _held(self) -> dict[str, int]:
        """Shares held, with what working orders would add or take."""
        held = {
            row["symbol"]: int(Decimal(row["qty"]))
            for row in self._get("/v1/positions", account=self.account)["positions"]
        }
        for state in OPEN_STATES:
            for row in self._get("/v1/orders", account=self.account, status=state)["orders"]:
                leaves = int(Decimal(row["leaves_qty"]))
                signed = leaves if row["side"] == "buy" else -leaves
                held[row["symbol"]] = held.get(row["symbol"], 0) + signed
        return held

    def _get(self, path: str, **params: str | int) -> dict[str, Any]:
        answer = self.http.get(path, params=params)
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"strategy: {answer.status_code} {answer.text}")
        return answer.json()


def main() -> None:
    """Serve bells until standard input ends."""
    with httpx2.Client(
        base_url=os.environ["WRIT_URL"],
        headers={"Authorization": f"Bearer {os.environ['WRIT_API_KEY']}"},
        timeout=TIMEOUT_S,
        trust_env=False,
    ) as http:
        strategy = Strategy(http, account=os.environ.get("WRIT_ACCOUNT", "primary"))
        for line in sys.stdin:
            bell = json.loads(line)
            answer = strategy.ring(str(bell["session"]), int(bell["due"]))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
