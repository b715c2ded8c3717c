"""`writ audit replay`: decide every recorded decision of a published log again.

It needs the published files and the engine in WebAssembly, and no gateway. It is loaded by name
from the audit commands, which must not need the engine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.named_files import folder, read_vkey, unreadable, usage
from gateway.cli.published_log import ProvenLog, no_engine, open_log, progress
from gateway.cli.replay_report import print_report
from signing.published import PublishedError
from signing.verification.roots import RootsError

if TYPE_CHECKING:
    from gateway.policy.replay.run import Plan, Replayed
    from gateway.policy.replay.state import StateFile

app = typer.Typer(add_completion=False)

_JOBS_MAX: Final = 256


@app.command("replay")
def replay(  # noqa: PLR0913, PLR0917  one option each, which typer hands over by name
    log: Annotated[Path, typer.Option("--log", help="Folder with checkpoint, tile/ and blobs/.")],
    vkey: Annotated[
        Path | None,
        typer.Option("--vkey", help="File with the log's verifier key, from a source you trust."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, max=_JOBS_MAX, help="Processes; one for each core if left."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", help="Remember here how far it came, and go on from there next time."
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever was done.")] = False,
    start: Annotated[int, typer.Option("--from", min=0, help="First entry to decide again.")] = 0,
    end: Annotated[
        int | None, typer.Option("--to", min=1, help="Entry to stop before; the log's end if left.")
    ] = None,
    stop_at_first: Annotated[
        bool, typer.Option("--stop-at-first", help="Stop at the first difference.")
    ] = False,
    require_all: Annotated[
        bool, typer.Option("--require-all", help="Exit 1 too if a document was removed.")
    ] = False,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Decide every recorded input again with its recorded release, and compare byte for byte.

    Exit 1 if anything differs or is damaged. Interrupted, it goes on where it stopped.
    """
    try:
        from gateway.policy.replay import run as replaying
    except ModuleNotFoundError as error:
        raise no_engine(error) from error
    given = folder(log)
    try:
        opened = open_log(given, None if vkey is None else read_vkey(vkey))
        size = opened.roots.checkpoint.size
        if start > size or (end is not None and end <= start):
            raise usage(f"the log has {size} entries; --from must be among them and below --to")
        count = jobs or replaying.default_jobs(size)
        plan = replaying.Plan(given, opened.roots, start, end, count, stop_at_first)
        kept = _state_file(opened, plan, state, fresh=fresh)
        found = _run(plan, kept)
        if kept is not None and state is None:
            kept.remove()
    except (PublishedError, RootsError) as error:
        output.complaint(str(error), "log-damaged", "run writ audit verify on this log")
        raise typer.Exit(exits.DENIED) from error
    except OSError as error:
        raise unreadable(error) from error
    except KeyboardInterrupt:  # before there was anything to go on from
        output.note("interrupted")
        raise typer.Exit(exits.INTERRUPTED) from None
    ok = print_report(found, opened.vkey, plan, pinned=opened.pinned, fmt=fmt)
    missing = require_all and found.tally.total("not_replayable") > 0
    if not ok or missing:
        raise typer.Exit(exits.DENIED)


def _run(plan: Plan, kept: StateFile | None) -> Replayed:
    from gateway.policy.replay.run import replay as run
    from gateway.policy.replay.state import RewrittenLogError

    try:
        with progress("deciding again") as told:
            return run(plan, kept, told)
    except RewrittenLogError as error:
        output.complaint(error.detail, error.code, error.remedy)
        raise typer.Exit(exits.DENIED) from error
    except KeyboardInterrupt:
        how = "" if kept is None else "; run it again to go on where it stopped"
        output.note(f"interrupted{how}")
        raise typer.Exit(exits.INTERRUPTED) from None


def _state_file(
    opened: ProvenLog, plan: Plan, chosen: Path | None, *, fresh: bool
) -> StateFile | None:
    """Where to remember how far it came: as chosen, or beside the log if that can be written."""
    from gateway.policy.replay.run import ENGINE
    from gateway.policy.replay.state import Binding, StateFile

    path = chosen or plan.directory.resolve().with_name(f"{plan.directory.resolve().name}.replay")
    if chosen is None and not os.access(path.parent, os.W_OK):
        output.note(f"{path.parent} cannot be written: an interrupted run begins anew (--state)")
        return None
    binding = Binding(
        opened.vkey.name, opened.vkey.public.hex, plan.decide_from, plan.decide_to, ENGINE
    )
    kept = StateFile(path, binding)
    if fresh:
        kept.remove()
    return kept
