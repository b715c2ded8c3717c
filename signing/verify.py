"""Verify a published log: a folder of files, a verifier key, and nothing else.

No database is read and nothing that the operator says is believed. The log is read once, entry by
entry, and judged in numbered steps:

1) The checkpoint is signed by the log's key and names its origin.
2) The tiles hash to the checkpoint's root; every file has its exact name and length.
3) The bundles hold exactly the entries whose hashes the tiles hold, without a byte too many.
4) Entry 0 pins the origin, the log key and the identity key, and is signed by the latter.
5) Every entry is an envelope in its one encoding, signed by the key that the identity key had
   certified last, for the entry's time, in an earlier entry. Who the identity key is changes by
   the rules of `signing.keyring` alone; where one is known, it is the one that stands at the end.
6) Every payload has the fields of its kind, and time never goes back.
7) The entries tell a story that can have happened: no submission without an earlier allow, each
   decision spent once, every order moved by the transition table, no allow during a halt of
   everything, no release that had not been accepted.
8) Every document that is published is what its name says, and is the one its decision means.
   Deleted documents are counted; files that no log has are refused.
9) Where an earlier checkpoint is given: this log is a continuation of it. A log cannot tell by
   itself that it was rolled back or forked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from signing.checkpoint import Checkpoint, CheckpointError, verify_checkpoint
from signing.keyring import Tenure
from signing.keys import PublicKey, Vkey
from signing.records import KINDS
from signing.tiles import FULL
from signing.verification.blobs import DocumentCheck
from signing.verification.entries import EntryCheck
from signing.verification.findings import STEP_NAMES, Findings, Report, Step
from signing.verification.folder import Folder, read_note
from signing.verification.story import StoryCheck
from signing.verification.surplus import SurplusCheck
from signing.verification.tree import TreeCheck

__all__ = ["Progress", "Report", "Step", "Tenure", "verify_log"]

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many entries are done, and how many there are."""


def verify_log(
    directory: Path,
    vkey: Vkey,
    progress: Progress | None = None,
    *,
    earlier: bytes | None = None,
    identity: PublicKey | None = None,
) -> Report:
    """Verify a published log.

    Args:
        directory: the folder with `checkpoint`, `tile/` and `blobs/`.
        vkey: the log's verifier key, from a source that is not this folder.
        progress: called after every bundle.
        earlier: a checkpoint of this log that was kept elsewhere, to detect rollback and forks.
        identity: the identity key that has to stand at the log's end, to detect that somebody
            with the log key alone revoked it.

    Raises:
        OSError: the folder cannot be read.
    """
    return _Verification(directory, vkey, earlier, identity).run(progress or _silent)


class _Verification:
    """One pass over one log."""

    def __init__(
        self, directory: Path, vkey: Vkey, earlier: bytes | None, identity: PublicKey | None
    ) -> None:
        self._vkey = vkey
        self._earlier = earlier
        self._findings = Findings()
        self._entries = EntryCheck(vkey, self._findings, identity)
        # How many entries were looked at, and how many of them before the first unreadable one.
        self._judged = 0
        self._told: int | None = None
        # The checkpoint is read before the files are listed: a log that grows meanwhile has more
        # than it tells of, never less.
        self._note = read_note(directory)
        self._folder = Folder(directory)

    def run(self, progress: Progress) -> Report:
        try:
            checkpoint = verify_checkpoint(self._note, self._vkey)
        except CheckpointError as error:
            self._findings.fault(1, None, str(error))
            return self._report(None)
        tree = TreeCheck(self._folder, checkpoint, self._findings)
        self._read_entries(tree, checkpoint.size, progress)
        proven = tree.conclude()
        if proven is not None:
            SurplusCheck(self._folder, checkpoint.size, proven, self._findings).run()
        if self._earlier is not None:
            self._check_earlier(self._earlier, checkpoint, tree)
        return self._report(checkpoint)

    def _read_entries(self, tree: TreeCheck, size: int, progress: Progress) -> None:
        entries = self._entries
        documents = DocumentCheck(self._folder, self._findings)
        story = StoryCheck(self._findings)
        for start, bundle in tree.read():
            # Behind a gap nothing is judged: what seems to lack a cause may have it in the gap.
            judged = bundle if start == self._judged else []
            self._judged += len(judged)
            for index, entry in enumerate(judged, start):
                envelope = entries.take(index, entry)
                if envelope is None:
                    # What follows may depend on it: the story is followed up to here.
                    self._told = index if self._told is None else self._told
                    continue
                document = documents.take(index, envelope)
                if self._told is None:
                    story.take(index, envelope.kind, envelope.payload, document)
            progress("entries", start + len(bundle), size)
        entries.finish(size)
        documents.finish()

    def _check_earlier(self, note: bytes, now: Checkpoint, tree: TreeCheck) -> None:
        try:
            then = verify_checkpoint(note, self._vkey)
        except CheckpointError as error:
            self._findings.fault(9, None, f"the earlier checkpoint: {error}")
            return
        if then.size > now.size:
            message = f"the log was cut back: it had {then.size} entries before"
            self._findings.fault(9, now.size, message)
        elif tree.root_at(then.size) != then.root:
            self._findings.fault(9, None, f"the first {then.size} entries were others before")

    def _report(self, checkpoint: Checkpoint | None) -> Report:
        last = 8 if self._earlier is None else 9
        details = self._details(checkpoint)
        steps = [self._findings.step(1, details[1])]
        for number in range(2, last + 1):
            if checkpoint is None:
                message = "not run: nothing is proven by a checkpoint that is not valid"
                steps.append(Step(number, STEP_NAMES[number], ok=False, detail=message))
            else:
                steps.append(self._findings.step(number, details[number]))
        return Report(
            ok=all(step.ok for step in steps),
            size=checkpoint.size if checkpoint else 0,
            root=checkpoint.root.hex() if checkpoint else "",
            steps=tuple(steps),
            first_bad_index=self._findings.first_bad_index(),
            counts=MappingProxyType(dict(sorted(self._findings.counts.items()))),
            keys=self._entries.keys,
        )

    def _details(self, checkpoint: Checkpoint | None) -> dict[int, str]:
        """Say what each step verified, for the steps that found nothing wrong."""
        counts, size = self._findings.counts, checkpoint.size if checkpoint else 0
        ahead, found = counts["files ahead"], [counts[kind] for kind in KINDS if counts[kind]]
        revoked = sum(
            one.role == "identity" and one.ending == "revoked" for one in self._entries.keys
        )
        without = f"; identity keys revoked: {revoked}" if revoked else ""
        partly = "" if self._told is None else f", followed up to entry {self._told}"
        return {
            1: f"signed by {self._vkey.name}, over {size} entries",
            2: "every tile hashes to the signed root" + (f", {ahead} files ahead" if ahead else ""),
            3: f"bundles: {-(-size // FULL)}, each with exactly the entries of its tile",
            4: "entry 0 pins the origin, the log key and the identity key",
            5: f"entries signed: {self._judged}, by keys certified for their time{without}",
            6: f"records: {sum(found)}, of {len(found)} kinds, in order of time",
            7: f"decisions: {counts['decision']}, submissions: {counts['submission']}, "
            f"executions: {counts['execution']}{partly}",
            8: f"documents that match: {counts['documents']}, absent: {counts['documents absent']}",
            9: "the log continues the earlier checkpoint",
        }


def _silent(_what: str, _done: int, _total: int) -> None:
    pass
