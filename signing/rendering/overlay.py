"""Overlays in people's words: what one risk officer tightens, against what stands already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from signing.overlay import FOLDER, Overlay, OverlayError, parse_overlay
from signing.rendering.change import ADDED, CHANGED, LOOSER, REMOVED, TIGHTER, Change
from signing.rendering.manifest import gateway_words
from signing.rendering.permission import Permission
from signing.rendering.release import GLOBAL
from signing.rendering.units import instant, limit_value, limit_words

UNKNOWN_CURRENCY: Final = "of the base currency"
"""What is said after an amount where nothing stands that names a currency."""


def overlay_words(overlay: Overlay, currency: str) -> list[tuple[str, str]]:
    """Everything that an overlay says, as names and texts.

    Args:
        overlay: what is told.
        currency: the base currency of the release that it tightens.
    """
    caps = overlay.caps
    return [
        ("overlay", overlay.name),
        ("gateway", gateway_words(overlay.gateway)),
        ("from", instant(overlay.effective_from_us)),
        ("until", instant(overlay.expires_us)),
        ("reason", overlay.reason),
        *((f"{limit_words(n)} at most", limit_value(n, caps[n], currency)) for n in sorted(caps)),
        *([("restricted", ", ".join(overlay.restricted))] if overlay.restricted else []),
    ]


def overlay_line(overlay: Overlay, currency: str) -> str:
    """What an overlay does, in one line."""
    caps = [
        f"{limit_words(name)} at most {limit_value(name, overlay.caps[name], currency)}"
        for name in sorted(overlay.caps)
    ]
    symbols = [f"restricted: {', '.join(overlay.restricted)}"] if overlay.restricted else []
    return "; ".join([*caps, *symbols, f"until {instant(overlay.expires_us)}"])


def overlay_changes(
    before: Mapping[str, Overlay],
    after: Mapping[str, Overlay],
    standing: Permission | None,
    now_us: int,
) -> list[Change]:
    """Everything that signing other overlays changes.

    Args:
        before: the overlays that stand, by name.
        after: those that would.
        standing: what the officers permit, which both tighten; None: it is not known.
        now_us: the present, microseconds UTC: what has ended by then is missed by nobody.
    """
    currency = UNKNOWN_CURRENCY if standing is None else standing.release.currency
    changes: list[Change] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if old is not None:
            effect = LOOSER if now_us < old.expires_us else ""
            changes.append(
                Change("overlay", name, REMOVED, overlay_line(old, currency), None, effect)
            )
        if new is not None:
            others = [one for one in before.values() if one.name != name]
            changes += _added(new, others, standing, currency)
    return changes


def lifting(target: str, data: bytes | None, currency: str) -> Change:
    """What the officers take back when they lift an overlay.

    Args:
        target: its name among the trust root's targets.
        data: its bytes; None where they are not known.
        currency: the base currency of the release that it tightens.
    """
    name = target.removeprefix(FOLDER).removesuffix(".json")
    try:
        was = None if data is None else overlay_line(parse_overlay(data), currency)
    except OverlayError:
        was = "one that cannot be read, so that every order is denied"
    return Change("overlay", name, REMOVED, was, effect=LOOSER)


def slack_in(overlay: Overlay, others: Iterable[Overlay], standing: Permission) -> list[str]:
    """What of an overlay tightens nothing that does not stand already, in words.

    Args:
        overlay: what is proposed.
        others: the overlays that stand.
        standing: what the officers permit.
    """
    known, currency = list(others), standing.release.currency
    found: list[str] = []
    for name in sorted(overlay.caps):
        bound = _bound(name, overlay, known, standing)
        if bound is not None and overlay.caps[name] >= bound:
            cap, at_most = (limit_value(name, v, currency) for v in (overlay.caps[name], bound))
            found.append(f"{limit_words(name)}: {cap} is not below {at_most}, which stands already")
    symbols = set(overlay.restricted) & _restricted(overlay, known, standing)
    found += [f"{symbol} is restricted already" for symbol in sorted(symbols)]
    return found


def _added(
    overlay: Overlay, others: list[Overlay], standing: Permission | None, currency: str
) -> Iterator[Change]:
    when = f"from {instant(overlay.effective_from_us)} until {instant(overlay.expires_us)}"
    yield Change("overlay", overlay.name, ADDED, None, when)
    for name, cap in sorted(overlay.caps.items()):
        bound = _bound(name, overlay, others, standing)
        told = limit_value(name, cap, currency)
        if bound is None:
            yield Change("limit", limit_words(name), CHANGED, "what stands", told, TIGHTER)
        elif cap < bound:
            was = limit_value(name, bound, currency)
            yield Change("limit", limit_words(name), CHANGED, was, told, TIGHTER)
    for symbol in sorted(set(overlay.restricted) - _restricted(overlay, others, standing)):
        yield Change("restricted", symbol, ADDED, effect=TIGHTER)


def _bound(
    name: str, overlay: Overlay, others: Iterable[Overlay], standing: Permission | None
) -> int | None:
    """The most that a limit may be for as long as an overlay stands, without it; None: unknown."""
    caps = [one.caps[name] for one in others if name in one.caps and _covers(one, overlay)]
    if standing is not None:
        # A limit that is missing proves nothing, so that nothing passes it already.
        caps.append(standing.release.data["limits"][GLOBAL].get(name, 0))
    return min(caps, default=None)


def _restricted(
    overlay: Overlay, others: Iterable[Overlay], standing: Permission | None
) -> set[str]:
    """The symbols that are restricted for as long as an overlay stands, without it."""
    signed: set[str] = set() if standing is None else set(standing.release.data["restricted"])
    return signed.union(*(one.restricted for one in others if _covers(one, overlay)))


def _covers(other: Overlay, overlay: Overlay) -> bool:
    """Whether another overlay stands for all of the time of this one, at the same gateway."""
    begins, ends = overlay.effective_from_us, overlay.expires_us
    same = other.gateway == overlay.gateway
    return same and other.effective_from_us <= begins and ends <= other.expires_us
