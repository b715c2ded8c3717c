"""`writ policy impact`: what a candidate would have changed in the decisions of a published log."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.named_files import read_vkey, unreadable, usage
from gateway.cli.published_log import ProvenLog, no_engine, open_log, progress
from signing.published import PublishedError
from signing.verification.roots import RootsError

if TYPE_CHECKING:
    from gateway.policy.impact.run import Question
    from gateway.policy.impact.tally import Impact

_JOBS_MAX: Final = 256
_FLIPS_SHOWN: Final = 20
_COLUMNS: Final = ("decision_id", "flip", "account", "symbol", "notional", "controls", "first_in")
_DIMENSIONS: Final = ("control", "account", "strategy", "symbol")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_COMMAND: Final = "policy impact"

CandidateOption = Annotated[
    Path,
    typer.Option(
        "--candidate",
        help="A release folder, or a policies folder to build.",
        exists=True,
        file_okay=False,
    ),
]
LogOption = Annotated[
    Path,
    typer.Option(
        "--log",
        help="Folder with checkpoint, tile/ and blobs/.",
        exists=True,
        file_okay=False,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="For a policies folder: limits and lists of its own.",
        exists=True,
        file_okay=False,
    ),
]


class Flip(StrEnum):
    """Which way a decision turns under the candidate."""

    ALLOW_TO_DENY = "allow-to-deny"
    DENY_TO_ALLOW = "deny-to-allow"


def impact(  # noqa: PLR0913, PLR0917  one option each, which typer hands over by name
    candidate: CandidateOption,
    log: LogOption = Path("writ-data/log"),
    data: DataOption = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only decisions from this market time on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Only decisions before this market time.")
    ] = None,
    vkey: Annotated[
        Path | None,
        typer.Option("--vkey", help="File with the log's verifier key, from a source you trust."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as a page as well.")
    ] = None,
    flips: Annotated[
        Path | None, typer.Option("--flips", help="Write every flip there, a JSON object a line.")
    ] = None,
    fail_on: Annotated[
        list[Flip] | None, typer.Option("--fail-on", help="Exit 1 if any decision flips this way.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, max=_JOBS_MAX, help="Processes; one for each core if left."),
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Decide past orders again under a candidate, and tell which would have turned out otherwise.

    First-order: the facts are those that were recorded, and past decisions shaped them.
    """
    try:
        from gateway.policy.impact.run import Question
        from gateway.policy.replay.run import Plan, default_jobs
    except ModuleNotFoundError as error:
        raise no_engine(error) from error
    window = (_instant(since, 0), _instant(until, 2**53))
    if window[0] >= window[1]:
        raise usage("--since must lie before --until", _COMMAND)
    if html is not None and not html.parent.is_dir():  # told before the work, not after it
        raise usage(f"{html.parent} is not a folder to write a page into", _COMMAND)
    try:
        with _release(candidate, data) as release:
            opened = open_log(log, None if vkey is None else read_vkey(vkey))
            count = jobs or default_jobs(opened.roots.checkpoint.size)
            question = Question(Plan(log, opened.roots, jobs=count), release, window)
            found = _ask(question, flips)
            about = _about(release)
    except (PublishedError, RootsError) as error:
        output.complaint(str(error), "log-damaged", "run writ audit verify on this log")
        raise typer.Exit(exits.DENIED) from error
    except OSError as error:
        raise unreadable(error) from error
    _print(found, about, fmt)
    if html is not None:
        _write_page(html, found, about, opened)
    if found.damages or any(found.flipped(way.value) for way in fail_on or ()):
        raise typer.Exit(exits.DENIED)


def _ask(question: Question, flips: Path | None) -> Impact:
    from gateway.policy.impact.run import impact as run

    with progress("deciding again") as told, _sink(flips) as sink:
        return run(question, told, sink)


@contextmanager
def _sink(path: Path | None) -> Generator[Callable[[dict[str, Any]], None] | None]:
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8") as file:

        def write(flip: dict[str, Any]) -> None:
            file.write(json.dumps(flip, sort_keys=True) + "\n")

        yield write


@contextmanager
def _release(candidate: Path, data: Path | None) -> Generator[Path]:
    """The candidate's release folder; a policies folder is built first."""
    from gateway.policy.release import DESCRIPTOR

    if (candidate / DESCRIPTOR).exists():
        if data is not None:
            raise usage("--data goes with a policies folder; a release has its own", _COMMAND)
        yield candidate
        return
    from gateway.policy.build import build
    from gateway.policy.data_files import release_data

    with tempfile.TemporaryDirectory(prefix="writ-candidate-") as built:
        output.note(f"building {candidate}")
        build(candidate, Path(built), "candidate", release_data(candidate, data))
        yield Path(built)


def _about(release: Path) -> dict[str, str]:
    from gateway.policy.release import load_release

    loaded = load_release(release)
    return {"revision": loaded.revision, "label": loaded.label, "digest": loaded.digest}


def _print(found: Impact, about: dict[str, str], fmt: output.Format) -> None:
    report = found.data()
    if fmt is output.Format.JSON:
        output.record({"candidate": about} | report, fmt)
        return
    output.record({"candidate": about["revision"], **report["outcomes"]}, fmt)
    for dimension in _DIMENSIONS:
        rows = [_money_row(row) for row in report["by"][dimension]]
        if rows:
            output.rows(rows, (dimension, *(way.value for way in Flip), "lost", "gained"), fmt)
    shown = [
        flip
        | {
            "notional": _money(flip["notional_micros"]),
            "controls": " ".join(flip["controls"]),
            "first_in": " ".join(flip["first_in"]),
        }
        for flip in report["flips"][:_FLIPS_SHOWN]
    ]
    if shown:
        output.rows(shown, _COLUMNS, fmt)
    _notes(found)


def _notes(found: Impact) -> None:
    flips = sum(found.flipped(way.value) for way in Flip)
    if flips > _FLIPS_SHOWN:
        output.note(f"{flips - _FLIPS_SHOWN} more flips: -o json, --html or --flips")
    if flips:
        output.note("first-order: only the first flip of a scope is certain (first in)")
    for fact, count in sorted(found.undecidable_facts.items()):
        output.note(f"{count} could not be decided: {fact} was not recorded")
    if found.unreadable:
        output.note(f"{found.unreadable} documents are gone: their decisions were left out")
    for damage in found.damages[:_FLIPS_SHOWN]:
        output.note(f"entry {damage['index']} is damaged: {damage['detail']}")


def _write_page(path: Path, found: Impact, about: dict[str, str], opened: ProvenLog) -> None:
    from gateway.policy.impact.page import page

    checkpoint = opened.roots.checkpoint
    log = {"log": opened.vkey.name, "entries": str(checkpoint.size), "root": checkpoint.root.hex()}
    path.write_text(page(found, about, log), encoding="utf-8")
    output.note(f"the page is {path}")


def _money_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"lost": _money(row["lost_micros"]), "gained": _money(row["gained_micros"])}


def _money(micros: int | None) -> str | None:
    from gateway.domain.quantities import format_scaled

    return None if micros is None else format_scaled(micros, 6)


def _instant(text: str | None, default: int) -> int:
    """Microseconds of UTC of a date or an instant with its offset."""
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise usage(f"{text!a} is no instant such as 2015-08-24T15:30:00-04:00", _COMMAND) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    us = (at - _EPOCH) // datetime.resolution
    if not 0 <= us < 2**53:
        raise usage(f"{text!a} lies outside of the times that a log can hold", _COMMAND)
    return us
