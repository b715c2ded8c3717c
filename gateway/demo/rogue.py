"""A rogue client: labelled, in a process of its own, and after every limit the rule never meets.

Run as ``python -m gateway.demo.rogue`` with ``WRIT_URL`` and ``WRIT_API_KEY``. Each line on
standard input names an act, ``{"session": "2015-02-11", "act": "too-many"}``; the rogue posts the
act's orders and answers with one line: how many it posted, how many were denied, and which ones
did not get the answer that the act is there to provoke. Like the strategy it holds a key that can
read and propose, and knows nothing of the gateway but its HTTP interface.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from http import HTTPStatus
from typing import Any, Final

import httpx2

CENT: Final = Decimal("0.01")
TIMEOUT_S: Final = 30.0
ALLOWED: Final = ""
"""The control that an attempt provokes when it is there to pass, and to make room for the next."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order of an act, and the control that must be among the reasons of its denial."""

    provokes: str
    symbol: str
    dollars: int | None = None
    """Size by worth at the limit price; or ``shares``."""
    shares: int | None = None
    edge: Decimal = Decimal("0.02")
    """How far the limit price lies beyond the touch; negative: a bid or offer that waits."""
    side: str = "buy"
    account: str = "second"
    time_in_force: str = "day"
    also: tuple[str, ...] = ()
    """Further controls that must be among the reasons."""
    strategy: str = "rogue"
    says: tuple[tuple[str, str], ...] = ()
    """Further fields of the order."""


ACTS: Final[Mapping[str, tuple[Attempt, ...]]] = {
    "before-lift": (Attempt("OMEGA-4", "KO", shares=10),),
    "penniless": (Attempt("ACC-01", "KO", shares=10, account="empty", also=("PRM-01",)),),
    "fat-finger": (Attempt("ORD-01", "XOM", shares=25_000),),
    "too-much": (Attempt("ORD-01", "JNJ", dollars=101_000),),
    "too-many": (Attempt("ORD-02", "AMD", shares=20_001),),
    "far-price": (Attempt("ORD-03", "PG", dollars=20_000, edge=Decimal("0.06")),),
    "unlisted": (Attempt("INS-01", "GME", shares=10),),
    "short": (Attempt("SHT-01", "KO", shares=10, side="sell"),),
    "banned": (Attempt("LST-01", "SIRI", shares=10, side="sell_short", also=("SHT-03",)),),
    "unattested": (Attempt("PRV-01", "KO", shares=10, says=(("source_run", "nobodys-run"),)),),
    "hasty": (
        Attempt(ALLOWED, "KO", shares=10, strategy="hasty"),
        Attempt("DUP-01", "KO", shares=10, strategy="hasty"),
        Attempt(ALLOWED, "KO", shares=11, strategy="hasty"),
        Attempt("REP-01", "KO", shares=12, strategy="hasty", also=("MSG-01", "MSG-02")),
    ),
    "stale": (Attempt("MKT-01", "KO", shares=10),),
    "one-share": (
        Attempt(ALLOWED, "AAPL", dollars=92_000, time_in_force="gtc"),
        Attempt("POS-02", "AAPL", dollars=72_000),
    ),
    "one-sector": (Attempt("EXP-03", "MSFT", dollars=92_000),),
    "one-day": (
        Attempt(ALLOWED, "JPM", dollars=92_000, time_in_force="gtc"),
        Attempt(ALLOWED, "HD", dollars=92_000, time_in_force="gtc"),
        Attempt("ACC-03", "UNH", dollars=40_000),
    ),
    "all-in": (
        Attempt(ALLOWED, "XOM", dollars=92_000, time_in_force="gtc"),
        Attempt("EXP-01", "PG", dollars=92_000),
    ),
    "both-sides": (
        Attempt(ALLOWED, "AAPL", shares=10, side="sell", edge=Decimal("-0.02")),
        Attempt("SLF-01", "AAPL", shares=10, edge=Decimal("0.03")),
    ),
    "borrow": (
        Attempt(ALLOWED, "UNH", dollars=98_000, account="third", time_in_force="gtc"),
        Attempt(ALLOWED, "XOM", dollars=98_000, account="third", time_in_force="gtc"),
        Attempt(ALLOWED, "HD", dollars=98_000, account="third", time_in_force="gtc"),
    ),
    "borrow-more": (Attempt("MGN-01", "PG", dollars=98_000, account="third"),),
    "lever": (
        Attempt(ALLOWED, "JPM", dollars=39_000, account="fourth"),
        Attempt(ALLOWED, "HD", dollars=39_000, account="fourth"),
        Attempt(ALLOWED, "PG", dollars=39_000, account="fourth"),
        Attempt("EXP-02", "XOM", dollars=45_000, account="fourth"),
    ),
    "after-a-fall": (Attempt("SHT-04", "AMD", shares=10, side="sell_short"),),
    "wide": (Attempt("MKT-02", "AMD", shares=10),),
    "after-a-leap": (Attempt("ORD-05", "AMD", shares=10),),
    "lowball": tuple(
        Attempt(
            ALLOWED,
            symbol,
            shares=10,
            edge=Decimal("-0.045"),
            account="fourth",
            time_in_force="gtc",
        )
        for symbol in ("JNJ", "KO", "MRK")
    ),
    "while-halted": (
        Attempt("OMEGA-2", "KO", shares=10),
        Attempt("OMEGA-2", "AAPL", shares=10, side="sell"),
    ),
    "losing": (Attempt("ACC-02", "KO", shares=10),),
    "unwell": (Attempt("MOD-04", "KO", shares=10),),
}
"""Every act by name; the sizes fit the demonstration's limits (``gateway/demo/policy``)."""


