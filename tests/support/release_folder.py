"""A release on disk: the demonstration's policies and instruments with limits of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.policy.build import BUNDLE, CATALOGUE, DATA, DESCRIPTOR, WASM
from gateway.policy.release import load_release
from signing import canonical
from support.releases import DEMO_RELEASE, release_with


def write_release(folder: Path, **limits: int) -> Path:
    """Write a release labelled ``test``; ``limits`` change those of ``support.releases``."""
    release = release_with(**limits)
    fields = canonical.decode(release.descriptor)
    assert isinstance(fields, dict)
    fields |= {"label": "test", "data_sha256": canonical.digest(release.data)}
    folder.mkdir(parents=True)
    for name in (BUNDLE, WASM, CATALOGUE):
        (folder / name).write_bytes((DEMO_RELEASE / name).read_bytes())
    (folder / DATA).write_bytes(release.data)
    (folder / DESCRIPTOR).write_bytes(canonical.encode(fields))
    assert load_release(folder).limits == release.limits
    return folder


def foreign_release(
    folder: Path, currencies: Mapping[str, str] | None = None, **limits: int
) -> Path:
    """The test's release with AAPL in EUR, ten to a unit, and other shares in other currencies."""
    write_release(folder, **limits)
    data = canonical.decode_object((folder / DATA).read_bytes())
    data["instruments"]["AAPL"] |= {"currency": "EUR", "multiplier": 10}
    for symbol, currency in (currencies or {}).items():
        data["instruments"][symbol] |= {"currency": currency}
    (folder / DATA).write_bytes(canonical.encode(data))
    fields = canonical.decode_object((folder / DESCRIPTOR).read_bytes())
    fields["data_sha256"] = canonical.digest((folder / DATA).read_bytes())
    (folder / DESCRIPTOR).write_bytes(canonical.encode(fields))
    return folder
