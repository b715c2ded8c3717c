"""What goes into one transaction: entries with their documents, and the rows that follow them."""

from __future__ import annotations

from gateway.ledger import statements as sql
from gateway.ledger.rows import TRADES, claim_row, execution_row, order_row
from gateway.ledger.seals import Sealed, Sealer, Sealing
from gateway.ledger.store import Store
from gateway.ports import Batch
from signing.merkle import leaf_hash


class Transaction:
    """A transaction under way. It is thrown away with its state when anything fails.

    Attributes:
        size: how many entries the log has with those added so far.
        sealing: the state of signing after them.
        leaves: their leaf hashes, in order.
    """

    def __init__(self, database: Store, size: int, sealing: Sealing) -> None:
        """Continue a log of `size` entries."""
        self._database = database
        self.size = size
        self.sealing = sealing
        self.leaves: list[bytes] = []

    def add(self, entry: Sealed) -> int:
        """Store an entry and the documents it names; return its index."""
        index, leaf = self.size, leaf_hash(entry.envelope)
        self._database.run(
            sql.INSERT_ENTRY,
            {
                "entry_index": index,
                "kind": entry.kind,
                "at_us": entry.at_us,
                "decision_id": entry.payload.get("decision_id"),
                "order_id": entry.payload.get("order_id"),
                "envelope": entry.envelope,
                "leaf_hash": leaf,
            },
        )
        for digest, content in entry.blobs.items():
            self._database.run(
                sql.INSERT_BLOB, {"sha256": digest, "entry_index": index, "content": content}
            )
        if entry.kind in TRADES:
            self._database.run(sql.INSERT_EXECUTION, execution_row(index, entry.payload))
        self.leaves.append(leaf)
        self.size += 1
        return index

    def add_batch(self, batch: Batch, sealer: Sealer) -> tuple[int, ...]:
        """Seal and store a caller's batch; return the indices of its drafts.

        Raises:
            apsw.ConstraintError, DuplicateError: something in it is recorded already; of some
                stores not before `flush`.
            ValueError: a draft is not a record of its kind.
        """
        indices: list[int] = []
        for draft in batch.drafts:
            entries, self.sealing = sealer.entries(draft, self.sealing)
            indices.append([self.add(entry) for entry in entries][-1])
        for order in batch.orders:
            self._database.run(sql.PUT_ORDER, order_row(order))
        for claim in batch.keys:
            self._database.run(sql.INSERT_CLAIM, claim_row(claim))
        for name, position in batch.cursors.items():
            self._database.run(sql.SET_CURSOR, {"name": name, "position": position})
        return tuple(indices)