def limit_price(side: str, touch: Decimal, edge: Decimal) -> Decimal:
    """A price ``edge`` beyond the touch for this side, on the cent, rounded to pay less."""
    if side == "buy":
        return (touch * (1 + edge)).quantize(CENT, ROUND_DOWN)
    return (touch * (1 - edge)).quantize(CENT, ROUND_CEILING)


@dataclass(frozen=True, slots=True)
class Rogue:
    """Posts acts."""

    http: httpx2.Client

    def perform(self, session: str, act: str) -> dict[str, Any]:
        """Post an act's orders one after the other."""
        denied = 0
        missed: list[str] = []
        for number, attempt in enumerate(ACTS[act]):
            reasons = self._post(attempt, f"rogue-{session}-{act}-{number}")
            denied += reasons is not None
            wanted = {attempt.provokes, *attempt.also} - {ALLOWED}
            if (reasons is None) != (not wanted) or not wanted <= set(reasons or ()):
                said = ", ".join(sorted(wanted)) or "allow"
                missed.append(f"{act} {number}: wanted {said}, {reasons}")
        return {"session": session, "proposed": len(ACTS[act]), "denied": denied, "missed": missed}

    def _post(self, attempt: Attempt, key: str) -> list[str] | None:
        """Propose once; the controls that denied it, or ``None`` if it was allowed."""
        answer = self.http.post(
            "/v1/orders", json=self._ticket(attempt, key), headers={"Idempotency-Key": key}
        )
        if answer.status_code == HTTPStatus.CREATED:
            return None
        if answer.status_code == HTTPStatus.FORBIDDEN and answer.json()["code"] == "order-denied":
            return [reason["control"] for reason in answer.json()["reasons"]]
        raise SystemExit(f"rogue: {answer.status_code} {answer.text}")

    def _ticket(self, attempt: Attempt, key: str) -> dict[str, str]:
        price = limit_price(attempt.side, self._touch(attempt), attempt.edge)
        if attempt.dollars is None:
            qty = attempt.shares or 0
        else:
            qty = int((attempt.dollars / price).to_integral_value(ROUND_DOWN))
        return {
            "account": attempt.account,
            "symbol": attempt.symbol,
            "side": attempt.side,
            "type": "limit",
            "time_in_force": attempt.time_in_force,
            "qty": str(qty),
            "limit_price": str(price),
            "client_order_id": key,
            "strategy_id": attempt.strategy,
            **dict(attempt.says),
        }

    def _touch(self, attempt: Attempt) -> Decimal:
        """The price on the other side of the book; 10 where there is none to be seen."""
        answer = self.http.get("/v1/market/quotes", params={"symbol": attempt.symbol})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return Decimal(10)
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"rogue: {answer.status_code} {answer.text}")
        return Decimal(answer.json()["ask" if attempt.side == "buy" else "bid"])


def main() -> None:
    """Perform acts until standard input ends."""
    with httpx2.Client(
        base_url=os.environ["WRIT_URL"],
        headers={"Authorization": f"Bearer {os.environ['WRIT_API_KEY']}"},
        timeout=TIMEOUT_S,
        trust_env=False,
    ) as http:
        rogue = Rogue(http)
        for line in sys.stdin:
            bell = json.loads(line)
            answer = rogue.perform(str(bell["session"]), str(bell["act"]))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
