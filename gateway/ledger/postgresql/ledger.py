"""The PostgreSQL ledger: the log and its tables in a database, everything else in a directory.

DIR/writ.lock      held while a gateway uses the directory
DIR/log/           the published log, for anybody to verify
DIR/log.vkey       the verifier key to verify it with
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from gateway.ledger.database import DirectoryLock
from gateway.ledger.faults import cannot_open
from gateway.ledger.opening import Connections, Identity, Opened, open_log
from gateway.ledger.postgresql.database import PostgresDatabase
from gateway.ledger.postgresql.lock import WriterLock
from gateway.ledger.postgresql.pool import ReadPool
from gateway.ledger.postgresql.session import Address
from gateway.ledger.reader import Reader
from gateway.ledger.seals import Sealer
from gateway.ledger.stored import StoredLedger
from gateway.ports import BlockingRunner, Clock, Entropy
from signing.keys import Signer, Vkey

READ_CONNECTIONS: Final = 3

CHECK_MS: Final = 5_000
"""How soon a gateway that nobody uses sees that its database is gone or another's."""


class PostgresLedger(StoredLedger):
    """The ledger in a database of a PostgreSQL server."""


async def open_ledger(
    directory: Path,
    address: Address,
    *,
    origin: str,
    log_signer: Signer,
    identity_signer: Signer,
    clock: Clock,
    entropy: Entropy,
    runner: BlockingRunner,
) -> PostgresLedger:
    """Open the ledger in a database, or begin one.

    Args:
        directory: made if it does not exist; the log is published there.
        address: the database, which no other program uses.
        origin: the log's permanent name, a URL without scheme.
        log_signer: signs checkpoints; pinned by entry 0.
        identity_signer: certifies decision keys; pinned by entry 0. A `FarSigner` is asked ahead
            of time.
        clock: wall time for records, waits for the background tasks.
        entropy: the decision key is made of it.
        runner: every call that may block goes through it; close it after the ledger.

    Raises:
        RefusedError: as `gateway.ledger.sqlite.open_ledger`, and `ledger-no-sync`.
        UnavailableError: `ledger-unreachable`; `ledger-busy`, a writer that was taken over has
            not let go yet; the first entries could not be written.
    """
    vkey = Vkey(origin, log_signer.public)
    identity = Identity(Sealer(vkey, identity_signer, clock, entropy), log_signer, vkey)
    opened = await runner.run(partial(_open_directory, directory, address, identity))
    return PostgresLedger(opened, vkey, runner, clock)


def _open_directory(directory: Path, address: Address, identity: Identity) -> Opened:
    """Open everything; blocks. On an error nothing stays open and no lock is held."""
    with ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.callback(DirectoryLock(directory).release)
            lock = WriterLock(address)
            stack.callback(lock.release)
            connections = Connections(
                database=PostgresDatabase(address, lock),
                dialect="postgresql",
                new_reader=lambda: Reader(ReadPool(address, READ_CONNECTIONS), shared=True),
                check_ms=CHECK_MS,
            )
            return open_log(stack, directory, connections, identity)
        except OSError as error:
            raise cannot_open(
                "ledger-unusable",
                f"{directory} cannot be used ({type(error).__name__}: {error})",
                "use a writable directory on a local disk",
            ) from error
