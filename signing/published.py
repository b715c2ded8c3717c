"""A published log read piece by piece: its checkpoint, one entry, one proof.

Nothing here is a verification of the log; `signing.verify` is. What is read is only as good as the
proof that is made of it, so `receipt` hands out no receipt that does not lead to the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from signing.checkpoint import Checkpoint, CheckpointError, read_checkpoint, verify_checkpoint
from signing.envelope import EnvelopeError, open_envelope
from signing.keys import Vkey
from signing.merkle import fold, leaf_hash, prove_inclusion, verify_inclusion
from signing.receipt import encode_receipt
from signing.tiles import FULL, TilesError, decode_bundle, decode_tile
from signing.verification.folder import Folder, read_note


class PublishedError(ValueError):
    """A published log that cannot be read, or does not prove what it should."""


class PublishedLog:
    """The files of a log.

    Attributes:
        note: its checkpoint, as published.
        checkpoint: what the note says.
    """

    def __init__(self, directory: Path, vkey: Vkey | None = None) -> None:
        """Read the checkpoint, and verify its signature if `vkey` is given.

        Raises:
            PublishedError: there is no valid checkpoint.
            OSError: the folder cannot be read.
        """
        self.note = read_note(directory)
        if not self.note:
            raise PublishedError(
                "there is no checkpoint: it is no published log, or not a whole one"
            )
        self._folder = Folder(directory)
        try:
            self.checkpoint: Checkpoint = (
                read_checkpoint(self.note) if vkey is None else verify_checkpoint(self.note, vkey)
            )
        except CheckpointError as error:
            raise PublishedError(str(error)) from error

    def entry(self, index: int) -> bytes:
        """Return the bytes of one entry.

        Raises:
            PublishedError: the log has no such entry, or its bundle is damaged.
        """
        if not 0 <= index < self.checkpoint.size:
            raise PublishedError(f"the log has {self.checkpoint.size} entries, none at {index}")
        return self._bundle(index // FULL)[index % FULL]

    def find_decision(self, name: str) -> int | None:
        """Return the index of the decision whose decision id or order id is `name`.

        Raises:
            PublishedError: a bundle or an entry is damaged.
        """
        for index, entry in enumerate(self.entries()):
            try:
                envelope = open_envelope(entry)
            except EnvelopeError as error:
                raise PublishedError(f"entry {index}: {error}") from error
            ids = (envelope.payload.get("decision_id"), envelope.payload.get("order_id"))
            if envelope.kind == "decision" and name in ids:
                return index
        return None

    def entries(self) -> Iterator[bytes]:
        """Yield every entry under the checkpoint, in order.

        Raises:
            PublishedError: a bundle is damaged.
        """
        for index in range(-(-self.checkpoint.size // FULL)):
            yield from self._bundle(index)

    def receipt(self, index: int) -> bytes:
        """Return the receipt of one entry under the published checkpoint.

        Raises:
            PublishedError: the log has no such entry, or its files do not prove it.
        """
        entry, now = self.entry(index), self.checkpoint
        proof = prove_inclusion(self.node, index, now.size)
        if not verify_inclusion(leaf_hash(entry), index, now.size, proof, now.root):
            raise PublishedError(f"the tiles do not lead from entry {index} to the checkpoint")
        return encode_receipt(entry, index, proof, self.note)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree, from the tile that lies just below it.

        Raises:
            PublishedError: the tile is missing or damaged.
        """
        tile_level, above = divmod(level, 8)
        tile, place = divmod(index << above, FULL)
        hashes = self._tile(tile_level, tile)[place : place + (1 << above)]
        if len(hashes) < 1 << above:
            raise PublishedError(f"a tile of level {tile_level} is too narrow")
        while len(hashes) > 1:
            hashes = [fold(hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def _tile(self, level: int, index: int) -> list[bytes]:
        width = min(FULL, (self.checkpoint.size >> 8 * level) - index * FULL)
        found = self._folder.read(level, index, width)
        try:
            return decode_tile(found[1], found[0].width) if found else []
        except TilesError as error:
            raise PublishedError(str(error)) from error

    def _bundle(self, index: int) -> list[bytes]:
        width = min(FULL, self.checkpoint.size - index * FULL)
        found = self._folder.read("entries", index, width)
        try:
            entries = decode_bundle(found[1]) if found else []
        except TilesError as error:
            raise PublishedError(str(error)) from error
        if len(entries) < width:
            raise PublishedError(f"the bundle of entry {index * FULL + len(entries)} is missing")
        return entries[:width]
