"""The writer's half that runs on a worker thread: one transaction at a time, durable or undone.

Read `_transact` top to bottom for what a crash leaves behind. The database's write-ahead log makes
a transaction one thing: it is whole after a restart or it never was. Nothing that is signed here
leaves the process before COMMIT has returned, so no two checkpoints that anybody has seen can
contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from gateway.ledger import statements as sql
from gateway.ledger.faults import (
    LASTING,
    PROBED,
    Nature,
    StoreError,
    caller_error,
    nature_of,
    nature_of_begin,
    nature_of_commit,
)
from gateway.ledger.seals import Sealer, Sealing
from gateway.ledger.store import Store
from gateway.ledger.transaction import Transaction
from gateway.ledger.trunk import Trunk
from gateway.ports import Batch, BlockingRunner, Committed
from signing.checkpoint import Checkpoint, sign_checkpoint
from signing.keys import Signer, Vkey

WAL_PAGES_MAX: Final = 1_000
"""When the write-ahead log is copied into the database: 4 MiB at the usual page size."""

_PROBE_CHARACTERS: Final = 65_536

Outcome: TypeAlias = Committed | Exception
"""What became of a batch: durable, or not recorded and why."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tip:
    """The log as of the last COMMIT: its size, and the signed checkpoint over it."""

    size: int
    checkpoint: bytes


