"""`writ policy try`: one document against one release, with the reasons and the arithmetic."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import exits, output
from gateway.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from gateway.domain.decision import Verdict
    from gateway.policy.catalogue import ControlText
    from gateway.policy.recorded import RecordedDecision
    from gateway.policy.release import Release
    from gateway.policy.trying import Tried

_UNDECIDED = "run `writ policy check` on the sources of this release"
_COLUMNS = ("control", "title", "proven", "arithmetic", "source", "what_to_do")


@dataclass(frozen=True, slots=True)
class _With:
    """What is decided with: a release and the words of its controls."""

    release: Release
    words: Mapping[str, ControlText]


def try_document(
    document: Annotated[
        str, typer.Argument(help="A file with one input document; - for standard input.")
    ] = "",
    release: Annotated[
        Path | None,
        typer.Option(
            "--release",
            help="The release folder; the shipped one if left.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", help="A policies folder to build for this.", exists=True, file_okay=False
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="A folder with other limits and lists.", exists=True, file_okay=False
        ),
    ] = None,
    decision: Annotated[
        str, typer.Option("--decision", help="A recorded decision or order id, in place of a file.")
    ] = "",
    log: Annotated[
        Path | None,
        typer.Option("--log", help="The published log with it.", exists=True, file_okay=False),
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Decide one input document and show what each control says of it, with its arithmetic.

    Exit 0 if the order is allowed, 1 if it is denied. A recorded decision is decided with the
    release that it names, unless another one is given. Nothing is recorded.
    """
    from gateway.domain.decision import EngineFailure
    from gateway.policy.shape_check import document_schema, problems
    from gateway.policy.trying import decide, explained, read_document

    recorded = _recorded(document, decision, log)
    content = recorded.document if recorded else _read(document)
    chosen = _chosen(release, source, data, recorded, log)
    fields = read_document(content, document if document not in {"", "-"} else "the document")
    for problem in problems(fields, document_schema(source)):
        output.note(f"malformed: {problem}")
    verdict = decide(chosen.release, fields)
    if isinstance(verdict, EngineFailure):
        output.complaint("no verdict could be had", verdict.code, _UNDECIDED)
        raise typer.Exit(exits.DENIED)
    found = explained(verdict, chosen.words, fields, chosen.release.parsed.base_currency)
    _show(found, verdict, chosen.release, recorded, fmt)
    _tell(verdict, recorded)
    if not verdict.allow:
        raise typer.Exit(exits.DENIED)


def _show(
    found: Sequence[Tried],
    verdict: Verdict,
    release: Release,
    recorded: RecordedDecision | None,
    fmt: output.Format,
) -> None:
    if fmt is output.Format.JSON:
        result: dict[str, Any] = {
            "allow": verdict.allow,
            "release": {"digest": release.digest, "revision": release.revision},
            "recorded": None if recorded is None else recorded.allow,
            "controls": [asdict(one) for one in found],
            "halts": [halt.payload() for halt in verdict.halts],
            "door": dict(verdict.door),
        }
        output.record(result, fmt)
        return
    rows = [
        asdict(one) | {"proven": one.passed, "what_to_do": "" if one.passed else one.remedy}
        for one in found
    ]
    output.rows(rows, _COLUMNS, fmt)


def _tell(verdict: Verdict, recorded: RecordedDecision | None) -> None:
    was = "" if recorded is None else f"; it was {'allowed' if recorded.allow else 'denied'} then"
    if verdict.allow:
        output.note(f"allowed{was}")
    elif not verdict.required:
        output.note(f"denied: the release requires nothing, which proves nothing{was}")
    elif verdict.reasons:
        output.note(f"denied: {len(verdict.reasons)} not proven{was}")
    else:
        output.note(f"denied: a threshold of the gate does not stand{was}")


def _recorded(document: str, decision: str, log: Path | None) -> RecordedDecision | None:
    from gateway.policy.recorded import recorded_decision

    if bool(document) == bool(decision) or bool(decision) != bool(log):
        raise InvalidInputError(
            "usage",
            "one document is decided: of a file, or a recorded one",
            "give a file, or - for standard input, or both --decision and --log",
        )
    return recorded_decision(log, decision) if log is not None else None


def _read(document: str) -> bytes:
    from gateway.policy.batches import DOCUMENT_MAX_BYTES

    if document == "-":
        return sys.stdin.buffer.read(DOCUMENT_MAX_BYTES + 1)
    with Path(document).open("rb") as file:
        return file.read(DOCUMENT_MAX_BYTES + 1)


def _chosen(
    release: Path | None,
    source: Path | None,
    data: Path | None,
    recorded: RecordedDecision | None,
    log: Path | None,
) -> _With:
    """The release to decide with, perhaps with other data in it."""
    from gateway.policy.catalogue import load_catalogue
    from gateway.policy.recorded import recorded_release
    from gateway.policy.release import load_release, shipped_directory
    from gateway.policy.sides import bundle_texts, control_words

    if source is not None:
        if release is not None:
            raise InvalidInputError("usage", "--release and --source", "give one of them")
        return _built(source, data)
    if release is None and recorded is not None and log is not None:
        found = recorded_release(log, str(recorded.payload["release_digest"]))
        words = control_words(bundle_texts(found.bundle), found.revision)
        by_id = {text.control: text for text in words.values()}
        return _With(_with_data(found, data), by_id)
    folder = release or shipped_directory()
    return _With(_with_data(load_release(folder), data), load_catalogue(folder).controls)


def _built(source: Path, data: Path | None) -> _With:
    from gateway.policy.build import build
    from gateway.policy.catalogue import load_catalogue
    from gateway.policy.data_files import release_data

    with tempfile.TemporaryDirectory(prefix="writ-try-") as out:
        release = build(source, Path(out), "trial", release_data(source, data))
        return _With(release, load_catalogue(Path(out)).controls)


def _with_data(release: Release, data: Path | None) -> Release:
    from gateway.policy.data_files import data_over, limit_names
    from gateway.policy.release import shipped_directory
    from gateway.policy.release_data import parse_data

    if data is None:
        return release
    content = data_over(release.data, data, limit_names(shipped_directory().parent))
    return replace(release, data=content, parsed=parse_data(content))
