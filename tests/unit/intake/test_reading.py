"""Bodies that have one meaning are read; all others are refused, each with its code."""

from __future__ import annotations

import json
import time

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.intake.reading import BODY_MAX_BYTES, JsonNumber, read_object

REFUSED = {
    "empty": (b"", "body-empty"),
    "blank": (b" \r\n\t", "body-empty"),
    "duplicate key": (b'{"qty": "1", "qty": "2"}', "json-duplicate-key"),
    "duplicate key, escaped": (b'{"qty": "1", "\\u0071ty": "2"}', "json-duplicate-key"),
    "duplicate key inside": (b'{"a": {"b": "1", "b": "1"}}', "json-duplicate-key"),
    "trailing bytes": (b'{"a": "1"} x', "json-malformed"),
    "two objects": (b'{"a": "1"}{"a": "1"}', "json-malformed"),
    "byte-order mark": (b'\xef\xbb\xbf{"a": "1"}', "json-malformed"),
    "UTF-16": ('{"a": "1"}'.encode("utf-16"), "json-malformed"),
    "bad UTF-8": (b'{"a": "\xff"}', "json-malformed"),
    "overlong UTF-8": (b'{"a": "\xc0\xaf"}', "json-malformed"),
    "surrogate in UTF-8": (b'{"a": "\xed\xa0\x80"}', "json-malformed"),
    "depth": (b'{"a":' + b"[" * 30_000, "json-too-deep"),
    "depth, closed": (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "json-too-deep"),
    "NaN": (b'{"a": NaN}', "json-malformed"),
    "infinity": (b'{"a": -Infinity}', "json-malformed"),
    "comment": (b'{"a": "1" /* no */}', "json-malformed"),
    "single quotes": (b"{'a': '1'}", "json-malformed"),
    "line break in a string": (b'{"a": "1\n2"}', "json-malformed"),
    "wrong root, list": (b'["a"]', "json-not-an-object"),
    "wrong root, string": (b'"a"', "json-not-an-object"),
    "wrong root, number": (b"1", "json-not-an-object"),
    "wrong root, null": (b"null", "json-not-an-object"),
    "huge": (b'{"a": "' + b"x" * BODY_MAX_BYTES + b'"}', "body-too-large"),
}


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_one_meaning_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_object(data)
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_plain_object_is_read() -> None:
    body = {"a": "1", "b": None, "c": True, "é": "ü"}
    assert read_object(json.dumps(body).encode()) == body


@pytest.mark.parametrize("number", ["1", "-1", "1.5", "1e999999", "9" * 50_000])
def test_a_number_is_kept_as_a_mark_and_never_converted(number: str) -> None:
    started_s = time.monotonic()
    value = read_object(f'{{"qty": {number}}}'.encode())["qty"]
    assert isinstance(value, JsonNumber)
    assert time.monotonic() - started_s < 5  # converting 50,000 digits, or 1e999999, would hang


def test_a_name_like_proto_is_a_name_like_any_other() -> None:
    assert read_object(b'{"__proto__": {"admin": "1"}}') == {"__proto__": {"admin": "1"}}
