"""Opening a data directory: lock it, check it, certify this process's key, then let writers in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.ledger.checking import is_new, published_size, read_back
from gateway.ledger.faults import cannot_open
from gateway.ledger.publication import CHECKPOINT, Publication
from gateway.ledger.reader import Reader
from gateway.ledger.schema import Dialect, creation, upgrade
from gateway.ledger.seals import Sealer
from gateway.ledger.sequencer import Sequencer
from gateway.ledger.shelf import FolderShelf, write_whole
from gateway.ledger.store import Store
from gateway.ledger.succession import check_identity
from gateway.ledger.tables import SCHEMA_VERSION
from gateway.ledger.trunk import Trunk
from signing.keys import Signer, Vkey

LOG_FOLDER: Final = "log"
VKEY_FILE: Final = "log.vkey"
CLOCK_BACK_MAX_MS: Final = 5_000
"""How far the clock may be behind the newest entry: time servers mend a clock by less."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose log it is: what seals its entries, signs its checkpoints and verifies them."""

    sealer: Sealer
    log_signer: Signer
    vkey: Vkey


@dataclass(frozen=True, slots=True)
class Opened:
    """An open data directory. `close` blocks, and gives everything back in the right order.

    Attributes:
        read_errors: what a question may raise besides a `WritError`.
        new_reader: opens another reader, for whoever reads long; it blocks.
        check_ms: how long the store may go unlooked at; None: it is a file of this machine,
            which answers at once and does not go away.
    """

    sequencer: Sequencer
    trunk: Trunk
    reader: Reader
    publication: Publication
    new_reader: Callable[[], Reader]
    read_errors: tuple[type[Exception], ...]
    check_ms: int | None
    held: ExitStack

    def close(self) -> None:
        """Close the connections, then release the lock."""
        self.held.close()


@dataclass(frozen=True, slots=True)
class Connections:
    """A store's own part in an opening: the writing connection and how others are made."""

    database: Store
    dialect: Dialect
    new_reader: Callable[[], Reader]
    read_errors: tuple[type[Exception], ...] = ()
    check_ms: int | None = None


def open_log(
    stack: ExitStack, directory: Path, connections: Connections, identity: Identity
) -> Opened:
    """Begin or continue the log in a database, and its publication in `directory`.

    Args:
        stack: takes what has to be closed, the database included; stands for the caller's locks.
        directory: exists, and is locked.
        connections: to a database that no other gateway writes to.
        identity: whose log it is to be.

    Raises:
        RefusedError, UnavailableError: as `gateway.ledger.sqlite.open_ledger`.
    """
    log, trunk, database = directory / LOG_FOLDER, Trunk(), connections.database
    sequencer = Sequencer(database, trunk, identity.sealer, identity.log_signer, identity.vkey)
    stack.callback(sequencer.close)
    checkpoint = log / CHECKPOINT
    if is_new(database):
        if identity.sealer.succession is not None:
            raise cannot_open(
                "ledger-missing",
                f"there is no log in {directory} whose identity key could be replaced",
                "name the data folder of the gateway, and the database that it uses",
            )
        published = published_size(checkpoint, trunk, identity.vkey)
        meta = {"schema_version": str(SCHEMA_VERSION), "origin": identity.vkey.name}
        sequencer.initialise(creation(connections.dialect), meta)
    else:
        published = _resume(sequencer, trunk, connections, identity, checkpoint)
    reader = connections.new_reader()
    stack.callback(reader.close)
    source = connections.new_reader()
    stack.callback(source.close)
    publication = Publication(FolderShelf(log), source, trunk, published)
    write_whole(directory / VKEY_FILE, f"{identity.vkey}\n".encode())
    return Opened(
        sequencer=sequencer,
        trunk=trunk,
        reader=reader,
        publication=publication,
        new_reader=connections.new_reader,
        read_errors=connections.read_errors,
        check_ms=connections.check_ms,
        held=stack.pop_all(),
    )


def _resume(
    sequencer: Sequencer,
    trunk: Trunk,
    connections: Connections,
    identity: Identity,
    checkpoint: Path,
) -> int:
    """Check and continue a log; return what is published."""
    database, vkey = connections.database, identity.vkey
    pending = upgrade(database, connections.dialect)
    # Before anything is read: whoever wrote here until now must not write behind what is checked.
    database.take_over()
    stored = read_back(database, trunk, vkey)
    check_identity(stored.keyring, identity.sealer.identity, identity.sealer.succession)
    _check_clock(identity.sealer.behind_ms(stored.last_at_us))
    published = published_size(checkpoint, trunk, vkey)
    sequencer.resume(stored.tip, stored.last_at_us)
    # Crash before this certificate is durable: the next start makes another key. The lost one
    # signed nothing.
    sequencer.certify(pending.statements, dict(pending.meta))
    return published


def _check_clock(behind_ms: int) -> None:
    """Refuse to date anything by a clock that was set back while the gateway was down.

    Time never goes back in the log: entries would bear the last one's until the clock catches up,
    and what ends by the clock, such as a manifest, would stand for too long.
    """
    if behind_ms > CLOCK_BACK_MAX_MS:
        raise cannot_open(
            "clock-behind-log",
            f"this host's clock is {behind_ms} ms behind the newest entry of the log",
            "set the clock right; if it was the last entry's that was wrong, wait until then",
        )
