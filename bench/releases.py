"""Releases to measure with: the shipped rules, the demonstration's limits, as many instruments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import gateway.demo
import policies
from bench import workload
from gateway.policy.build import build
from gateway.policy.release import DATA, Release
from signing import canonical

LABEL: Final = "bench"
"""The demonstration's own release runs in SIMULATION alone; this one runs in RESEARCH too."""

_DEMO_DATA: Final = Path(gateway.demo.__file__).parent / "release" / DATA
_SYMBOL_LIMIT: Final = "order_qty_max_e8"
SOURCE: Final = Path(policies.__file__).parent
"""The shipped rules."""


def bench_release(folder: Path) -> Path:
    """The shipped rules with the demonstration's limits and instruments, built into a folder."""
    build(SOURCE, folder, LABEL, _DEMO_DATA.read_bytes())
    return folder


def release_with_instruments(folder: Path, count: int) -> Release:
    """The same with exactly ``count`` instruments, each with a limit of its own.

    They are those of the orders, and made-up ones.

    Args:
        folder: where it is built.
        count: at least as many as the orders have symbols.
    """
    assert count >= len(workload.SYMBOLS)
    data: dict[str, Any] = json.loads(_DEMO_DATA.read_bytes())
    listed = {symbol: data["instruments"][symbol] for symbol in workload.SYMBOLS}
    template = listed[workload.SYMBOLS[0]]
    for number in range(count - len(listed)):
        listed[f"X{number:06}"] = template
    tables = {symbol: {_SYMBOL_LIMIT: data["limits"]["global"][_SYMBOL_LIMIT]} for symbol in listed}
    limits = data["limits"] | {"symbols": tables}
    changed = data | {"instruments": listed, "limits": limits}
    return build(SOURCE, folder, LABEL, canonical.encode(changed))
