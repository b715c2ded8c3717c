"""What `writ policy impact` prints: the counts, the flips, and what could not be compared."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.cli import output
from gateway.cli.written_files import write_whole

if TYPE_CHECKING:
    from gateway.cli.published_log import ProvenLog
    from gateway.policy.impact.tally import Impact

_FLIPS_SHOWN: Final = 20
_COLUMNS: Final = ("decision_id", "flip", "account", "symbol", "notional", "controls", "first_in")
_DIMENSIONS: Final = ("control", "account", "strategy", "symbol")


class Flip(StrEnum):
    """Which way a decision turns under the candidate."""

    ALLOW_TO_DENY = "allow-to-deny"
    DENY_TO_ALLOW = "deny-to-allow"


def print_impact(found: Impact, about: dict[str, str], fmt: output.Format) -> None:
    """Print what was found: counts, what flips by what, the first flips, and what was left out.

    Args:
        found: the whole.
        about: the candidate's revision, label and digest.
        fmt: JSON has everything, the tables have the beginning of it.
    """
    report = found.data()
    if fmt is output.Format.JSON:
        output.record({"candidate": about} | report, fmt)
        return
    # The digest: candidates that differ in their limits alone have one revision.
    output.record({"candidate": about["digest"], **report["outcomes"]}, fmt)
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
    for code, count in sorted(found.engine_failures.items()):
        output.note(f"{count} could not be decided: the candidate's engine fails ({code})")
    if found.unreadable:
        output.note(f"{found.unreadable} documents are gone: their decisions were left out")
    for damage in found.damages[:_FLIPS_SHOWN]:
        output.note(f"entry {damage['index']} is damaged: {damage['detail']}")


def write_page(path: Path, found: Impact, about: dict[str, str], opened: ProvenLog) -> None:
    """Write the report as a page.

    Raises:
        OSError: it cannot be written.
    """
    from gateway.policy.impact.page import page

    checkpoint = opened.roots.checkpoint
    log = {"log": opened.vkey.name, "entries": str(checkpoint.size), "root": checkpoint.root.hex()}
    write_whole(path, page(found, about, log))
    output.note(f"the page is {path}")


def _money_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"lost": _money(row["lost_micros"]), "gained": _money(row["gained_micros"])}


def _money(micros: int | None) -> str | None:
    from gateway.domain.quantities import format_scaled

    return None if micros is None else format_scaled(micros, 6)
