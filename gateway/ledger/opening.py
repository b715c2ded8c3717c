"""Opening a data directory: lock it, check it, certify this process's key, then let writers in."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from gateway.ledger.checking import is_new, published_size, read_back
from gateway.ledger.database import (
    DATABASE,
    Database,
    DirectoryLock,
    open_writer,
    sync_directory,
)
from gateway.ledger.faults import cannot_open
from gateway.ledger.publication import CHECKPOINT, Publication
from gateway.ledger.reader import Reader
from gateway.ledger.seals import Sealer
from gateway.ledger.sequencer import Sequencer
from gateway.ledger.shelf import FolderShelf, write_whole
from gateway.ledger.tables import SCHEMA_VERSION, sqlite_ddl
from gateway.ledger.trunk import Trunk
from signing.keys import Signer, Vkey

LOG_FOLDER: Final = "log"
VKEY_FILE: Final = "log.vkey"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open data directory. `close` blocks, and gives everything back in the right order."""

    sequencer: Sequencer
    trunk: Trunk
    reader: Reader
    publication: Publication
    held: ExitStack

    def close(self) -> None:
        """Close the connections, then release the lock."""
        self.held.close()


def open_directory(
    directory: Path, sealer: Sealer, log_signer: Signer, vkey: Vkey, vfs: str | None
) -> Opened:
    """Open everything; blocks. On an error nothing stays open and no lock is held.

    Raises:
        RefusedError, UnavailableError: as `gateway.ledger.sqlite.open_ledger`.
    """
    with ExitStack() as stack:
        try:
            return _open(stack, directory, sealer, log_signer, vkey, vfs)
        except (apsw.Error, OSError) as error:
            raise cannot_open(
                "ledger-unusable",
                f"{directory} cannot be used ({type(error).__name__}: {error})",
                "use a writable directory on a local disk, whose writ.db was made by Writ",
            ) from error


def _open(
    stack: ExitStack,
    directory: Path,
    sealer: Sealer,
    log_signer: Signer,
    vkey: Vkey,
    vfs: str | None,
) -> Opened:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # First of all: whoever else is here may be writing what would be read below.
    stack.callback(DirectoryLock(directory).release)
    path, log = directory / DATABASE, directory / LOG_FOLDER
    database = open_writer(path, vfs)
    trunk = Trunk()
    sequencer = Sequencer(database, trunk, sealer, log_signer, vkey)
    stack.callback(sequencer.close)
    published = _begin_or_resume(database, sequencer, trunk, sealer, log / CHECKPOINT, vkey)
    # The database's name has to be as durable as the entries that were just committed to it.
    sync_directory(directory)
    reader = Reader(path, vfs)
    stack.callback(reader.close)
    source = Reader(path, vfs)
    stack.callback(source.close)
    publication = Publication(FolderShelf(log), source, trunk, published)
    write_whole(directory / VKEY_FILE, f"{vkey}\n".encode())
    return Opened(sequencer, trunk, reader, publication, stack.pop_all())


def _begin_or_resume(
    database: Database,
    sequencer: Sequencer,
    trunk: Trunk,
    sealer: Sealer,
    checkpoint: Path,
    vkey: Vkey,
) -> int:
    """Write the first entries of a log, or check and continue one; return what is published."""
    if is_new(database):
        published = published_size(checkpoint, trunk, vkey)
        meta = {"schema_version": str(SCHEMA_VERSION), "origin": vkey.name}
        sequencer.initialise(sqlite_ddl(), meta)
        return published
    stored = read_back(database, trunk, vkey, sealer.identity)
    published = published_size(checkpoint, trunk, vkey)
    sequencer.resume(stored.tip, stored.last_at_us)
    # Crash before this certificate is durable: the next start makes another key. The lost one
    # signed nothing.
    sequencer.certify()
    return published
