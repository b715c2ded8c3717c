"""`writ policy impact`: what a candidate would have changed in the decisions of a published log."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli import exits, output
from gateway.cli.impact_report import Flip, print_impact, write_page
from gateway.cli.named_files import read_vkey, unreadable, usage
from gateway.cli.published_log import no_engine, open_log, progress
from gateway.cli.written_files import written
from signing.published import PublishedError
from signing.verification.roots import RootsError

if TYPE_CHECKING:
    from gateway.policy.impact.run import Question
    from gateway.policy.impact.tally import Impact

_JOBS_MAX: Final = 256
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
        list[Flip] | None,
        typer.Option(
            "--fail-on",
            help="Exit 1 if a decision flips this way, or if not every one could be compared.",
        ),
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
    _check_targets(html, flips)
    try:
        with _release(candidate, data) as release:
            opened = open_log(log, None if vkey is None else read_vkey(vkey))
            about = _about(release)
            count = jobs or default_jobs(opened.roots.checkpoint.size)
            question = Question(Plan(log, opened.roots, jobs=count), release, window)
            found = _ask(question, flips)
    except (PublishedError, RootsError) as error:
        output.complaint(str(error), "log-damaged", "run writ audit verify on this log")
        raise typer.Exit(exits.DENIED) from error
    except OSError as error:
        raise unreadable(error) from error
    except KeyboardInterrupt:
        output.note("interrupted; no file was written")
        raise typer.Exit(exits.INTERRUPTED) from None
    print_impact(found, about, fmt)
    if html is not None:
        write_page(html, found, about, opened)
    if found.damages or not _passes(found, fail_on or ()):
        raise typer.Exit(exits.DENIED)


def _check_targets(html: Path | None, flips: Path | None) -> None:
    """Say what cannot be written before the work, not after it."""
    for path, what in ((html, "a page"), (flips, "the flips")):
        if path is not None and not path.parent.is_dir():
            raise usage(f"{path.parent} is not a folder to write {what} into", _COMMAND)
        if path is not None and path.is_dir():
            raise usage(f"{path} is a folder; name a file for {what}", _COMMAND)
    if html is not None and flips is not None and html.resolve() == flips.resolve():
        raise usage("--html and --flips name the same file", _COMMAND)


def _passes(found: Impact, fail_on: Sequence[Flip]) -> bool:
    """Whether a pipeline may go on: nothing flipped as it must not, and nothing was left out."""
    if not fail_on:
        return True
    left_out = found.unreadable + found.undecided
    if left_out or not found.decisions:
        output.complaint(
            f"{left_out} decisions were not compared" if left_out else "there was no decision",
            "impact-incomplete",
            "see the notes above; with --fail-on, each decision of the window must be compared",
        )
        return False
    return not any(found.flipped(way.value) for way in fail_on)


def _ask(question: Question, flips: Path | None) -> Impact:
    from gateway.policy.impact.run import impact as run

    with progress("deciding again") as told, _sink(flips) as sink:
        return run(question, told, sink)


@contextmanager
def _sink(path: Path | None) -> Generator[Callable[[dict[str, Any]], None] | None]:
    if path is None:
        yield None
        return
    with written(path) as file:

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
