"""What a field of a log entry may hold, for every kind that has such a field."""

from __future__ import annotations

from typing import Final

from signing.shapes import Rule, integer, many, record, text, word

Fields = dict[str, tuple[dict[str, Rule], dict[str, Rule]]]
"""Kind -> the fields that it must have, and those that it may have."""

MODES: Final = ("RESEARCH", "SIMULATION", "PAPER", "LIVE")
"""The modes of operation, in rising order of risk."""
OUTSIDE: Final = ("PAPER", "LIVE")
"""Those in which orders leave the gateway, and which need a manifest."""

TIME: Final = integer(0)
COUNT: Final = integer(0)
AMOUNT: Final = integer()
POSITIVE: Final = integer(1)
DECIMALS: Final = integer(0, 18)
HEX: Final = text(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")
ID: Final = text(r"[A-Za-z0-9_.:-]{1,64}", "an id of at most 64 of A-Z a-z 0-9 _ . : -")
CLIENT_ID: Final = text(r"[A-Za-z0-9_.:-]{1,128}", "a caller's id of at most 128 characters")
BROKER_ID: Final = text(r"[A-Za-z0-9_-]{1,36}", "an id of at most 36 of A-Z a-z 0-9 _ -")
CODE: Final = text(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}", "a code")
SYMBOL: Final = text(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,31}", "a symbol")
REASON: Final = text(
    r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}", "a line of at most 200 characters"
)
SESSION: Final = text(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a day YYYY-MM-DD")
CONTROLS: Final = many(CODE, 256)
SCOPE: Final = text(r"\*|[A-Za-z0-9._/:-]{1,64}", "a name in scope, or *")
HALT_SCOPE: Final = record(
    {"kind": word({"global", "account", "symbol", "strategy"}), "name": SCOPE}
)
