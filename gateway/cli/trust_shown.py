"""What is shown of a draft or of what stands, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.cli import output
from gateway.cli.trust_folder import refusals
from signing.rendering.change import LOOSER, TIGHTER, Change, folded
from signing.rendering.council import council_changes, council_words
from signing.rendering.units import instant
from signing.trust import Draft, RootState, tally

_COLUMNS: Final = ("effect", "change")

_RULES: Final = (
    "controls are told in the words of whoever built the release. To compare the rules themselves, "
    "unpack the draft and, where the server is installed, use `writ policy diff`."
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a person reads before they sign.

    Attributes:
        draft: what would be signed.
        changes: against what stands.
        words: all of it in full.
    """

    draft: Draft
    changes: Sequence[Change]
    words: Sequence[tuple[str, str]]

    def head(self, roots: RootState | None) -> dict[str, Any]:
        """Which draft it is, and how far."""
        with refusals():
            count = tally(self.draft, roots)
        return {
            "role": self.draft.role,
            "version": self.draft.version,
            "expires": instant(self.draft.expires_us),
            "digest": self.draft.digest,
            "signed_by": sorted(count.signed),
            "needed": count.needed,
            "missing": count.missing,
        }


def reading_of_root(draft: Draft, roots: RootState | None) -> Reading:
    """The reading of a root's draft, against the newest root."""
    council = draft.council
    assert council is not None, "a root has one"
    before = None if roots is None else roots.council
    return Reading(draft, council_changes(before, council), council_words(council))


def show_reading(reading: Reading, roots: RootState | None, fmt: output.Format) -> None:
    """Print a draft: which one, what it changes, and all of it in full."""
    head = reading.head(roots)
    if fmt is output.Format.JSON:
        changes = [asdict(change) for change in reading.changes]
        output.record({**head, "changes": changes, "full": dict(reading.words)}, fmt)
        return
    output.record({**head, "signed_by": ", ".join(head["signed_by"]) or "nobody"}, fmt)
    lines = [{"effect": c.effect, "change": c.sentence} for c in folded(reading.changes)]
    if lines:
        output.rows(lines, _COLUMNS, fmt)
    output.record(dict(reading.words), fmt)
    output.note(_counted(reading.changes))
    if any(change.part == "rules" for change in reading.changes):
        output.note(_RULES)


def _counted(changes: Sequence[Change]) -> str:
    effects = [change.effect for change in changes]
    counts = ", ".join(f"{effects.count(effect)} {effect}" for effect in (LOOSER, TIGHTER))
    return f"{len(changes)} changes against what stands: {counts}"


def show_progress(reading: Reading, roots: RootState | None) -> None:
    """Say how far a draft is."""
    head = reading.head(roots)
    who = ", ".join(head["signed_by"]) or "nobody"
    more = f"{head['missing']} more must sign" if head["missing"] else "it can be published"
    output.note(f"signed by {who}: {more}")
