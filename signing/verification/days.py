"""The days of accounts: what a day is said to have come to must follow from the entries before."""

from __future__ import annotations

from dataclasses import dataclass

from signing.canonical import JsonObject


@dataclass(slots=True)
class _Day:
    """The day of an account that is open, in micros of the base currency."""

    session: str
    equity_micros: int
    fees_micros: int = 0
    paid_in_micros: int = 0
    """What corrections of cash alone moved: payments."""


class DayCheck:
    """Follows fees and payments of each account from one opening of a day to the next."""

    def __init__(self) -> None:
        self._days: dict[str, _Day] = {}
        # Account -> the reconciliation that last corrected its positions.
        self._repositioned: dict[str, str] = {}

    def take(self, kind: str, payload: JsonObject) -> str | None:
        """Follow one entry; tells what contradicts the entries before it, or ``None``."""
        account = payload.get("account")
        day = self._days.get(account) if isinstance(account, str) else None
        if kind == "day":
            return self._open(payload, day)
        if kind == "correction":
            self._correct(payload, day)
        elif day is not None and kind == "execution":
            day.fees_micros += payload["fee_micros"]
        elif day is not None and kind == "trade-correction":
            day.fees_micros += payload["fee_change_micros"]
        return None

    def _open(self, payload: JsonObject, before: _Day | None) -> str | None:
        session, equity_micros = payload["session"], payload["equity_micros"]
        self._days[payload["account"]] = _Day(session, equity_micros)
        closed = payload.get("closed")
        if closed is None:
            return None
        if before is None or closed["session"] != before.session or before.session >= session:
            return f"no day {closed['session']} of the account ends there"
        profit_micros = equity_micros - before.equity_micros - before.paid_in_micros
        found = (closed["equity_micros"], closed["profit_micros"], closed["fees_micros"])
        if found != (equity_micros, profit_micros, before.fees_micros):
            return "the day that ends there came to something else"
        return None

    def _correct(self, payload: JsonObject, day: _Day | None) -> None:
        """Cash that goes with positions corrected by the same reconciliation is a trade's."""
        account, reconciliation_id = payload["account"], payload["reconciliation_id"]
        cash, positions = payload["cash"], payload["positions"]
        if cash == "none":
            if positions:
                self._repositioned[account] = reconciliation_id
            return
        of_trade = reconciliation_id == self._repositioned.get(account) != "none"
        if day is not None and not positions and not of_trade:
            day.paid_in_micros += cash["after_micros"] - cash["before_micros"]
