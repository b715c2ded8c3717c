"""Manifests, plans and release files for the tests of what officers sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gateway.demo
from signing import canonical
from signing.manifest import Manifest, read_fields
from signing.rendering.release import BUNDLE, CATALOGUE, DATA, DESCRIPTOR, FILES, WASM

DEMO = Path(gateway.demo.__file__).parent / "release"
DAY_US = 24 * 3_600 * 1_000_000
FROM_US = 1_796_083_200_000_000
"""2026-12-01, midnight UTC."""


def release_files(folder: Path = DEMO) -> dict[str, bytes]:
    """The files of a release folder by their names."""
    return {name: (folder / name).read_bytes() for name in FILES}


def edited(files: dict[str, bytes], **parts: Any) -> dict[str, bytes]:
    """The same release with parts of its data.json replaced, and its digests set right."""
    data = canonical.decode_object(files[DATA]) | parts
    return sealed({**files, DATA: canonical.encode(data)})


def sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Files with a descriptor that names them."""
    descriptor = canonical.decode_object(files[DESCRIPTOR])
    named = {"bundle_sha256": BUNDLE, "wasm_sha256": WASM, "data_sha256": DATA}
    descriptor |= {field: canonical.digest(files[name]) for field, name in named.items()}
    return {**files, DESCRIPTOR: canonical.encode(descriptor)}


def recatalogued(files: dict[str, bytes], controls: list[Any]) -> dict[str, bytes]:
    """Files whose catalogue has these controls."""
    catalogue = canonical.decode_object(files[CATALOGUE]) | {"controls": controls}
    return {**files, CATALOGUE: canonical.encode(catalogue)}


def manifest_fields(files: dict[str, bytes] | None = None, **changes: Any) -> dict[str, Any]:
    """The fields of a manifest for PAPER; `changes` replace some."""
    files = files or release_files()
    return {
        "v": 1,
        "environment": "production",
        "gateway": "trading.example/log",
        "mode": "PAPER",
        "accounts": {
            "primary": {
                "broker": "alpaca",
                "broker_account": "PA1234",
                "hosts": ["paper-api.example.com:443"],
            }
        },
        "release_digest": canonical.digest(files[DESCRIPTOR]),
        "limits_digest": canonical.digest(files[DATA]),
        "strategies": ["momentum", "value"],
        "ceilings": {"orders_per_day": 500, "notional_per_day_micros": 250_000_000_000},
        "epoch": 1,
        "valid_from_us": FROM_US,
        "valid_until_us": FROM_US + 90 * DAY_US,
        "attestations": [
            {
                "jurisdiction": "US",
                "kind": "registration",
                "reference": "SEC 8-12345",
                "valid_until_us": FROM_US + 365 * DAY_US,
            }
        ],
        "acknowledgement": {"version": "2026-01", "text": "We have read the limits.\nWe agree."},
        "at_lapse": "cancel",
    } | changes


def manifest(files: dict[str, bytes] | None = None, **changes: Any) -> Manifest:
    """The same, read."""
    return read_fields(manifest_fields(files, **changes))
