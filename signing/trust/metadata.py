"""TUF metadata as bytes: read strictly, written in one form, and its times as integers.

The library reads leniently: of two fields with one name it takes the last, and it ignores what it
does not know. Here a file has one reading, its sizes are bounded, and what is signed is compared
with what Writ itself would have written, so that nothing that officers sign can hide in a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn, cast

from securesystemslib.exceptions import FormatError
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from signing.canonical import INT_MAX
from signing.trust.errors import TrustError
from signing.trust.library import AnyMetadata, Metadata, MetaFile, Root, Signed, T

METADATA_BYTES_MAX: Final = 262_144
"""The longest metadata file that is read."""
SIGNATURES_MAX: Final = 64
"""The most signatures that a file may have, those that count for nothing among them."""
VERSION_MAX: Final = INT_MAX
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPIRES: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_YEAR_10000_US: Final = 253_402_300_800 * SECOND_US


def read_metadata(kind: type[T], data: bytes) -> Metadata[T]:
    """Read a metadata file.

    Args:
        kind: what it must be.
        data: its bytes.

    Raises:
        TrustError: `metadata-form`: too long, not ASCII JSON, one field twice, a fraction, fields
            that nobody signed, too many signatures, of another kind, or not metadata.
    """
    try:
        _check_form(kind, data)
        return cast("Metadata[T]", Metadata.from_bytes(data))
    except (ValueError, RecursionError) as error:
        detail = f"a file is not {kind.type} metadata: {error}"
    except (DeserializationError, FormatError):
        detail = f"a file is not {kind.type} metadata that can be read"
    raise TrustError("metadata-form", detail, "get the file again from whoever publishes it")


def write_metadata(metadata: AnyMetadata) -> bytes:
    """Write a metadata file, readable by people."""
    return metadata.to_bytes(JSONSerializer(compact=False)) + b"\n"


def signed_bytes(signed: Signed) -> bytes:
    """The bytes that are signed."""
    return Metadata(cast("Root", signed)).signed_bytes


def signed_digest(signed: Signed) -> str:
    """The SHA-256 of the bytes that are signed, in hexadecimal."""
    return hashlib.sha256(signed_bytes(signed)).hexdigest()


def meta_file(version: int, data: bytes) -> MetaFile:
    """Name a metadata file by its version, length and SHA-256."""
    return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def is_named_by(meta: MetaFile, data: bytes) -> bool:
    """Tell whether `data` has the length and the SHA-256 of `meta`, both of which must be there."""
    named = meta_file(meta.version, data)
    return meta.length == named.length and meta.hashes == named.hashes


def to_us(moment: datetime) -> int:
    """A moment in microseconds UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_moment(us: int) -> datetime:
    """A moment of which TUF keeps the whole seconds.

    Raises:
        TrustError: `time`: before 1970 or after 9999.
    """
    if not 0 <= us < _YEAR_10000_US:
        raise TrustError("time", "the moment is not between 1970 and 9999", "name another one")
    return _EPOCH + timedelta(seconds=us // SECOND_US)


def in_words(us: int) -> str:
    """A moment as people read it, in UTC."""
    return to_moment(us).strftime("%Y-%m-%d %H:%M:%S UTC")


def _check_form(kind: type[T], data: bytes) -> None:
    if len(data) > METADATA_BYTES_MAX:
        raise ValueError(f"it has more than {METADATA_BYTES_MAX} bytes")
    if not data.isascii():
        raise ValueError("it is not ASCII")
    fields = _fields(
        json.loads(
            data.decode("ascii"),
            object_pairs_hook=_without_twins,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    )
    if fields.keys() != {"signatures", "signed"}:
        raise ValueError("it has other fields than signed and signatures")
    _check_signatures(fields["signatures"])
    signed = _fields(fields["signed"])
    if signed.get("_type") != kind.type:
        raise ValueError("it is of another kind")
    if not isinstance(signed.get("spec_version"), str):
        raise ValueError("it does not say which TUF it follows")  # noqa: TRY004 - as below
    version, expires = signed.get("version"), signed.get("expires")
    if type(version) is not int or not 1 <= version <= VERSION_MAX:
        raise ValueError("its version is not a whole number from 1")
    if not isinstance(expires, str) or not _EXPIRES.fullmatch(expires):
        raise ValueError("its expiry is not written as YYYY-MM-DDTHH:MM:SSZ")


def _check_signatures(value: object) -> None:
    if not isinstance(value, list):
        raise ValueError("its signatures are no list")  # noqa: TRY004 - all of these are one error
    signatures = cast("list[object]", value)
    if len(signatures) > SIGNATURES_MAX:
        raise ValueError(f"it has more than {SIGNATURES_MAX} signatures")
    for signature in signatures:
        fields = _fields(signature)
        if fields.keys() != {"keyid", "sig"}:
            raise ValueError("a signature has other fields than keyid and sig")
        if not all(isinstance(item, str) for item in fields.values()):
            raise ValueError("a signature is no text")


def _fields(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("what should be an object is none")  # noqa: TRY004 - as above
    return cast("dict[str, object]", value)


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands there twice")
    return fields


def _no_fraction(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not a whole number")
