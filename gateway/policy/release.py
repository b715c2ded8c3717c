"""A release: policies and limits as one thing, named by the digest of its descriptor.

A release is a folder. ``release.json`` is the descriptor: canonical JSON with the digests of the
Rego bundle, the WebAssembly module and the data. What a decision names is the descriptor's own
digest, so that every byte an engine worked with is named by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import policies
from gateway.domain.errors import RefusedError
from gateway.domain.instrument import Instrument
from signing import canonical

VERSION: Final = 1
DESCRIPTOR: Final = "release.json"
BUNDLE: Final = "bundle.tar.gz"
WASM: Final = "policy.wasm"
DATA: Final = "data.json"

DECIMALS_MAX: Final = 8
"""The finest scale of a quantity or price; every scale converts to 8 decimals exactly."""

FILE_MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest file of a release: about 10^5 instruments."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FIELDS: Final = {
    "revision": re.compile(r"r[0-9a-f]{16}"),
    "label": re.compile(r"[a-z][a-z-]{0,31}"),
    "opa_version": re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}"),
    "bundle_sha256": _DIGEST,
    "wasm_sha256": _DIGEST,
    "data_sha256": _DIGEST,
}
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,19}")  # as an order can name it
_LIMIT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_INSTRUMENT_TEXTS: Final = ("class", "sector", "currency")
_INSTRUMENT_RANGES: Final = {
    "qty_decimals": (0, DECIMALS_MAX),
    "price_decimals": (0, DECIMALS_MAX),
    "lot": (1, canonical.INT_MAX),
    "tick": (1, canonical.INT_MAX),
}
_TEXT_MAX: Final = 64


class ReleaseError(RefusedError):
    """A release cannot be used; nothing is decided with it.

    Codes: ``release-missing``, ``release-malformed``, ``release-digest``, ``release-data`` and,
    from the engine, ``release-wasm``.
    """


@dataclass(frozen=True, slots=True)
class Release:
    """One release, every digest of it checked.

    ``revision`` names the Rego sources, ``label`` says what it is for (``shipped``,
    ``demonstration``), ``digest`` is the SHA-256 of ``descriptor`` and names it in decisions.
    ``limits`` and ``instruments`` are ``data`` as read.
    """

    revision: str
    label: str
    opa_version: str
    digest: str
    bundle_digest: str
    wasm_digest: str
    data_digest: str
    descriptor: bytes
    bundle: bytes
    wasm: bytes
    data: bytes
    limits: Mapping[str, int]
    instruments: Mapping[str, Instrument]


def shipped_directory() -> Path:
    """The folder of the release that comes with the sources, its limits all zero."""
    return Path(policies.__file__).parent / "release"


def shipped_release() -> Release:
    """The release that comes with the sources.

    Raises:
        ReleaseError: the installation is damaged.
    """
    return load_release(shipped_directory())


def load_release(directory: Path) -> Release:
    """Read a release folder and check every digest and all of its data.

    Raises:
        ReleaseError: a file is missing, malformed, or not the one that the descriptor names.
    """
    descriptor = read_file(directory / DESCRIPTOR)
    fields = _descriptor_fields(descriptor, directory)
    bundle = _named(directory / BUNDLE, fields["bundle_sha256"])
    wasm = _named(directory / WASM, fields["wasm_sha256"])
    data = _named(directory / DATA, fields["data_sha256"])
    limits, instruments = parse_data(data)
    return Release(
        revision=fields["revision"],
        label=fields["label"],
        opa_version=fields["opa_version"],
        digest=canonical.digest(descriptor),
        bundle_digest=fields["bundle_sha256"],
        wasm_digest=fields["wasm_sha256"],
        data_digest=fields["data_sha256"],
        descriptor=descriptor,
        bundle=bundle,
        wasm=wasm,
        data=data,
        limits=limits,
        instruments=instruments,
    )


def parse_data(data: bytes) -> tuple[Mapping[str, int], Mapping[str, Instrument]]:
    """Read a release's ``data.json``: limits by name, instruments by symbol.

    Raises:
        ReleaseError: ``release-data``: not canonical JSON, or a part is unknown or out of range.
    """
    try:
        document = canonical.decode_object(data)
    except canonical.CanonicalError as error:
        raise _data_error(str(error)) from error
    if set(document) != {"limits", "instruments"}:
        raise _data_error("it must have limits and instruments and nothing else")
    limits = {name: _limit(name, value) for name, value in _items(document["limits"], "limits")}
    instruments = {
        symbol: _instrument(symbol, value)
        for symbol, value in _items(document["instruments"], "instruments")
    }
    return MappingProxyType(limits), MappingProxyType(instruments)


def read_file(path: Path) -> bytes:
    """The bytes of one file of a release folder, bounded.

    Raises:
        ReleaseError: ``release-missing`` or ``release-malformed``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ReleaseError(
            "release-missing",
            f"{path} cannot be read: {error.strerror}",
            "name a folder made by `writ policy build`",
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ReleaseError(
            "release-malformed",
            f"{path} is larger than {FILE_MAX_BYTES} bytes",
            "build the release anew: `writ policy build`",
        )
    return data


def _named(path: Path, digest: str) -> bytes:
    data = read_file(path)
    if canonical.digest(data) != digest:
        raise ReleaseError(
            "release-digest",
            f"{path} is not the file that {DESCRIPTOR} names",
            "fetch the release again, or build it anew: `writ policy build`",
        )
    return data


def _descriptor_fields(descriptor: bytes, directory: Path) -> dict[str, str]:
    remedy = "fetch the release again, or build it anew: `writ policy build`"
    try:
        fields = canonical.decode_object(descriptor)
    except canonical.CanonicalError as error:
        raise ReleaseError("release-malformed", f"{directory}: {error}", remedy) from error
    version = fields.pop("v", None)
    if type(version) is not int or version != VERSION or set(fields) != set(_FIELDS):
        raise ReleaseError(
            "release-malformed", f"{directory}: {DESCRIPTOR} is not of version {VERSION}", remedy
        )
    for name, pattern in _FIELDS.items():
        value = fields[name]
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise ReleaseError("release-malformed", f"{directory}: {name} is malformed", remedy)
    return {name: str(value) for name, value in fields.items()}


def _items(value: object, name: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise _data_error(f"{name} is not an object")
    return list(cast("dict[str, Any]", value).items())


def _limit(name: str, value: object) -> int:
    if _LIMIT_NAME.fullmatch(name) is None:
        raise _data_error(f"limit {name!r} is not a lower-case name")
    if type(value) is not int or not 0 <= value <= canonical.INT_MAX:
        raise _data_error(f"limit {name} is not an integer from 0 to 2^53 - 1")
    return value


def _instrument(symbol: str, value: object) -> Instrument:
    if _SYMBOL.fullmatch(symbol) is None:
        raise _data_error(f"instrument {symbol!r} is not a symbol")
    fields = dict(_items(value, f"instrument {symbol}"))
    if set(fields) != {*_INSTRUMENT_TEXTS, *_INSTRUMENT_RANGES}:
        raise _data_error(f"instrument {symbol} has missing or unknown fields")
    for name in _INSTRUMENT_TEXTS:
        text = fields[name]
        if not isinstance(text, str) or not 0 < len(text) <= _TEXT_MAX:
            raise _data_error(f"instrument {symbol}: {name} is not a text of 1 to 64 characters")
    for name, (low, high) in _INSTRUMENT_RANGES.items():
        number = fields[name]
        if type(number) is not int or not low <= number <= high:
            raise _data_error(f"instrument {symbol}: {name} is not from {low} to {high}")
    asset_class = fields.pop("class")
    return Instrument(symbol=symbol, asset_class=asset_class, **fields)


def _data_error(detail: str) -> ReleaseError:
    return ReleaseError(
        "release-data", f"{DATA}: {detail}", "mend the limits or instruments and build anew"
    )
