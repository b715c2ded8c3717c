"""Base64 and decimals in exactly one writing."""

import base64

import pytest

from signing.encoding import EncodingError, from_base64, from_decimal, to_base64


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_base64_there_and_back(data: bytes) -> None:
    assert to_base64(data) == base64.b64encode(data).decode()
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "YQ",
        "YQ=",
        "YR==",
        "YWI",
        "YWJ=",
        "-_-_",
        "YQ==\n",
        " YQ==",
        "Y Q==",
        "YQ==YQ==",
        "====",
        "\u00e9",
        b"YQ==",
        None,
        1,
    ],
)
def test_other_writings_of_base64_are_refused(text: object) -> None:
    with pytest.raises(EncodingError):
        from_base64(text)


@pytest.mark.parametrize("text", ["0", "1", "10", "9007199254740991"])
def test_decimals(text: str) -> None:
    assert str(from_decimal(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "01",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "1\n",
        "1_0",
        "١",
        "0x1",
        "1.0",
        "1e3",
        "9007199254740992",
        "1" * 400,
    ],
)
def test_other_writings_of_decimals_are_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        from_decimal(text)
