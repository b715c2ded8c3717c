"""`writ trust overlay`: one risk officer tightens at once what all of the officers signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.instants import read_instant
from gateway.cli.manifest_drafts import WithoutActiveOption, nothing_stands, opened_for
from gateway.cli.named_files import usage
from gateway.cli.trust_folder import OpenedTrust, now_us, refusals
from gateway.cli.trust_options import OutOption, RootOption, TrustOption
from gateway.cli.trust_shown import Reading, show_reading
from gateway.cli.trust_signing import write_draft
from signing.overlay import (
    CAPPABLE,
    Overlay,
    OverlayError,
    encode_overlay,
    parse_overlay,
)
from signing.rendering.overlay import (
    UNKNOWN_CURRENCY,
    overlay_changes,
    overlay_line,
    overlay_words,
    slack_in,
)
from signing.rendering.permission import Permission
from signing.rendering.units import limit_words
from signing.trust import Draft, propose_overlays, standing_overlays
from signing.units import UnitError, read_value

_COMMAND: Final = "trust overlay"
# Every overlay renews it; trust ends where nobody signed one for so long.
_VALID_US: Final = 366 * 24 * 3_600 * 1_000_000


def overlay(  # noqa: PLR0913  one option for each field of an overlay
    *,
    name: Annotated[
        str | None, typer.Argument(help="What to call it. [none: sign what stands anew]")
    ] = None,
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    caps: Annotated[
        list[str] | None,
        typer.Option("--cap", metavar="LIMIT=VALUE", help="Such as 'leverage_max=1 x'."),
    ] = None,
    restrict: Annotated[
        list[str] | None, typer.Option("--restrict", help="A symbol that is not to be traded.")
    ] = None,
    begins: Annotated[
        str | None, typer.Option("--from", help="When it begins, with its offset. [now]")
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--until", help="When it ends, with its offset: 31 days at most.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in one line.")] = None,
    without_active: WithoutActiveOption = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft that limits are lowered and symbols restricted, for a time.

    One risk officer signs it (`writ trust sign`), and it counts once it is published.
    """
    opened = opened_for(trust, root, _COMMAND, without_active=without_active)
    files = _standing(opened)
    if name is None:
        _refuse_options(caps, restrict, begins, ends, reason)
    else:
        standing = opened.permission()
        if standing is None:
            raise nothing_stands()
        made = _overlay(standing, name, caps or [], restrict or [], begins, ends, reason)
        _check(made, files, standing)
        files = {**files, made.target: _encoded(made)}
    with refusals():
        draft = propose_overlays(opened.repository, files, now_us() + _VALID_US)
    reading = reading_of_overlays(draft, opened)
    write_draft(draft, out)
    show_reading(reading, opened.roots, fmt)
    output.note(f"the draft is in {out}: one risk officer signs it, with `writ trust sign`")


def reading_of_overlays(draft: Draft, opened: OpenedTrust) -> Reading:
    """What a draft of overlays changes.

    Raises:
        exits.CommandError: `overlay-unreadable`: nothing that anyone should sign.
    """
    standing, before = opened.permission(), _standing(opened)
    after = {name: _read(name, data) for name, data in draft.files.items()}
    known = {name: _read(name, data) for name, data in before.items()}
    currency = UNKNOWN_CURRENCY if standing is None else standing.release.currency
    words = [
        line
        for name, one in sorted(after.items())
        for line in (
            [(f"stays {one.name}", overlay_line(one, currency))]
            if draft.files[name] == before.get(name)
            else overlay_words(one, currency)
        )
    ]
    changes = overlay_changes(_by_name(known), _by_name(after), standing, now_us())
    return Reading(draft, changes, words or [("overlays", "none stands any more")])


def standing_fields(opened: OpenedTrust) -> Iterator[dict[str, Any]]:
    """The overlays that are published, for programs."""
    for name, data in sorted(opened.overlays().items()):
        yield asdict(replace(one := _read(name, data), caps={})) | {"caps": dict(one.caps)}


