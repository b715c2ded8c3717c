"""The demonstration's release with limits of the test's own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import gateway.demo
from gateway.policy.release import Release, load_release
from gateway.policy.release_data import parse_data
from signing import canonical

DEMO_RELEASE = Path(gateway.demo.__file__).parent / "release"

DOLLAR = 1_000_000

LIMITS = {
    "approval_age_max_ms": 300_000,
    "day_loss_max_micros": 20_000 * DOLLAR,
    "day_turnover_max_micros": 1_000_000 * DOLLAR,
    "drawdown_max_bps": 4_000,
    "gross_exposure_max_micros": 400_000 * DOLLAR,
    "leverage_max_bps": 15_000,
    "margin_debit_max_micros": 50_000 * DOLLAR,
    "order_notional_max_micros": 30_000 * DOLLAR,
    "order_qty_max_e8": 2_000 * 10**8,
    "position_notional_max_micros": 60_000 * DOLLAR,
    "positions_max_count": 12,
    "price_collar_max_bps": 500,
    "quote_age_max_ms": 900_000,
    "sector_exposure_max_bps": 4_000,
    "short_notional_max_micros": 1 * DOLLAR,
    "volatility_index_max_e4": 400_000,
    "close_buffer_min_ms": 900_000,
    "price_collar_long_max_bps": 2_500,
    "price_collar_short_max_bps": 2_500,
    "spread_max_bps": 100,
    "venue_age_max_ms": 60_000,
    "crisis_buy_max_bps": 2_000,
    "compliance_notional_max_micros": 1_000_000 * DOLLAR,
}


def release_with(**limits: int) -> Release:
    """The policies of the demonstration, its instruments, and :data:`LIMITS` changed as given."""
    base = load_release(DEMO_RELEASE)
    data = _data(base, limits)
    return replace(base, data=data, parsed=parse_data(data))


def write_release(directory: Path, *, label: str = "demonstration", **limits: int) -> Path:
    """The same as a folder that a gateway can be started with."""
    shutil.copytree(DEMO_RELEASE, directory)
    data = _data(load_release(DEMO_RELEASE), limits)
    (directory / "data.json").write_bytes(data)
    descriptor = json.loads((directory / "release.json").read_bytes())
    descriptor |= {"data_sha256": canonical.digest(data), "label": label}
    (directory / "release.json").write_bytes(canonical.encode(descriptor))
    return directory


def _data(base: Release, limits: dict[str, int]) -> bytes:
    parts = json.loads(base.data)
    table = parts["limits"]["global"] | LIMITS | limits
    tables = {"global": table, "accounts": {}, "strategies": {}, "symbols": {}}
    return canonical.encode(parts | {"limits": tables})
