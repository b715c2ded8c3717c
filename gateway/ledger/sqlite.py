"""The SQLite ledger: one directory, one process, one log.

DIR/writ.lock      held while a gateway uses the directory
DIR/writ.db        the log and its tables
DIR/log/           the published log, for anybody to verify
DIR/log.vkey       the verifier key to verify it with
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import apsw

from gateway.ledger.database import (
    DATABASE,
    DirectoryLock,
    open_reader,
    open_writer,
)
from gateway.ledger.faults import cannot_open
from gateway.ledger.opening import Connections, Identity, Opened, open_log
from gateway.ledger.reader import Reader
from gateway.ledger.seals import Sealer
from gateway.ledger.stored import StoredLedger
from gateway.ledger.syncing import sync_directory
from gateway.ports import BlockingRunner, Clock, Entropy
from signing.keys import Signer, Vkey


class SqliteLedger(StoredLedger):
    """The ledger that a single gateway keeps in a file of its own."""


async def open_ledger(
    directory: Path,
    *,
    origin: str,
    log_signer: Signer,
    identity_signer: Signer,
    clock: Clock,
    entropy: Entropy,
    runner: BlockingRunner,
    vfs: str | None = None,
) -> SqliteLedger:
    """Open the ledger in `directory`, or begin one.

    What is there is read back and checked; then this process's decision key is certified in the
    log, and the writer and the publisher run until `close`.

    Args:
        directory: made if it does not exist; nothing else may write to it.
        origin: the log's permanent name, a URL without scheme.
        log_signer: signs checkpoints; pinned by entry 0.
        identity_signer: certifies decision keys; pinned by entry 0. A `FarSigner` is asked ahead
            of time; a `Succession` takes the place of the one that stands.
        clock: wall time for records, waits for the background tasks.
        entropy: the decision key is made of it.
        runner: every call that may block goes through it; close it after the ledger.
        vfs: a registered SQLite VFS to use instead of the system's, for storage that misbehaves.

    Raises:
        RefusedError: `ledger-locked`, `ledger-foreign`, `ledger-damaged`, `ledger-rolled-back`,
            `ledger-schema`, `ledger-unusable`: this data directory must not be written to;
            `ledger-missing`, `identity-stands`, `identity-used`: there is nothing to take over.
        UnavailableError: the disk is full, or failed, while the first entries were written.
    """
    vkey = Vkey(origin, log_signer.public)
    sealer = Sealer(vkey, identity_signer, clock, entropy)
    identity = Identity(sealer, log_signer, vkey)
    opened = await runner.run(partial(_open_directory, directory, identity, vfs))
    return SqliteLedger(opened, vkey, runner, clock)


def _open_directory(directory: Path, identity: Identity, vfs: str | None) -> Opened:
    """Open everything; blocks. On an error nothing stays open and no lock is held."""
    with ExitStack() as stack:
        try:
            return _open(stack, directory, identity, vfs)
        except (apsw.Error, OSError) as error:
            raise cannot_open(
                "ledger-unusable",
                f"{directory} cannot be used ({type(error).__name__}: {error})",
                "use a writable directory on a local disk, whose writ.db was made by Writ",
            ) from error


def _open(stack: ExitStack, directory: Path, identity: Identity, vfs: str | None) -> Opened:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # First of all: whoever else is here may be writing what would be read below.
    stack.callback(DirectoryLock(directory).release)
    path = directory / DATABASE
    connections = Connections(
        database=open_writer(path, vfs),
        dialect="sqlite",
        new_reader=lambda: Reader(open_reader(path, vfs)),
        read_errors=(apsw.Error,),
    )
    opened = open_log(stack, directory, connections, identity)
    try:
        # The database's name has to be as durable as the entries that were just committed to it.
        sync_directory(directory)
    except BaseException:
        opened.close()
        raise
    return opened
