"""`writ trust init|officer|rotate`: drafts of roots, which say who the officers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import output
from gateway.cli.named_files import FILE_BYTES_MAX, read_file, usage
from gateway.cli.trust_folder import OpenedTrust, now_us, open_roots, refusals
from gateway.cli.trust_options import OutOption, RootOption, TrustOption
from gateway.cli.trust_shown import reading_of_root, show_reading
from gateway.cli.trust_signing import write_draft
from signing.keys import InvalidKeyError, PublicKey
from signing.trust import Council, Officer, RootState, propose_root

officer_app = typer.Typer(no_args_is_help=True, help="Add and remove officers.")

_DAY_US: Final = 24 * 3_600 * 1_000_000
_INIT: Final = "trust init"
_ADD: Final = "trust officer add"
_REMOVE: Final = "trust officer remove"
_ROTATE: Final = "trust rotate"

ValidOption = Annotated[
    int, typer.Option("--valid-days", min=1, max=3_660, help="How long the root is to be valid.")
]
ThresholdOption = Annotated[
    int | None, typer.Option("--threshold", help="How many officers must sign from then on.")
]


def init(
    officers: Annotated[
        list[str],
        typer.Option("--officer", metavar="NAME[:ROLE,…]=FILE", help="An officer and their .pub."),
    ],
    publisher: Annotated[Path, typer.Option("--publisher", help="The publisher's .pub.")],
    out: OutOption,
    threshold: Annotated[int, typer.Option("--threshold", help="How many officers must sign.")] = 2,
    development: Annotated[
        bool, typer.Option("--development", help="Let one officer be enough; everything says so.")
    ] = False,
    days: ValidOption = 365,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft the first root: the officers, how many of them must sign, and the publisher's key."""
    with refusals():
        named = tuple(_named_officer(text) for text in officers)
        council = Council(named, threshold, _public(publisher, _INIT), development)
    _write(council, None, out, days, fmt)


@officer_app.command("add")
def officer_add(  # noqa: PLR0913  one option for each part of a change
    *,
    name: Annotated[str, typer.Argument(help="Their name: a-z 0-9 . _ -")],
    key: Annotated[Path, typer.Option("--public-key", help="Their .pub.")],
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help="risk, compliance or admin.")
    ] = None,
    threshold: ThresholdOption = None,
    days: ValidOption = 365,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft a root with one officer more."""
    with refusals():
        officer = Officer(name, (_public(key, _ADD),), frozenset(roles or ()))
    opened = open_roots(trust, root, _ADD)
    _propose(lambda c: _requiring(c.adding(officer), threshold), opened, out, days, fmt)


@officer_app.command("remove")
def officer_remove(
    name: Annotated[str, typer.Argument(help="Their name.")],
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    threshold: ThresholdOption = None,
    days: ValidOption = 365,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft a root with one officer less; what they alone had signed counts for nothing then."""
    opened = open_roots(trust, root, _REMOVE)

    def change(council: Council) -> Council:
        # In this order, so that two of two can become another two of two by way of one more.
        fewer = council if threshold is None else council.requiring(threshold)
        return fewer.removing(name)

    _propose(change, opened, out, days, fmt)


def rotate(  # noqa: PLR0913  one option for each part of a change
    *,
    trust: TrustOption,
    root: RootOption,
    out: OutOption,
    name: Annotated[str | None, typer.Argument(help="The officer whose key is replaced.")] = None,
    old: Annotated[Path | None, typer.Option("--old", help="The .pub that goes.")] = None,
    new: Annotated[
        Path | None, typer.Option("--new", help="The .pub that takes its place.")
    ] = None,
    publisher: Annotated[
        Path | None, typer.Option("--publisher", help="The publisher's new .pub.")
    ] = None,
    threshold: ThresholdOption = None,
    days: ValidOption = 365,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Draft a root with other keys or another threshold; with neither, the same for longer."""
    if not (name is None) == (old is None) == (new is None):
        raise usage("an officer's key is replaced with NAME, --old and --new together", _ROTATE)
    opened = open_roots(trust, root, _ROTATE)

    def change(council: Council) -> Council:
        if name is not None and old is not None and new is not None:
            council = council.rotating(name, _public(old, _ROTATE), _public(new, _ROTATE))
        if publisher is not None:
            council = council.publishing_with(_public(publisher, _ROTATE))
        return _requiring(council, threshold)

    _propose(change, opened, out, days, fmt)


def _propose(
    change: Callable[[Council], Council],
    opened: OpenedTrust,
    out: Path,
    days: int,
    fmt: output.Format,
) -> None:
    """Draft the root that a change of the council makes."""
    with refusals():
        council = change(opened.roots.council)
    _write(council, opened.roots, out, days, fmt)


def _write(
    council: Council, roots: RootState | None, out: Path, days: int, fmt: output.Format
) -> None:
    with refusals():
        draft = propose_root(council, roots, now_us() + days * _DAY_US)
        write_draft(draft, out)
        show_reading(reading_of_root(draft, roots), roots, fmt)
    output.note(f"the draft is in {out}: send it to the officers, who sign it at home")


def _requiring(council: Council, threshold: int | None) -> Council:
    return council if threshold is None else council.requiring(threshold)


def _named_officer(text: str) -> Officer:
    """An officer as the command line names one: `anna:risk,compliance=anna.pub`."""
    head, equals, file = text.partition("=")
    name, _, roles = head.partition(":")
    if not equals:
        raise usage(f"--officer {text}: write NAME=FILE, or NAME:ROLE,ROLE=FILE", _INIT)
    return Officer(name, (_public(Path(file), _INIT),), frozenset(filter(None, roles.split(","))))


def _public(path: Path, command: str) -> PublicKey:
    """Read a .pub file."""
    try:
        text = read_file(path, FILE_BYTES_MAX, command).decode("ascii")
        return PublicKey.from_hex(text.removesuffix("\n"))
    except (InvalidKeyError, UnicodeDecodeError) as error:
        raise usage(f"{path}: {error}", command) from error
