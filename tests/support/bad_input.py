"""What no door may take, by class, and the proof that a refusal left no trace.

The classes are tables: a test crosses them with every field that it knows. Values are text; a
test decides whether it goes into a string, stands bare as a JSON token, or travels in an address.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from support.doors import Door

NUMBERS: Final[dict[str, str]] = {
    "NaN": "NaN",
    "sNaN": "sNaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "huge exponent": "1e999999",
    "tiny exponent": "1e-999999",
    "minus zero": "-0",
    "negative": "-10",
    "float noise": "10.0000000000000000555111512312578270",
    "5,000 digits": "9" * 5_000,
    "bool": "true",
    "null": "null",
    "underscore": "1_0",
    "padding": " 10 ",
    "plus": "+10",
    "leading zero": "010",
    "exponent": "1e1",
    "hexadecimal": "0x10",
    "comma": "1,0",
    "Arabic digits": "١٠",
    "fullwidth digits": "１０",
    "above 2^53": "9007199254740993",
    "empty": "",
}
"""Texts that are no count and no decimal number, or none that can be held exactly."""

LONG: Final = 10_000
_FULLWIDTH: Final = 0xFEE0


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + _FULLWIDTH) if "!" <= c <= "~" else c for c in text)


def _look_alike(text: str) -> str:
    swapped = text.translate(str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ"))
    return swapped if swapped != text else text + "а"


TEXTS: Final[dict[str, Callable[[str], str]]] = {
    "look-alike": _look_alike,
    "fullwidth": _fullwidth,
    "newline": lambda text: text + "\n",
    "NUL": lambda text: text + "\x00",
    "lone surrogate": lambda text: text + "\ud800",
    "right-to-left": lambda text: "\u202e" + text,
    "combining": lambda text: text + "\u0301",
    "over-long": lambda text: (text * LONG)[:LONG],
    "case": str.swapcase,
    "path": lambda text: "../" + text,
}
"""What is done to a good text to make a bad one."""

DEEP: Final = 30_000


def _root(token: bytes) -> Callable[[dict[str, Any]], bytes]:
    return lambda _body: token


def _again(body: dict[str, Any]) -> bytes:
    name = next(iter(body))
    return _plain(body)[:-1] + b"," + json.dumps(name).encode() + b":" + b'"x"}'


def _plain(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


BODIES: Final[dict[str, tuple[str, Callable[[dict[str, Any]], bytes]]]] = {
    "duplicate key": ("json-duplicate-key", _again),
    "unknown field": ("invalid-unknown-field", lambda b: _plain({**b, "bypass": True})),
    "__proto__": ("invalid-unknown-field", lambda b: _plain({**b, "__proto__": {"allow": True}})),
    "constructor": ("invalid-unknown-field", lambda b: _plain({**b, "constructor": {}})),
    "trailing bytes": ("json-malformed", lambda b: _plain(b) + b"{}"),
    "trailing NUL": ("json-malformed", lambda b: _plain(b) + b"\x00"),
    "byte-order mark": ("json-malformed", lambda b: b"\xef\xbb\xbf" + _plain(b)),
    "UTF-16": ("json-malformed", lambda b: _plain(b).decode().encode("utf-16")),
    "UTF-16 without mark": ("json-malformed", lambda b: _plain(b).decode().encode("utf-16-le")),
    "UTF-32": ("json-malformed", lambda b: _plain(b).decode().encode("utf-32")),
    "bad UTF-8": ("json-malformed", lambda b: _plain(b)[:-1] + b',"a":"\xff"}'),
    "overlong UTF-8": ("json-malformed", lambda b: _plain(b)[:-1] + b',"a":"\xc0\xaf"}'),
    "surrogate in UTF-8": ("json-malformed", lambda b: _plain(b)[:-1] + b',"a":"\xed\xa0\x80"}'),
    "deep array": ("json-too-deep", _root(b"[" * DEEP)),
    "deep object": ("json-too-deep", _root(b'{"a":' * 10_000)),
    "huge string": ("body-too-large", lambda b: _plain({**b, "a": "x" * 70_000})),
    "comment": ("json-malformed", lambda b: b"/* */" + _plain(b)),
    "line comment": ("json-malformed", lambda b: _plain(b) + b"// x"),
    "single quotes": ("json-malformed", lambda b: _plain(b).replace(b'"', b"'")),
    "trailing comma": ("json-malformed", lambda b: _plain(b)[:-1] + b",}"),
    "control character": ("json-malformed", lambda b: _plain(b)[:-1] + b',"a":"\x01"}'),
    "NaN": ("json-malformed", lambda b: _plain(b)[:-1] + b',"a":NaN}'),
    "empty": ("body-empty", _root(b"")),
    "blank": ("body-empty", _root(b" \r\n\t")),
    "array": ("json-not-an-object", _root(b"[]")),
    "string": ("json-not-an-object", _root(b'"x"')),
    "number": ("json-not-an-object", _root(b"1")),
    "huge number": ("json-not-an-object", _root(b"9" * 5_000)),
    "null": ("json-not-an-object", _root(b"null")),
    "true": ("json-not-an-object", _root(b"true")),
    "form": ("json-malformed", _root(b"symbol=AAPL&qty=10")),
}
"""What is done to a good body to make a bad one, and the code of the refusal."""


def tables(database: Path) -> dict[str, tuple[int, str]]:
    """Every table of an SQLite file: how many rows, and the SHA-256 of all of them."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = [
            str(name)
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: _digest(connection, name) for name in sorted(names)}
    finally:
        connection.close()


def _digest(connection: apsw.Connection, table: str) -> tuple[int, str]:
    quoted = table.replace('"', '""')
    rows = sorted(repr(row) for row in connection.execute(f'SELECT * FROM "{quoted}"'))  # noqa: S608  the name comes from the file's own schema
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def files(folder: Path) -> dict[str, str]:
    """Every file under a folder with its mode and the SHA-256 of what is in it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (
            f"{seen.st_mode:o} {hashlib.sha256(data).hexdigest()}"
        )
    return found


def databases(data: Path) -> dict[str, Mapping[str, tuple[int, str]]]:
    """:func:`tables` of every database in a data folder."""
    return {path.name: tables(path) for path in sorted(data.glob("*.db"))}


@asynccontextmanager
async def unchanged(door: Door) -> AsyncGenerator[None]:
    """Whatever the block sends, log and tables of the gateway must not notice."""
    size, before = await door.entries(), databases(door.app.settings.data)
    assert sum(count for table in before.values() for count, _ in table.values()) > 0
    yield
    assert await door.entries() == size
    assert databases(door.app.settings.data) == before


@contextmanager
def untouched(folder: Path) -> Generator[None]:
    """Whatever the block does, no file of the folder is made, changed, removed or opened up."""
    before = files(folder)
    yield
    assert files(folder) == before
