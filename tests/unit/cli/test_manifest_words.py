"""The words of a draft are those of `writ policy diff`, for whoever has the server too."""

from pathlib import Path
from typing import Any

import pytest

from gateway.policy.diff import differences
from gateway.policy.sides import read_side
from signing.rendering.release import FILES, read_release
from signing.rendering.release_changes import release_changes
from support.manifests import DEMO, edited, release_files


@pytest.mark.parametrize(
    "parts",
    [
        {"restricted": {"AAPL": True}},
        {"base_currency": "EUR"},
        {"permissions": {"x": {"classes": {}, "extended_hours": True, "principals": {"a": True}}}},
        {"instruments": {}},
        {"limits": {"global": {"order_notional_max_micros": 5_000_000, "drawdown_max_bps": 1},
                    "accounts": {"a": {"venue_age_max_ms": 1_500}}, "strategies": {},
                    "symbols": {"AAPL": {"order_qty_max_e8": 7}}}},
    ],
    ids=["restricted", "currency", "permissions", "instruments", "limits"],
)  # fmt: skip
def test_it_says_the_same_as_policy_diff(tmp_path: Path, parts: dict[str, Any]) -> None:
    """Whoever has the server reads the same."""
    old = release_files()
    new = edited(old, **parts)
    for name in FILES:
        (tmp_path / name).write_bytes(new[name])

    theirs = differences(read_side(DEMO), read_side(tmp_path))
    ours = release_changes(read_release(old), read_release(new))
    assert ours == theirs
    assert ours
