"""Reading the feed's CSV files: strict, exact, and refused whole at the first odd byte."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from gateway.domain.errors import InvalidInputError
from gateway.market.exchange import regular_hours
from gateway.market.spread import PRICE_DECIMALS

QUOTE_BEFORE_CLOSE_US: Final = timedelta(minutes=30) // timedelta.resolution
"""How long before the end of its session a close counts as known."""

SIZE_MAX_BYTES: Final = 64 * 2**20
ROWS_MIN: Final = 2  # the header and one session
ROWS_MAX: Final = 50_000
COLUMNS_MAX: Final = 2_000
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PRICE = re.compile(r"(?:0|[1-9][0-9]{0,7})(?:\.[0-9]{1,4})?")
_SESSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,15}")


@dataclass(frozen=True, slots=True)
class Series:
    """One column: for each session that has a value, its date, quote instant and value.

    Values are integers in units of 0.0001; instants are UTC microseconds, strictly ascending.
    """

    sessions: tuple[str, ...]
    at_us: tuple[int, ...]
    values_e4: tuple[int, ...]


def quote_us(session: str) -> int:
    """The instant of a session's quote in UTC microseconds, half an hour before its close.

    That is 15:30 in New York, summer or winter, and 12:30 on a half-day.
    """
    return regular_hours(session).closes_us - QUOTE_BEFORE_CLOSE_US


def read_series(source: Path | Traversable) -> dict[str, Series]:
    """Read a wide CSV file, plain or gzip: ``session`` and one column for each symbol.

    Sessions ascend strictly; a value is a positive plain decimal with at most four decimals; an
    empty cell means that the session has no value for the symbol.

    Raises:
        InvalidInputError: ``market-data-invalid``, naming the line.
    """
    try:
        rows = list(csv.reader(io.StringIO(_text(source), newline=""), strict=True))
    except csv.Error:
        raise _invalid(source, 1, "the file is not CSV") from None
    if not ROWS_MIN <= len(rows) <= ROWS_MAX:
        raise _invalid(source, 1, "the number of rows is out of bounds")
    symbols = _header(source, rows[0])
    columns: list[list[tuple[str, int, int]]] = [[] for _ in symbols]
    previous = ""
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(symbols) + 1:
            raise _invalid(source, number, "the number of columns differs from the header")
        session = _session(source, number, row[0], previous)
        instant = quote_us(session)
        for column, text in zip(columns, row[1:], strict=True):
            if text:
                column.append((session, instant, _value_e4(source, number, text)))
        previous = session
    return {symbol: _series(column) for symbol, column in zip(symbols, columns, strict=True)}


def _text(source: Path | Traversable) -> str:
    data = source.read_bytes()
    if data.startswith(_GZIP_MAGIC):
        try:
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(SIZE_MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise _invalid(source, 1, "the file is damaged gzip") from None
    if len(data) > SIZE_MAX_BYTES:
        raise _invalid(source, 1, "the file is too large")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise _invalid(source, 1, "the file is not plain ASCII") from None


def _header(source: Path | Traversable, row: Sequence[str]) -> list[str]:
    symbols = list(row[1:])
    if row[:1] != ["session"] or not 1 <= len(symbols) <= COLUMNS_MAX:
        raise _invalid(source, 1, "the header is not `session` and at least one symbol")
    if len(set(symbols)) < len(symbols) or not all(map(_SYMBOL.fullmatch, symbols)):
        raise _invalid(source, 1, "a symbol is malformed or named twice")
    return symbols


def _session(source: Path | Traversable, number: int, text: str, previous: str) -> str:
    if _SESSION.fullmatch(text) is None:
        raise _invalid(source, number, "the session is not YYYY-MM-DD")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise _invalid(source, number, "the session is no date") from None
    if text <= previous:
        raise _invalid(source, number, "sessions do not ascend")
    return text


def _value_e4(source: Path | Traversable, number: int, text: str) -> int:
    if _PRICE.fullmatch(text) is None:
        raise _invalid(source, number, "a value is not a plain decimal with up to four decimals")
    whole, _, fraction = text.partition(".")
    value = int(whole + fraction.ljust(PRICE_DECIMALS, "0"))
    if value == 0:
        raise _invalid(source, number, "a value is zero")
    return value


def _series(column: Sequence[tuple[str, int, int]]) -> Series:
    return Series(
        tuple(session for session, _, _ in column),
        tuple(at_us for _, at_us, _ in column),
        tuple(value for _, _, value in column),
    )


def _invalid(source: Path | Traversable, number: int, what: str) -> InvalidInputError:
    return InvalidInputError(
        "market-data-invalid",
        f"{source.name}, line {number}: {what}",
        "give a CSV file as described in gateway/market/data/SOURCE.md",
    )
