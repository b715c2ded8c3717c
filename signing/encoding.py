"""Base64 and decimal numbers in exactly one writing each.

Lenient readers accept a number with a plus or leading zeros, base64 of the URL alphabet, without
padding, or with stray bits in its last character. Then two different files mean the same, and a
file's digest no longer names it. These readers accept only what the writers write.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from signing.canonical import INT_MAX

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")


class EncodingError(ValueError):
    """Text that is not the one writing of its value."""


def to_base64(data: bytes) -> str:
    """Write `data` in padded standard base64."""
    return base64.b64encode(data).decode("ascii")


def from_base64(value: object) -> bytes:
    """Read padded standard base64.

    Raises:
        EncodingError: anything but what `to_base64` writes for the result.
    """
    if not isinstance(value, str):
        raise EncodingError("not a string of base64")
    try:
        data = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error) as error:
        raise EncodingError("not in padded standard base64") from error
    if to_base64(data) != value:
        raise EncodingError("not in padded standard base64")
    return data


def from_decimal(text: str) -> int:
    """Read an integer from 0 to 2**53 - 1 in ASCII digits, without sign or leading zeros.

    Raises:
        EncodingError: any other text.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > INT_MAX:
        raise EncodingError("not a plain decimal number below 2**53")
    return int(text)
