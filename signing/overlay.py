"""Overlays: one risk officer tightens at once what all of the officers signed.

An overlay lowers limits and restricts symbols, for one gateway and for a time. It is a target of
the trust root that a risk officer signs alone (`overlays/NAME.json`). It cannot loosen: where a
limit is capped more than once the lowest value counts, and what an overlay does not name stays as
it was. It ends by itself; before that it goes only with targets that the officers sign together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Final

from signing.addressee import gateway_rule
from signing.canonical import INT_MAX, CanonicalError, JsonObject, decode_object, encode
from signing.shapes import RecordError, integer, many, mapping, record, shown_text, text, word

VERSION: Final = 1
OVERLAY_BYTES_MAX: Final = 65_536
"""The longest overlay that is read."""
LIFETIME_MAX_US: Final = 31 * 24 * 3_600 * 1_000_000
"""An overlay lasts 31 days at most: what should last is signed by all of the officers."""
CAPS_MAX: Final = 64
SYMBOLS_MAX: Final = 1_000
REASON_CHARACTERS_MAX: Final = 200
FOLDER: Final = "overlays/"
"""Where overlays are among the trust root's targets."""

CAPPABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "day_turnover_max_micros": "micros",
        "gross_exposure_max_micros": "micros",
        "leverage_max_bps": "bps",
        "margin_debit_max_micros": "micros",
        "order_notional_max_micros": "micros",
        "position_notional_max_micros": "micros",
        "positions_max_count": "count",
        "short_notional_max_micros": "micros",
    }
)
"""The limits that can be capped beside the release, by operator or overlay, and their units."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a risk officer tightens.

    Attributes:
        name: what the officers call it, and its name among the targets.
        gateway: whom it is for: the origin or the verifier key of a gateway's log.
        caps: limit name -> the most that it may be, in the unit of its name; 0 stops everything
            that the limit bounds.
        restricted: symbols that may not be traded any more, sorted.
        effective_from_us: from when on it counts, microseconds UTC.
        expires_us: from when on it does not, microseconds UTC.
        reason: why, in one line.
    """

    name: str
    gateway: str
    caps: Mapping[str, int]
    restricted: tuple[str, ...]
    effective_from_us: int
    expires_us: int
    reason: str

    @property
    def target(self) -> str:
        """What it is called among the trust root's targets; under another name it is not read."""
        return target_of(self.name)

    def stands(self, wall_us: int) -> bool:
        """Tell whether it counts at a wall time, microseconds UTC."""
        return self.effective_from_us <= wall_us < self.expires_us


class OverlayError(ValueError):
    """Fields that no overlay can have, or bytes that are no overlay; the message says where."""


_TIME: Final = integer(0, INT_MAX)
_OVERLAY: Final = record(
    {
        "v": integer(VERSION, VERSION),
        "name": text(r"[a-z0-9][a-z0-9._-]{0,63}", "a name of at most 64 of a-z 0-9 . _ -"),
        "gateway": gateway_rule,
        "caps": mapping(word(CAPPABLE), integer(0, INT_MAX), CAPS_MAX),
        "restricted": many(text(r"[A-Z0-9][A-Z0-9./-]{0,19}", "a symbol"), SYMBOLS_MAX),
        "effective_from_us": _TIME,
        "expires_us": _TIME,
        "reason": shown_text(REASON_CHARACTERS_MAX, lines=False),
    }
)


def target_of(name: str) -> str:
    """What the overlay of this name is called among the trust root's targets."""
    return f"{FOLDER}{name}.json"


def parse_overlay(data: bytes) -> Overlay:
    """Read an overlay.

    Raises:
        OverlayError: not canonical JSON of at most OVERLAY_BYTES_MAX bytes, another field, a
            value out of bounds, nothing that it tightens, or a time that is not within 31 days.
    """
    if len(data) > OVERLAY_BYTES_MAX:
        raise OverlayError(f"an overlay has at most {OVERLAY_BYTES_MAX} bytes")
    try:
        payload = decode_object(data)
        _OVERLAY("", payload)
        overlay = _overlay(payload)
        _check_together(overlay)
    except (CanonicalError, RecordError) as error:
        raise OverlayError(str(error)) from error
    return overlay


def encode_overlay(overlay: Overlay) -> bytes:
    """Write an overlay, the same bytes that `parse_overlay` reads.

    Raises:
        OverlayError: its fields are not those of an overlay, or it is too long.
    """
    try:
        plain = asdict(replace(overlay, caps={}))
        data = encode({**plain, "caps": dict(overlay.caps), "v": VERSION})
    except CanonicalError as error:
        raise OverlayError(str(error)) from error
    if parse_overlay(data) != overlay:
        raise OverlayError("it is not what its bytes say")
    return data


def _overlay(payload: JsonObject) -> Overlay:
    """Build the value of fields that the table of rules has accepted."""
    return Overlay(
        name=payload["name"],
        gateway=payload["gateway"],
        caps=MappingProxyType(payload["caps"]),
        restricted=tuple(payload["restricted"]),
        effective_from_us=payload["effective_from_us"],
        expires_us=payload["expires_us"],
        reason=payload["reason"],
    )


def _check_together(overlay: Overlay) -> None:
    """Refuse fields that are each right and together mean nothing, or two things."""
    if list(overlay.restricted) != sorted(set(overlay.restricted)):
        raise RecordError("restricted", "is not sorted, or has a symbol twice")
    if not overlay.caps and not overlay.restricted:
        raise RecordError("caps", "is empty, and so is restricted: it tightens nothing")
    if not 0 < overlay.expires_us - overlay.effective_from_us <= LIFETIME_MAX_US:
        raise RecordError("expires_us", "is not within 31 days after effective_from_us")
