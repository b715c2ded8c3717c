"""Overlays in people's words, against what stands already."""

from typing import Any

import pytest

from signing import canonical
from signing.keys import Vkey
from signing.overlay import Overlay, encode_overlay
from signing.rendering.change import Change
from signing.rendering.manifest import manifest_changes, manifest_words
from signing.rendering.overlay import (
    UNKNOWN_CURRENCY,
    lifting,
    overlay_changes,
    overlay_line,
    overlay_words,
    slack_in,
)
from signing.rendering.permission import Permission, read_permission
from support.logs import seeded
from support.manifests import edited, manifest, manifest_fields, release_files
from support.overlays import DAY_US, FROM_US, overlay

pytestmark = pytest.mark.requirement("W-04")

KEY = str(Vkey("trading.example/log", seeded(3).public))
LIMITS: dict[str, Any] = {
    "global": {"order_notional_max_micros": 100_000_000_000, "leverage_max_bps": 20_000},
    "accounts": {}, "strategies": {}, "symbols": {},
}  # fmt: skip
WEEK = "from 2027-01-15 08:00:00 UTC until 2027-01-22 08:00:00 UTC"


def standing() -> Permission:
    files = edited(release_files(), limits=LIMITS, restricted={"XYZ": True})
    data = canonical.encode(manifest_fields(files))
    named = {f"release/{name}": file for name, file in files.items()}
    found = read_permission({**named, "manifest.json": data})
    assert found is not None
    return found


def changes(before: list[Overlay], after: list[Overlay], now_us: int = FROM_US) -> list[Change]:
    sides = [{one.name: one for one in side} for side in (before, after)]
    return overlay_changes(sides[0], sides[1], standing(), now_us)


def test_all_of_an_overlay_is_told() -> None:
    assert dict(overlay_words(overlay(), "USD")) == {
        "overlay": "calm",
        "gateway": "trading.example/log (whichever gateway's log has this name)",
        "from": "2027-01-15 08:00:00 UTC",
        "until": "2027-01-22 08:00:00 UTC",
        "reason": "earnings news",
        "order_notional_max at most": "50,000 USD",
        "leverage_max at most": "1 x",
        "restricted": "ACME, XYZ",
    }
    line = "leverage_max at most 1 x; until 2027-01-22 08:00:00 UTC"
    assert overlay_line(overlay(caps={"leverage_max_bps": 10_000}, restricted=[]), "USD") == line
    assert "restricted" not in dict(overlay_words(overlay(restricted=[]), "USD"))


def test_a_new_overlay_is_told_from_what_stands() -> None:
    assert changes([], [overlay()]) == [
        Change("overlay", "calm", "added", None, WEEK),
        Change("limit", "leverage_max", "changed", "2 x", "1 x", "tighter"),
        Change("limit", "order_notional_max", "changed", "100,000 USD", "50,000 USD", "tighter"),
        Change("restricted", "ACME", "added", effect="tighter"),
    ]
    assert changes([overlay()], [overlay()]) == []


def test_where_nothing_is_known_everything_is_told() -> None:
    told = overlay_changes({}, {"calm": overlay()}, None, FROM_US)
    assert [c.name for c in told if c.part == "restricted"] == ["ACME", "XYZ"]
    (limit,) = (c for c in told if c.name == "order_notional_max")
    assert (limit.old, limit.new) == ("what stands", f"50,000 {UNKNOWN_CURRENCY}")


@pytest.mark.parametrize(("now_us", "effect"), [(FROM_US, "looser"), (FROM_US + 7 * DAY_US, "")])
def test_one_that_goes_is_looser_until_it_has_ended(now_us: int, effect: str) -> None:
    (told,) = changes([overlay()], [], now_us)
    assert (told.change, told.effect) == ("removed", effect)
    assert told.sentence.startswith("removed overlay calm, which was leverage_max at most 1 x; ")


@pytest.mark.attack
def test_one_that_is_exchanged_is_told_as_gone_and_as_new() -> None:
    told = changes([overlay()], [overlay(caps={"leverage_max_bps": 15_000})])
    assert [(c.part, c.change, c.effect) for c in told] == [
        ("overlay", "removed", "looser"),
        ("overlay", "added", ""),
        ("limit", "changed", "tighter"),
        ("restricted", "added", "tighter"),
    ]


@pytest.mark.parametrize(
    ("other", "slack"),
    [
        ({}, 3),
        ({"expires_us": FROM_US + 7 * DAY_US - 1}, 1),
        ({"effective_from_us": FROM_US + 1}, 1),
        ({"gateway": KEY}, 1),
    ],
    ids=["covers", "ends-before", "begins-after", "another-gateway"],
)
def test_what_stands_all_the_time_is_tightened_by_less_alone(
    other: dict[str, Any], slack: int
) -> None:
    known = overlay(name="other", caps={"leverage_max_bps": 5_000}, restricted=["ACME"], **other)
    found = slack_in(overlay(), [known], standing())
    assert len(found) == slack, found
    assert "XYZ is restricted already" in found


def test_a_limit_that_is_missing_lets_nothing_pass_already() -> None:
    wide = overlay(caps={"day_turnover_max_micros": 5_000_000}, restricted=[])
    (told,) = slack_in(wide, [], standing())
    assert told == "day_turnover_max: 5 USD is not below 0 USD, which stands already"


@pytest.mark.parametrize(
    ("data", "was"),
    [
        (encode_overlay(overlay(caps={}, restricted=["A"])), "restricted: A; until "),
        (b"{}", "one that cannot be read, so that every order is denied"),
    ],
    ids=["read", "unreadable"],
)
def test_what_is_lifted_is_looser(data: bytes, was: str) -> None:
    told = lifting("overlays/calm.json", data, "USD")
    assert (told.part, told.name, told.change, told.effect) == (
        "overlay", "calm", "removed", "looser",
    )  # fmt: skip
    assert (told.old or "").startswith(was)
    assert lifting("overlays/calm.json", None, "USD").old is None


def test_a_manifest_says_whether_it_names_one_log() -> None:
    words = dict(manifest_words(manifest(gateway=KEY), "USD"))
    assert words["gateway"] == f"{KEY} (this one log)"
    (told,) = manifest_changes(manifest(), manifest(gateway=KEY), "USD", "USD")
    assert told.sentence == (
        "gateway: from trading.example/log (whichever gateway's log has this name) to "
        f"{KEY} (this one log)"
    )