class Sequencer:
    """Puts batches in their order, seals them and makes them durable.

    Its methods block and are called one at a time, unless they say otherwise. `tip` and `fault`
    may be read from anywhere: they are replaced, never changed.
    """

    def __init__(
        self,
        database: Store,
        trunk: Trunk,
        sealer: Sealer,
        log_signer: Signer,
        vkey: Vkey,
    ) -> None:
        """Start on an empty log; `resume` continues one."""
        self._database = database
        self._trunk = trunk
        self._sealer = sealer
        self._log_signer = log_signer
        self._vkey = vkey
        self._sealing = Sealing()
        self._wal_pages = 0
        self.tip = Tip(0, b"")
        self.fault: StoreError | None = None
        database.on_commit(self._on_commit)

    def resume(self, tip: Tip, last_at_us: int) -> None:
        """Continue a log that has been read back and checked."""
        assert self._trunk.size == tip.size, "the tree is of another size than the log"
        self.tip, self._sealing = tip, Sealing(last_at_us)

    def initialise(self, ddl: Sequence[str], meta: dict[str, str]) -> None:
        """Create the tables and write genesis and the first certificate, all or nothing.

        Crash before COMMIT: an empty database, which the next start initialises again.
        """

        def body(transaction: Transaction) -> None:
            for statement in ddl:
                self._database.run(statement)
            for name, value in meta.items():
                self._database.run(sql.INSERT_META, {"name": name, "value": value})
            genesis, transaction.sealing = self._sealer.genesis(transaction.sealing)
            transaction.add(genesis)
            self._add_certificate(transaction)

        self._transact(body)

    def certify(self, migration: Sequence[str], meta: dict[str, str]) -> None:
        """Write the certificate of this process's decision key, after what brings the tables up.

        Where another identity key takes over, that is entered first: all or nothing.

        Crash before COMMIT: tables and keys are as they were.
        """

        def body(transaction: Transaction) -> None:
            for statement in migration:
                self._database.run(statement)
            for name, value in meta.items():
                self._database.run(sql.SET_META, {"name": name, "value": value})
            if self._sealer.succession is not None:
                entry, transaction.sealing = self._sealer.take_over(transaction.sealing)
                transaction.add(entry)
            self._add_certificate(transaction)

        self._transact(body)

    def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Commit batches as one transaction, or each by itself when one of them is at fault.

        Never raises: every batch has its outcome, in order. `fault` says whether the store takes
        anything more.
        """
        if self.fault is not None:
            return [self.fault] * len(batches)
        try:
            indices = self._transact(lambda t: [t.add_batch(b, self._sealer) for b in batches])
        except StoreError as fault:
            return [fault] * len(batches)
        except Exception as error:  # noqa: BLE001  whatever it is, only its own batch may fail
            if len(batches) == 1:
                return [caller_error(error)]
            return [outcome for batch in batches for outcome in self.commit([batch])]
        return [Committed(entries, self.tip.checkpoint) for entries in indices]

    def check(self) -> None:
        """Commit nothing, to see whether the store would take something; `fault` tells."""
        if self.fault is not None:
            return
        try:
            try:
                self._database.check()
            except Exception as error:  # noqa: BLE001  sorted by what is known afterwards
                self._raise_fault(nature_of_begin(error), error)
            self._plain(lambda: None)
        except StoreError as fault:
            if fault.nature is not Nature.BUSY:
                self.fault = fault

    def probe(self) -> bool:
        """Try whether there is room, or a server, again, and clear the fault if so.

        Anything worse latches.
        """
        if self.fault is None or self.fault.nature not in PROBED:
            return self.fault is None
        padding = {"padding": " " * _PROBE_CHARACTERS}
        try:
            self._plain(lambda: self._database.run(sql.PROBE, padding))
            self._plain(lambda: self._database.run(sql.UNPROBE))
            self._copy_wal()
            # A commit that was refused is not there: that is looked at, not assumed.
            stored = self._database.value(sql.COUNT_ENTRIES)
        except StoreError:
            return False
        if stored != self.tip.size:
            self._fail(Nature.LATCH, f"the store holds {stored} entries, not {self.tip.size}")
            return False
        self.fault = None
        return True

    @property
    def asked_on(self) -> BlockingRunner | None:
        """Where a far identity key is asked; None: it is in this process."""
        return self._sealer.asked_on

    @property
    def uncertified(self) -> bool:
        """Whether nothing can be sealed, for want of a certificate; any thread."""
        return self._sealer.uncertified(self._sealing)

    @property
    def certificate_due(self) -> bool:
        """Whether `prepare_certificate` has something to do; any thread."""
        return self._sealer.due(self._sealing)

    def prepare_certificate(self) -> None:
        """Ask a far identity key for the next certificate; beside the commits, on any thread."""
        self._sealer.prepare(self._sealing)

    @property
    def wal_is_long(self) -> bool:
        """Whether `maintain` has something to do."""
        return self._wal_pages >= WAL_PAGES_MAX

    def maintain(self) -> None:
        """Copy the write-ahead log into the database once it is long.

        Crash at any point: the log is still there and is copied again. An error never unmakes
        what was committed; it only decides what may follow.
        """
        if self.fault is None and self.wal_is_long:
            try:
                self._copy_wal()
            except StoreError as fault:
                self.fault = fault

    def close(self) -> None:
        """Close the connection; after a fault without another attempt to write anything."""
        self._database.close(untouched=self.fault is not None)

    # ---- one transaction

    def _transact(self, body: Callable[[Transaction], T]) -> T:
        """Run `body` in a transaction and make it durable together with its checkpoint.

        Raises:
            StoreError: the store's own fault; kept in `fault` when it lasts.
            Exception: the body's own error; everything is as it was before.
        """
        self._begin()
        transaction = Transaction(self._database, self.tip.size, self._sealing)
        try:
            result = body(transaction)
            tip = self._sign(transaction)
        except Exception as error:
            # Crash or error up to here: nothing was durable, nothing was shown to anyone. What
            # was signed is forgotten with the tree's new leaves.
            self._undo()
            self._raise_fault(nature_of(error), error)
            raise
        self._commit()
        # Crash here: durable, and nobody was told. The next start reads the entries back; an
        # allowed order among them is in doubt and is settled, never sent by itself.
        self.tip, self._sealing = tip, transaction.sealing
        return result

    def _begin(self) -> None:
        try:
            self._database.begin()
        except Exception as error:
            self._raise_fault(nature_of_begin(error), error)
            raise

    def _sign(self, transaction: Transaction) -> Tip:
        """Store the checkpoint over the new root: last, after every constraint has held."""
        self._database.flush()
        if transaction.size == self.tip.size:  # rows without an entry need no new checkpoint
            return self.tip
        self._trunk.extend(transaction.leaves)
        head = Checkpoint(self._vkey.name, transaction.size, self._trunk.root())
        note = sign_checkpoint(head, self._log_signer)
        self._database.run(sql.INSERT_CHECKPOINT, {"size": head.size, "note": note})
        return Tip(head.size, note)

    def _commit(self) -> None:
        try:
            self._database.commit()
        except Exception as error:
            self._undo()
            self._raise_fault(nature_of_commit(error), error)
            raise

    def _undo(self) -> None:
        """Take back the transaction and the tree's leaves."""
        self._trunk.truncate(self.tip.size)
        try:
            self._database.rollback()
        except Exception as error:  # noqa: BLE001  whatever it is, nobody knows what is open now
            self._raise_fault(Nature.LATCH, error)

    def _plain(self, body: Callable[[], object]) -> None:
        """A transaction without entries, for the probe; any failure is a StoreError."""
        self._begin()
        try:
            body()
        except Exception as error:  # noqa: BLE001  sorted by what is known afterwards
            self._undo()
            self._raise_fault(nature_of_commit(error), error)
        self._commit()

    def _copy_wal(self) -> None:
        try:
            copied = self._database.copy_wal()
        except Exception as error:  # noqa: BLE001  sorted by what is known afterwards
            self._raise_fault(nature_of_commit(error), error)
        else:
            self._wal_pages = 0 if copied else self._wal_pages

    def _raise_fault(self, nature: Nature, error: Exception) -> None:
        """Raise the store's fault, unless the error is a batch's own."""
        if nature is not Nature.BATCH:
            known = isinstance(error, StoreError)
            detail = error.detail if known else f"{type(error).__name__}: {error}"
            raise self._fail(nature, detail) from error

    def _fail(self, nature: Nature, detail: str) -> StoreError:
        """Keep a fault; one that lasts is never replaced by anything milder."""
        fault = StoreError(nature, detail)
        if nature is Nature.BUSY:
            return fault
        if self.fault is None or self.fault.nature not in LASTING:
            self.fault = fault
        return self.fault

    def _on_commit(self, wal_pages: int) -> None:
        self._wal_pages = wal_pages

    def _add_certificate(self, transaction: Transaction) -> None:
        entry, transaction.sealing = self._sealer.certificate(transaction.sealing)
        transaction.add(entry)
