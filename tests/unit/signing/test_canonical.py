"""One value, one sequence of bytes: what is refused."""

from enum import StrEnum

import pytest

from signing.canonical import (
    DEPTH_MAX,
    INT_MAX,
    CanonicalError,
    decode,
    decode_object,
    digest,
    encode,
)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({}, b"{}"),
        ({"b": 1, "a": [True, False, None]}, b'{"a":[true,false,null],"b":1}'),
        (("x", 1), b'["x",1]'),
        ({"\u00e9": "\u20ac"}, '{"\u00e9":"\u20ac"}'.encode()),
        ('\x00\x1f\x7f"\\\b\f\n\r\t/', b'"\\u0000\\u001f\x7f\\"\\\\\\b\\f\\n\\r\\t/"'),
        (INT_MAX, b"9007199254740991"),
        (-INT_MAX, b"-9007199254740991"),
        (Colour.RED, b'"red"'),
        # UTF-16 order: an astral character, written as surrogates, comes before U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'.encode()),
    ],
)
def test_encode(value: object, data: bytes) -> None:
    assert encode(value) == data
    assert encode(decode(data)) == data


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        float("inf"),
        INT_MAX + 1,
        -INT_MAX - 1,
        pytest.param(10**5000, id="5001-digits"),
        {1: 2},
        {None: 2},
        {True: 2},
        "\ud800",
        {"\udfff": 1},
        {"\ufb33\ud800": 1, "\U0001f600": 2},
        b"bytes",
        {1, 2},
        object(),
        nested(DEPTH_MAX + 1),
        nested(5_000),
    ],
)
def test_encode_refuses(value: object) -> None:
    with pytest.raises(CanonicalError):
        encode(value)


def test_encode_refuses_a_value_that_holds_itself() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(CanonicalError):
        encode(value)


def test_depth_is_bounded_where_it_says() -> None:
    assert encode(nested(DEPTH_MAX)).count(b"[") == DEPTH_MAX


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"{} ",
        b" {}",
        b"{}\n",
        b"{}{}",
        b"1.0",
        b"1e3",
        b"1e999999",
        b"-0",
        b"01",
        b"+1",
        b"9007199254740992",
        b"1" * 5000,
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'"\\u0061"',
        b'"\\/"',
        b'"\\u001F"',
        b'"\\ud800"',
        b"'a'",
        b"{a:1}",
        b"// comment\n{}",
        b"[1,]",
        b"\xff",
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"nul",
        b'"\x00"',
    ],
)
def test_decode_refuses(data: bytes) -> None:
    with pytest.raises(CanonicalError):
        decode(data)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_decode_object_refuses_another_root(data: bytes) -> None:
    assert decode(data) != {}
    with pytest.raises(CanonicalError):
        decode_object(data)


def test_digest_is_sha_256_in_lower_hex() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
