"""Overlays: one risk officer tightens for a time, in one writing."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.addressee import is_for, names_one_log
from signing.canonical import encode
from signing.keys import Vkey
from signing.overlay import (
    CAPPABLE,
    LIFETIME_MAX_US,
    OVERLAY_BYTES_MAX,
    SYMBOLS_MAX,
    Overlay,
    OverlayError,
    encode_overlay,
    parse_overlay,
    target_of,
)
from support.logs import seeded
from support.overlays import DAY_US, FROM_US, overlay, overlay_fields

pytestmark = pytest.mark.requirement("W-04")

LOG = Vkey("trading.example/log", seeded(3).public)
OTHER_LOG = Vkey("trading.example/log", seeded(4).public)
SMALL_ORDER = f"trading.example/log+00000000+{'AQEA' + 'A' * 40}"
SYMBOLS = st.sets(st.from_regex(r"[A-Z0-9][A-Z0-9./-]{0,19}", fullmatch=True), max_size=8)


def test_it_reads_what_was_written() -> None:
    made = overlay()
    assert parse_overlay(encode_overlay(made)) == made
    assert made.target == target_of("calm") == "overlays/calm.json"


@given(
    st.dictionaries(st.sampled_from(sorted(CAPPABLE)), st.integers(0, 2**53 - 1)),
    SYMBOLS,
    st.integers(0, 2**52),
    st.integers(1, LIFETIME_MAX_US),
)
def test_every_overlay_has_one_writing(
    caps: dict[str, int], symbols: set[str], from_us: int, lasts_us: int
) -> None:
    times = {"effective_from_us": from_us, "expires_us": from_us + lasts_us}
    made = overlay(caps=caps, restricted=sorted(symbols), **times)
    if not caps and not symbols:
        with pytest.raises(OverlayError, match="it tightens nothing"):
            encode_overlay(made)
        return
    data = encode_overlay(made)
    assert parse_overlay(data) == made
    assert encode_overlay(parse_overlay(data)) == data


@pytest.mark.attack  # an overlay that has ended counts no more, and one to come not yet
@pytest.mark.parametrize(
    ("at_us", "stands"),
    [(-1, False), (0, True), (7 * DAY_US - 1, True), (7 * DAY_US, False)],
    ids=["before", "first", "last", "ended"],
)
def test_it_stands_from_its_beginning_to_before_its_end(at_us: int, stands: bool) -> None:
    assert overlay().stands(FROM_US + at_us) is stands


WRONG: dict[str, dict[str, Any]] = {
    "version": {"v": 2},
    "name": {"name": "../calm"},
    "name-upper": {"name": "Calm"},
    "gateway": {"gateway": "https://trading.example/log"},
    "gateway-key": {"gateway": f"{LOG}x"},
    "gateway-line": {"gateway": f"{LOG}\n"},
    "cap-unknown": {"caps": {"spread_max_bps": 5}},
    "cap-minimum": {"caps": {"quote_age_min_ms": 5}},
    "cap-negative": {"caps": {"leverage_max_bps": -1}},
    "cap-text": {"caps": {"leverage_max_bps": "1"}},
    "cap-true": {"caps": {"leverage_max_bps": True}},
    "cap-none": {"caps": {"leverage_max_bps": "none"}},
    "symbol-lower": {"restricted": ["acme"]},
    "symbol-twice": {"restricted": ["ACME", "ACME"]},
    "symbols-unsorted": {"restricted": ["B", "A"]},
    "symbols-many": {"restricted": [f"S{n:06}" for n in range(SYMBOLS_MAX + 1)]},
    "nothing": {"caps": {}, "restricted": []},
    "no-time": {"expires_us": FROM_US},
    "backwards": {"expires_us": FROM_US - 1},
    "too-long": {"expires_us": FROM_US + LIFETIME_MAX_US + 1},
    "reason-empty": {"reason": ""},
    "reason-lines": {"reason": "a\nb"},
    "reason-hidden": {"reason": "a\u202eb"},
    "field": {"loosens": {}},
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_no_overlay_is_refused(name: str) -> None:
    with pytest.raises(OverlayError):
        parse_overlay(encode(overlay_fields(**WRONG[name])))


@pytest.mark.parametrize("name", sorted(overlay_fields()))
def test_every_field_is_needed(name: str) -> None:
    fields = overlay_fields()
    del fields[name]
    with pytest.raises(OverlayError, match=name):
        parse_overlay(encode(fields))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", json.dumps(overlay_fields()).encode(), b" " * (OVERLAY_BYTES_MAX + 1)],
    ids=["empty", "list", "spaces", "long"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(OverlayError):
        parse_overlay(data)


@pytest.mark.parametrize(
    "changed",
    [
        replace(overlay(), caps={"leverage_max_bps": 1.5}),  # pyright: ignore[reportArgumentType]  a wrong type is the case
        replace(overlay(), restricted=("B", "A")),
        Overlay("", "", {}, (), 0, 0, ""),
    ],
    ids=["fraction", "order", "empty"],
)
def test_what_could_not_be_read_is_not_written(changed: Overlay) -> None:
    with pytest.raises(OverlayError):
        encode_overlay(changed)


# --- whom it is for -------------------------------------------------------------------------------


@pytest.mark.attack
def test_an_overlay_for_another_gateway_is_not_for_this_one() -> None:
    by_name, by_key = overlay(), overlay(gateway=str(LOG))
    assert is_for(by_name.gateway, LOG)
    assert is_for(by_name.gateway, OTHER_LOG)  # they share an origin, and only a key tells them
    assert is_for(parse_overlay(encode_overlay(by_key)).gateway, LOG)
    assert not is_for(by_key.gateway, OTHER_LOG)
    assert not is_for("other.example/log", LOG)
    assert not is_for("trading.example/lo", LOG)
    assert names_one_log(by_key.gateway)
    assert not names_one_log(by_name.gateway)


@pytest.mark.attack
def test_a_small_order_key_names_no_gateway() -> None:
    with pytest.raises(OverlayError, match="gateway"):
        parse_overlay(encode(overlay_fields(gateway=SMALL_ORDER)))
