"""Order tickets as callers send them, and inputs that no door may take."""

from __future__ import annotations

from typing import Any, Final

TICKET: Final[dict[str, Any]] = {
    "account": "primary",
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "qty": "10",
    "limit_price": "109.30",
}
"""A plain limit order."""

BAD_NUMBERS: Final[dict[str, Any]] = {
    "NaN": "NaN",
    "sNaN": "sNaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "huge exponent": "1e999999",
    "tiny exponent": "1e-999999",
    "minus zero": "-0",
    "zero": "0",
    "zero with decimals": "0.000",
    "negative": "-1",
    "float noise": "0.1000000000000000055511151231257827",
    "5,000 digits": "9" * 5_000,
    "JSON number": 10,
    "JSON fraction": 10.5,
    "bool": True,
    "null": None,
    "underscore": "1_000",
    "padding": " 10 ",
    "line break": "10\n",
    "plus": "+10",
    "leading zero": "010",
    "no whole part": ".5",
    "no fraction": "5.",
    "comma": "1,5",
    "Arabic digits": "١٠",
    "fullwidth digits": "１０",
    "NUL": "1\x000",
    "lone surrogate": "\ud800",
    "above 2^53": "9007199254740992",
    "empty": "",
    "list": ["10"],
    "object": {"value": "10"},
}
"""What is no quantity and no price, by name."""

BAD_SYMBOLS: Final[dict[str, Any]] = {
    "Cyrillic look-alike": "ААPL",
    "fullwidth": "ＡＡＰＬ",
    "lower case": "aapl",
    "line break": "AAPL\n",
    "NUL": "AA\x00PL",
    "lone surrogate": "AAPL\ud800",
    "right-to-left mark": "AAPL\u202e",
    "combining mark": "AAPL\u0301",
    "too long": "A" * 21,
    "empty": "",
    "path": "../AAPL",
    "blank": "AA PL",
    "number": 5,
    "null": None,
}
"""What is no symbol, by name."""
