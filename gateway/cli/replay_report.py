"""What `writ audit replay` prints: who decided, what came out, and the first difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.cli import output
from signing.keys import Vkey

if TYPE_CHECKING:
    from gateway.policy.replay.run import Plan, Replayed

_COLUMNS: Final = (
    "engine",
    "version",
    "release",
    "decisions",
    "equal",
    "different",
    "failed",
    "not_replayable",
    "replayed_by",
)
_DIGITS: Final = 12
"""Of a release's digest, in the table."""
_NAMED_MAX: Final = 5
"""Damages and missing documents that are named on the terminal; JSON has more."""


def print_report(
    found: Replayed, vkey: Vkey, plan: Plan, *, pinned: bool, fmt: output.Format
) -> bool:
    """Print the result; returns whether all that could be decided again came out the same."""
    tally = found.tally
    rows = _rows(found)
    summary = {
        "ok": tally.sound,
        "complete": found.reached >= plan.end,
        "origin": vkey.name,
        "size": plan.roots.checkpoint.size,
        "root": plan.roots.checkpoint.root.hex(),
        "key": "given" if pinned else "named by the log itself",
        "decisions": tally.decisions,
        "equal": tally.total("equal"),
        "different": tally.total("different"),
        "failed": tally.total("failed"),
        "not_replayable": tally.total("not_replayable"),
        "damaged": tally.damage_count,
    }
    if fmt is output.Format.JSON:
        output.record(summary | _details(found, plan, rows), fmt)
        return tally.sound
    if rows:
        short = [{**row, "release": row["release"][:_DIGITS]} for row in rows]
        output.rows(short, _COLUMNS, fmt)
    output.record(summary, fmt)
    _first_difference(tally.differences, fmt)
    _notes(found, pinned=pinned)
    return tally.sound


def _rows(found: Replayed) -> list[dict[str, Any]]:
    tally = found.tally
    rows: list[dict[str, Any]] = []
    for (engine, version, release), counts in sorted(tally.rows.items()):
        by = tally.replayers.get(release)
        rows.append(
            {
                "engine": engine,
                "version": version,
                "release": release,
                "decisions": sum(counts.values()),
                **counts,
                "replayed_by": f"{by['engine']} {by['version']}" if by else None,
            }
        )
    return rows


def _details(found: Replayed, plan: Plan, rows: list[dict[str, Any]]) -> dict[str, Any]:
    tally = found.tally
    return {
        "from": plan.decide_from,
        "to": found.reached,
        "resumed_from": found.resumed_from,
        "engines": rows,
        "first_difference": tally.differences[0] if tally.differences else None,
        "differences": tally.differences,
        "damages": tally.damages,
        "missing": tally.missing,
        "failures": tally.failures,
    }


def _first_difference(differences: list[dict[str, Any]], fmt: output.Format) -> None:
    if not differences:
        return
    first = differences[0]
    output.note(f"first difference: entry {first['index']}, decision {first['decision_id']}")
    output.rows(first["diff"], ("control", "was", "is"), fmt)
    output.record({"recorded": first["was"], "decided again": first["is"]}, fmt)


def _notes(found: Replayed, *, pinned: bool) -> None:
    tally = found.tally
    for item in tally.damages[:_NAMED_MAX]:
        output.complaint(f"entry {item['index']}: {item['detail']}", "log-damaged", "")
    if tally.damage_count:
        output.note("  what to do: run writ audit verify on this log")
    failed, missing = tally.total("failed"), tally.total("not_replayable")
    if failed:
        output.note(f"{failed} denials because no verdict could be had: nothing to compare")
    if missing:
        output.note(
            f"{missing} decisions cannot be decided again (--require-all makes that exit 1)"
        )
    for item in tally.missing[:_NAMED_MAX]:
        where = f"entry {item['index']}, decision {item['decision_id']}"
        output.note(f"  {where}: its {item['what']} {item['digest']} is not there any more")
    if not tally.decisions:
        output.note("there was no decision to decide again")
    if not pinned:
        output.note("the log named its own key: give --vkey to know whose log this is")
