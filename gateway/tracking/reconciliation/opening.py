"""What an account holds when the gateway first sees it, in as many entries as that takes."""

from __future__ import annotations

from itertools import islice
from typing import Final

from gateway.domain.book import NONE
from gateway.domain.execution import BrokerStatement
from gateway.ports import Draft
from gateway.tracking.reconciliation.corrections import correction_drafts
from gateway.tracking.reconciliation.rows import Correction

OPENING_POSITION: Final = "OPENING_POSITION"
"""Cause of a correction: a position that the account's statement had no room for."""
STATED_AT_ONCE: Final = 500
"""Positions of one statement: with the longest names and numbers, five sixths of an entry."""


def opening_drafts(statement: BrokerStatement, broker: str, by: str) -> list[Draft]:
    """The account's statement, and a correction for every few hundred positions beyond its room.

    Args:
        statement: what the broker says.
        broker: its name.
        by: who configured the account.
    """
    held = iter(statement.positions.items())
    stated = Draft(
        "statement",
        {
            "account": statement.account,
            "broker": broker,
            "cash_micros": statement.cash_micros,
            "positions": {
                symbol: {"qty": qty, "qty_decimals": decimals}
                for symbol, (qty, decimals) in islice(held, STATED_AT_ONCE)
            },
            "source": "broker",
        },
    )
    more = [
        Correction(OPENING_POSITION, symbol, 0, qty, decimals) for symbol, (qty, decimals) in held
    ]
    return [stated, *correction_drafts(statement.account, broker, NONE, more, by)]