def standing_words(opened: OpenedTrust) -> Iterator[tuple[str, str]]:
    """The overlays that are published, for people."""
    standing = opened.permission()
    currency = UNKNOWN_CURRENCY if standing is None else standing.release.currency
    for name, data in sorted(opened.overlays().items()):
        one = _read(name, data)
        yield f"overlay {one.name}", overlay_line(one, currency)


def _standing(opened: OpenedTrust) -> dict[str, bytes]:
    with refusals():
        return standing_overlays(opened.repository, opened.roots.council, now_us())


def _overlay(
    standing: Permission,
    name: str,
    caps: list[str],
    restrict: list[str],
    begins: str | None,
    ends: str | None,
    reason: str | None,
) -> Overlay:
    if ends is None or reason is None:
        raise usage("--until and --reason are needed", _COMMAND)
    begins_us = now_us() if begins is None else read_instant(begins, "--from", _COMMAND)
    return Overlay(
        name=name,
        gateway=standing.manifest.gateway,
        caps=dict(_cap(text, standing.release.currency) for text in caps),
        restricted=tuple(sorted(set(restrict))),
        effective_from_us=begins_us,
        expires_us=read_instant(ends, "--until", _COMMAND),
        reason=reason,
    )


def _cap(text: str, currency: str) -> tuple[str, int]:
    """A limit and what it is lowered to, as `order_notional_max=50000 USD`."""
    bare, _, value = text.partition("=")
    known = {limit_words(limit): (limit, unit) for limit, unit in CAPPABLE.items()}
    if bare not in known:
        raise usage(f"{bare}: none of {', '.join(sorted(known))}", _COMMAND)
    limit, unit = known[bare]
    try:
        return limit, read_value(value, unit, currency)
    except UnitError as error:
        raise usage(f"{bare}: {error.message}; {error.remedy}", _COMMAND) from error


def _check(made: Overlay, before: Mapping[str, bytes], standing: Permission) -> None:
    """Refuse an overlay that has a name already, has ended, or does nothing of what it says.

    Raises:
        exits.CommandError: `overlay-stands`, `overlay-ended`, `overlay-loose`.
    """
    if made.target in before:
        raise exits.CommandError(
            "overlay-stands",
            f"{made.name} stands already, and stays until it ends or the officers lift it",
            "give the new one another name: the lowest value counts",
            exits.DENIED,
        )
    if made.expires_us <= now_us():
        raise usage("--until has passed", _COMMAND)
    others = [_read(name, data) for name, data in before.items()]
    slack = slack_in(made, others, standing)
    if slack:
        raise exits.CommandError(
            "overlay-loose",
            f"it would tighten nothing: {'; '.join(slack)}",
            "lower it, or leave it out; to loosen, the officers sign a manifest together",
            exits.DENIED,
        )


def _encoded(made: Overlay) -> bytes:
    try:
        return encode_overlay(made)
    except OverlayError as error:
        raise usage(str(error), _COMMAND) from error


def _read(name: str, data: bytes) -> Overlay:
    try:
        found = parse_overlay(data)
    except OverlayError as error:
        raise _unreadable(f"{name}: {error}") from error
    if found.target != name:
        raise _unreadable(f"{name} calls itself {found.name}")
    return found


def _unreadable(detail: str) -> exits.CommandError:
    return exits.CommandError(
        "overlay-unreadable",
        detail,
        "do not sign it; where it stands, let the officers lift it: `writ manifest lift`",
        exits.DENIED,
    )


def _by_name(overlays: Mapping[str, Overlay]) -> dict[str, Overlay]:
    return {one.name: one for one in overlays.values()}


def _refuse_options(*given: object) -> None:
    if any(given):
        raise usage("name the overlay that these options are for", _COMMAND)
