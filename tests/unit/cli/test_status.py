"""What `writ status` says of the manifest, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.status import manifest_line

STANDS = {
    "mode": "PAPER",
    "epoch": 3,
    "lapsed": None,
    "release_in_force": True,
    "release_digest": "ab" * 32,
    "lapses_at": "2027-01-01T00:00:00.000000Z",
}
TRUST = {"holds_until": "2026-11-24T00:00:00.000000Z"}
REFUSED = {"code": "epoch-older", "detail": "its epoch is 2"}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"configured": False}, None),
        ({}, "none"),
        ({"refused": REFUSED}, "none; refused: epoch-older: its epoch is 2"),
        ({"manifest": STANDS}, "PAPER epoch 3, until 2026-11-24T00:00:00.000000Z"),
        (
            {"manifest": STANDS | {"release_in_force": False}},
            f"PAPER epoch 3 is for release {'ab' * 32}",
        ),
        (
            {"manifest": STANDS | {"lapsed": "MANIFEST_REPLACED"}, "refused": REFUSED},
            "PAPER epoch 3 has lapsed: MANIFEST_REPLACED; refused: epoch-older: its epoch is 2",
        ),
    ],
    ids=["unconfigured", "none", "refused", "stands", "another-release", "lapsed"],
)
def test_one_line_says_what_stands_or_why_nothing_does(
    told: dict[str, Any], line: str | None
) -> None:
    plain = {"configured": True, "manifest": None, "trust": TRUST, "refused": None}
    assert manifest_line(plain | told) == line
