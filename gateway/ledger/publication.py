"""The published log: DIR/log/ follows the database, never the other way round.

A round brings the folder from one committed size to a later one: documents, bundles, tiles, and
the checkpoint last. Whoever copies the folder at any instant has a checkpoint and everything
that it covers; whatever else is there is ahead of it or superseded, and says nothing else.

Only durable entries are published, so the folder is never ahead of the database. It may be lost:
then it is published anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.ledger.reader import Reader
from gateway.ledger.sequencer import Tip
from gateway.ledger.shelf import Shelf
from gateway.ledger.trunk import Trunk
from signing.tiles import FULL, TileName, changed, encode_bundle

CHECKPOINT: Final = "checkpoint"

_FILES_AT_ONCE: Final = 256
_BLOBS_ENTRIES: Final = 256


class Publication:
    """Publishes one log to one shelf. Its methods block and are called one at a time."""

    def __init__(self, shelf: Shelf, reader: Reader, trunk: Trunk, size: int) -> None:
        """Continue a published log whose checkpoint covers `size` entries and was verified."""
        self._shelf = shelf
        self._reader = reader
        self._trunk = trunk
        self._size = size
        # The partial tiles that lie on the shelf; None until they have been looked up.
        self._partials: set[str] | None = None

    @property
    def size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._size

    def bring_to(self, tip: Tip) -> None:
        """Publish everything below `tip`, which is durable.

        Raises:
            OSError: a file could not be written; the round is begun again by the next call.
            LookupError: the database lacks an entry.
        """
        if tip.size == self._size and self._partials is not None:
            return
        partials, self._partials = self._partials, None
        if tip.size > self._size:
            # Crash or error in here: files that are ahead of the old checkpoint, each whole and
            # true. The next round writes the same bytes again.
            self._put_documents(self._size, tip.size)
            self._put_tiles(self._size, tip.size)
            self._shelf.put([(CHECKPOINT, tip.checkpoint)])
        # Crash here: superseded partial tiles stay until the next start looks for them.
        before, self._size = self._size, tip.size
        # The edge of the checkpoint before stays for one round: somebody may have read that
        # checkpoint and be on the way to its tiles.
        keep = _edge(before) | _edge(tip.size)
        if partials is None:
            partials = set(self._shelf.partial_tiles())
        self._shelf.remove(sorted(partials - keep))
        self._partials = keep

    def _put_documents(self, start: int, end: int) -> None:
        for at in range(start, end, _BLOBS_ENTRIES):
            found = self._reader.blobs(at, min(end, at + _BLOBS_ENTRIES))
            self._shelf.put([(f"blobs/{digest}", content) for digest, content in found])

    def _put_tiles(self, old: int, new: int) -> None:
        files: list[tuple[str, bytes]] = []
        for name in changed(old, new):
            files.append((name.path, self._contents(name)))
            if len(files) == _FILES_AT_ONCE:
                self._shelf.put(files)
                files = []
        self._shelf.put(files)

    def _contents(self, name: TileName) -> bytes:
        if name.level == "entries":
            start = name.index * FULL
            return encode_bundle(self._reader.envelopes(start, start + name.width))
        return self._trunk.tile(name.level, name.index, name.width)


def _edge(size: int) -> set[str]:
    """The partial tiles and the partial bundle of a log of `size` entries."""
    return {name.path for name in _edge_names(size)}


def _edge_names(size: int) -> Iterator[TileName]:
    if size % FULL:
        yield TileName("entries", size // FULL, size % FULL)
    level = 0
    while size:
        if size % FULL:
            yield TileName(level, size // FULL, size % FULL)
        level, size = level + 1, size // FULL
