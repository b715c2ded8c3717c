"""Opening: what was changed, cut, put back or made by another is refused with its reason."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from gateway.domain.errors import RefusedError, WritError
from gateway.ledger import database
from gateway.ledger.succession import Succession
from gateway.ports import Batch, Draft
from signing.envelope import open_envelope, seal
from signing.keys import Ed25519Signer
from signing.merkle import leaf_hash
from support.ledgers import (
    IDENTITY,
    VKEY,
    Story,
    faults,
    opened,
    opened_on_postgresql,
    verified,
)
from support.logs import seeded


def mode() -> Batch:
    return Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),))


async def begun(directory: Path, batches: int = 3) -> None:
    """A small sound ledger, closed."""
    story = Story()
    async with opened(directory) as ledger:
        await ledger.commit(story.opening())
        for _ in range(batches):
            await ledger.commit(story.decide())


async def refusal(directory: Path, **overrides: Any) -> WritError:
    with pytest.raises(RefusedError) as refused:
        async with opened(directory, **overrides):
            pass
    assert refused.value.remedy
    return refused.value


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", ".lock"))
    }


@pytest.mark.requirement("W-01")
async def test_a_new_log_begins_with_what_it_pins(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there" / "yet"
    async with opened(data) as ledger:
        assert ledger.size == 2
        await ledger.publish_now()
        reader = ledger._opened.reader
        genesis, certificate = (open_envelope(e) for e in reader.envelopes(0, 2))
        assert genesis.kind == "genesis"
        assert {**genesis.payload, "at_us": 0} == {
            "at_us": 0,
            "origin": VKEY.name,
            "log_key": VKEY.public.hex,
            "identity_key": IDENTITY.public.hex,
        }
        assert certificate.kind == "certificate"
        assert genesis.signed_by(IDENTITY.public)
        assert certificate.signed_by(IDENTITY.public)
    assert (data / "log.vkey").read_text() == f"{VKEY}\n"
    assert faults(data / "log") == []


async def test_every_opening_certifies_a_key_of_its_own(tmp_path: Path) -> None:
    for _ in range(3):
        async with opened(tmp_path) as ledger:
            await ledger.commit(mode())
    report = verified(tmp_path / "log")
    assert report.ok
    assert report.counts["certificate"] == 3
    connection = apsw.Connection(str(tmp_path / "writ.db"))
    keys = {
        open_envelope(envelope_at(connection, index)).keyid
        for (index,) in connection.execute("SELECT entry_index FROM entries WHERE kind = 'mode'")
        if isinstance(index, int)
    }
    connection.close()
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        ({"log_signer": seeded(9)}, "log key"),
        ({"identity_signer": seeded(9)}, "identity key"),
        ({"origin": "writ.example/other"}, "origin"),
    ],
)
async def test_other_keys_than_those_pinned_are_refused(
    tmp_path: Path, overrides: dict[str, Any], what: str
) -> None:
    await begun(tmp_path)
    before = files_of(tmp_path)
    error = await refusal(tmp_path, **overrides)
    assert error.code == "ledger-foreign"
    assert f"the log's {what} is" in error.detail
    assert files_of(tmp_path) == before
    async with opened(tmp_path):
        pass


Tamper = Callable[[apsw.Connection], object]


def sql(statement: str) -> Tamper:
    return lambda connection: connection.execute(statement)


def envelope_at(connection: apsw.Connection, index: int) -> bytes:
    row = connection.execute("SELECT envelope FROM entries WHERE entry_index = ?", (index,)).get
    assert isinstance(row, bytes)
    return row


def flip_entry(connection: apsw.Connection) -> None:
    envelope = bytearray(envelope_at(connection, 4))
    envelope[100] ^= 1
    connection.execute("UPDATE entries SET envelope = ? WHERE entry_index = 4", (bytes(envelope),))


def rewrite_entry(connection: apsw.Connection) -> None:
    """An entry and its hash replaced together, as somebody with the database could."""
    found = open_envelope(envelope_at(connection, 3))
    forged = seal("mode", {**found.payload, "mode": "LIVE"}, seeded(5))
    connection.execute(
        "UPDATE entries SET envelope = ?, leaf_hash = ? WHERE entry_index = 3",
        (forged, leaf_hash(forged)),
    )


def swap_entries(connection: apsw.Connection) -> None:
    """Two whole entries exchanged, their times left in order."""
    rows = connection.execute(
        "SELECT entry_index, envelope, leaf_hash FROM entries WHERE entry_index IN (3, 4)"
    ).fetchall()
    for (index, *_), (_, envelope, leaf) in zip(rows, reversed(rows), strict=True):
        connection.execute(
            "UPDATE entries SET envelope = ?, leaf_hash = ? WHERE entry_index = ?",
            (envelope, leaf, index),
        )


def flip_checkpoint(connection: apsw.Connection) -> None:
    note = bytearray(
        connection.execute("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1").get
    )
    note[-10] = ord("A") if note[-10] != ord("A") else ord("B")
    connection.execute(
        "UPDATE checkpoints SET note = ? WHERE size = (SELECT max(size) FROM checkpoints)",
        (bytes(note),),
    )


def other_genesis(connection: apsw.Connection) -> None:
    found = open_envelope(envelope_at(connection, 0))
    forged = seal("genesis", found.payload, seeded(5))
    connection.execute("UPDATE entries SET envelope = ? WHERE entry_index = 0", (forged,))


CUT = "DELETE FROM blobs; DELETE FROM entries WHERE entry_index = "
LAST = "(SELECT max(entry_index) FROM entries)"


@pytest.mark.parametrize(
    ("tamper", "code", "reason"),
    [
        (flip_entry, "ledger-damaged", "entry 4 does not hash"),
        (rewrite_entry, "ledger-damaged", "do not hash to the root"),
        (swap_entries, "ledger-damaged", "do not hash to the root"),
        (
            sql("UPDATE entries SET leaf_hash = zeroblob(32) WHERE entry_index = 4"),
            "ledger-damaged",
            "entry 4",
        ),
        (sql(CUT + "4"), "ledger-damaged", "entry 4 is missing"),
        (sql(CUT + LAST), "ledger-damaged", "entries under a checkpoint over"),
        (sql(CUT + "0"), "ledger-damaged", "entry 0"),
        (other_genesis, "ledger-damaged", "not signed by the identity key"),
        (
            sql(
                "INSERT INTO entries SELECT entry_index + 1, 'mode', at_us, NULL, NULL, envelope, "
                "leaf_hash FROM entries ORDER BY entry_index DESC LIMIT 1"
            ),
            "ledger-damaged",
            "entries under a checkpoint over",
        ),
        (
            sql("UPDATE entries SET at_us = 1 WHERE entry_index = 5"),
            "ledger-damaged",
            "is older",
        ),
        (
            sql("DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)"),
            "ledger-damaged",
            "under a checkpoint",
        ),
        (sql("DELETE FROM checkpoints"), "ledger-damaged", "no checkpoint"),
        (flip_checkpoint, "ledger-damaged", "the newest checkpoint"),
        (
            sql(
                "UPDATE checkpoints SET size = size + 1 "
                "WHERE size = (SELECT max(size) FROM checkpoints)"
            ),
            "ledger-damaged",
            "is stored for",
        ),
        (
            sql("UPDATE meta SET value = '4' WHERE name = 'schema_version'"),
            "ledger-schema",
            "has schema 4",
        ),
    ],
)
async def test_a_changed_database_is_refused(
    tmp_path: Path, tamper: Tamper, code: str, reason: str
) -> None:
    await begun(tmp_path)
    connection = apsw.Connection(str(tmp_path / "writ.db"))
    tamper(connection)
    connection.close()
    before = files_of(tmp_path)
    error = await refusal(tmp_path)
    assert error.code == code
    assert reason in error.detail
    assert files_of(tmp_path) == before  # refused before anything was written


async def test_a_database_put_back_from_an_older_copy_is_refused(tmp_path: Path) -> None:
    await begun(tmp_path, 1)
    shutil.copy(tmp_path / "writ.db", tmp_path / "older.db")
    async with opened(tmp_path) as ledger:
        await ledger.commit(mode())
    (tmp_path / "older.db").replace(tmp_path / "writ.db")
    error = await refusal(tmp_path)
    assert error.code == "ledger-rolled-back"
    assert "10 entries are published, the database holds 8" in error.detail


async def test_a_database_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    await begun(tmp_path)
    (tmp_path / "writ.db").unlink()
    assert (await refusal(tmp_path)).code == "ledger-rolled-back"


async def test_a_fork_of_what_is_published_is_refused(tmp_path: Path) -> None:
    await begun(tmp_path / "one")
    await begun(tmp_path / "two")
    shutil.rmtree(tmp_path / "two" / "log")
    shutil.copytree(tmp_path / "one" / "log", tmp_path / "two" / "log")
    error = await refusal(tmp_path / "two")
    assert error.code == "ledger-damaged"
    assert "another history" in error.detail


async def test_a_published_checkpoint_that_does_not_verify_is_refused(tmp_path: Path) -> None:
    await begun(tmp_path)
    (tmp_path / "log" / "checkpoint").write_bytes(b"nothing\n")
    error = await refusal(tmp_path)
    assert error.code == "ledger-damaged"
    assert "the published checkpoint" in error.detail


async def test_a_published_log_that_is_lost_is_published_anew(tmp_path: Path) -> None:
    await begun(tmp_path)
    before = verified(tmp_path / "log").size
    shutil.rmtree(tmp_path / "log")
    async with opened(tmp_path):
        pass
    assert faults(tmp_path / "log") == []
    assert verified(tmp_path / "log").size == before + 1


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "writ.db"))
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    assert (await refusal(tmp_path)).code == "ledger-foreign"


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "writ.db").write_bytes(b"not a database, but long enough to look at" * 100)
    error = await refusal(tmp_path)
    assert error.code == "ledger-unusable"
    assert "NotADBError" in error.detail


async def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    assert (await refusal(tmp_path / "file")).code == "ledger-unusable"


async def test_an_sqlite_with_a_known_fault_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database.apsw, "sqlite_lib_version", lambda: "3.51.2")
    error = await refusal(tmp_path)
    assert error.code == "ledger-sqlite-old"
    assert "3.51.2" in error.detail


async def test_a_refused_opening_holds_nothing(tmp_path: Path) -> None:
    await begun(tmp_path)
    for _ in range(3):
        assert (await refusal(tmp_path, origin="writ.example/other")).code == "ledger-foreign"
    async with opened(tmp_path) as ledger:
        await ledger.commit(mode())


async def test_the_disk_is_waited_for(tmp_path: Path) -> None:
    """The settings that everything else relies on, as SQLite itself reports them."""
    async with opened(tmp_path) as ledger:
        writer = ledger._opened.sequencer._database
        assert writer.value("PRAGMA journal_mode") == "wal"
        assert writer.value("PRAGMA synchronous") == database.SYNCHRONOUS_FULL
        assert writer.value("PRAGMA foreign_keys") == 1
        with pytest.raises(apsw.ReadOnlyError):
            ledger._opened.reader._database.rows("DELETE FROM entries")


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    await begun(tmp_path)
    names = {name.partition("/")[0] for name in files_of(tmp_path)}
    assert names == {"log", "log.vkey", "writ.db"}


# --- Another identity key -------------------------------------------------------------------------

OTHER = seeded(9)


def succession(
    former: Ed25519Signer | None = IDENTITY, coming: Ed25519Signer = OTHER
) -> Succession:
    return Succession(coming, former, by="alice", reason="a year is over")


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("former", [IDENTITY, None], ids=["rotated", "revoked"])
@pytest.mark.parametrize("store", [opened, opened_on_postgresql], ids=["sqlite", "postgresql"])
async def test_another_identity_key_takes_over_and_only_it_may_start(
    tmp_path: Path, former: Ed25519Signer | None, store: Callable[..., Any]
) -> None:
    async with store(tmp_path) as ledger:
        await ledger.commit(mode())
    async with store(tmp_path, identity_signer=succession(former)) as ledger:
        await ledger.commit(mode())
        after = ledger.size
    with pytest.raises(RefusedError) as old:
        async with store(tmp_path):
            pass
    assert (old.value.code, OTHER.public.hex in old.value.detail) == ("ledger-foreign", True)
    async with store(tmp_path, identity_signer=OTHER) as ledger:
        assert ledger.size == after + 1  # a certificate, and nothing else
        await ledger.commit(mode())
    report = verified(tmp_path / "log")
    assert report.ok, report.steps
    assert [(one.key, one.ending) for one in report.keys if one.role == "identity"] == [
        (IDENTITY.public.hex, "rotated" if former else "revoked"),
        (OTHER.public.hex, "stands"),
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (succession(seeded(8)), "ledger-foreign"),
        (succession(IDENTITY, IDENTITY), "identity-stands"),
        (succession(None, seeded(1)), "identity-used"),
    ],
    ids=["by a key that does not stand", "by itself", "by the log key"],
)
async def test_takeovers_that_are_refused(tmp_path: Path, given: Succession, code: str) -> None:
    await begun(tmp_path)
    before = files_of(tmp_path)
    error = await refusal(tmp_path, identity_signer=given)
    assert (error.code, files_of(tmp_path)) == (code, before)


@pytest.mark.attack
async def test_a_key_that_left_never_takes_over_again(tmp_path: Path) -> None:
    await begun(tmp_path)
    async with opened(tmp_path, identity_signer=succession(None)):
        pass
    error = await refusal(tmp_path, identity_signer=succession(OTHER, IDENTITY))
    assert error.code == "identity-used"


async def test_there_is_nothing_to_take_over_in_an_empty_folder(tmp_path: Path) -> None:
    assert (await refusal(tmp_path, identity_signer=succession())).code == "ledger-missing"
    async with opened(tmp_path) as ledger:  # and it may still be begun
        assert ledger.size == 2


@pytest.mark.attack
async def test_a_takeover_that_is_hidden_in_the_database_still_counts(tmp_path: Path) -> None:
    """The revoked key would otherwise be let in by whoever may write to the database."""
    await begun(tmp_path)
    async with opened(tmp_path, identity_signer=succession(None)):
        pass
    connection = apsw.Connection(str(tmp_path / "writ.db"))
    connection.execute("UPDATE entries SET kind = 'mode' WHERE kind = 'identity'")
    connection.close()
    assert (await refusal(tmp_path)).code == "ledger-foreign"


@pytest.mark.attack
async def test_a_takeover_that_the_leaving_key_did_not_sign_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even under a sound checkpoint, as whoever holds log key and database could write it."""
    await begun(tmp_path)
    with monkeypatch.context() as unchecked:
        unchecked.setattr("gateway.ledger.opening.check_identity", lambda *_: None)
        async with opened(tmp_path, identity_signer=succession(seeded(8))):
            pass
    for key in (IDENTITY, OTHER):
        error = await refusal(tmp_path, identity_signer=key)
        assert error.code == "ledger-damaged"
        assert "not signed by the identity key that leaves" in error.detail
    assert not verified(tmp_path / "log").ok
