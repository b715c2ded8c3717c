"""Another identity key for a log whose gateway is stopped: finished after a crash, or refused."""

import shutil
from pathlib import Path

import pytest

from gateway.bootstrap.rotation import NEXT_KEY, Standing, Takeover, rotate_identity
from gateway.bootstrap.signers import IDENTITY_KEY, KEYS, LOG_KEY
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError, RefusedError, WritError
from gateway.ports import Batch, Draft
from signing.keys import Ed25519Signer, Vkey
from signing.verify import Report, verify_log
from support.ledgers import opened
from vault.signers import create_key, load_key

pytestmark = pytest.mark.requirement("W-01")
PLANNED = Takeover(to=None, revoked=False, by="alice", reason="a year is over")
STOLEN = Takeover(to=None, revoked=True, by="alice", reason="seen in a backup that was stolen")


def identity(data: Path) -> Ed25519Signer:
    return Ed25519Signer(load_key(data / KEYS / IDENTITY_KEY))


async def used(settings: Settings) -> None:
    """The log as the keys of the data folder begin it, or go on with it."""
    keys = settings.data / KEYS
    async with opened(
        settings.data,
        origin=settings.origin,
        log_signer=Ed25519Signer(load_key(keys / LOG_KEY)),
        identity_signer=identity(settings.data),
    ) as ledger:
        await ledger.commit(Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),)))


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """Those of a gateway that has kept a log and is stopped."""
    found = Settings(data=tmp_path / "data")
    for name in (LOG_KEY, IDENTITY_KEY):
        create_key(found.data / KEYS / name)
    await used(found)
    return found


def verified(settings: Settings) -> Report:
    log_key = Ed25519Signer(load_key(settings.data / KEYS / LOG_KEY)).public
    report = verify_log(settings.data / "log", Vkey(settings.origin, log_key))
    assert report.ok, report.steps
    return report


async def refusal(settings: Settings, takeover: Takeover = PLANNED) -> WritError:
    with pytest.raises(WritError) as refused:
        await rotate_identity(settings, takeover)
    assert refused.value.remedy
    return refused.value


@pytest.mark.parametrize("takeover", [PLANNED, STOLEN], ids=["planned", "stolen"])
async def test_the_log_goes_on_under_the_new_key(settings: Settings, takeover: Takeover) -> None:
    old = identity(settings.data).public.hex
    standing = await rotate_identity(settings, takeover)
    new = identity(settings.data).public.hex
    assert standing == Standing(new, str(settings.data / KEYS / IDENTITY_KEY), index=3)
    assert verified(settings).size == 5  # published at once
    await used(settings)
    assert [
        (one.key, one.ending, one.reason)
        for one in verified(settings).keys
        if one.role == "identity"
    ] == [
        (old, "revoked" if takeover.revoked else "rotated", takeover.reason),
        (new, "stands", ""),
    ]
    assert sorted(path.name for path in (settings.data / KEYS).iterdir()) == [IDENTITY_KEY, LOG_KEY]


async def test_after_a_crash_the_same_command_finishes_it(
    settings: Settings, tmp_path: Path
) -> None:
    """The log names the new key, and its file has not got its name yet."""
    keys = settings.data / KEYS
    shutil.copy2(keys / IDENTITY_KEY, tmp_path / "old.key")
    done = await rotate_identity(settings, PLANNED)
    (keys / IDENTITY_KEY).rename(keys / NEXT_KEY)
    shutil.copy2(tmp_path / "old.key", keys / IDENTITY_KEY)
    with pytest.raises(RefusedError) as refused:
        await used(settings)
    assert "took over last" in refused.value.remedy
    size = verified(settings).size
    assert await rotate_identity(settings, PLANNED) == Standing(done.key, done.where, None)
    assert verified(settings).size == size
    await used(settings)


async def test_a_lost_key_is_said_to_be_lost_and_none_is_made_in_its_place(
    settings: Settings,
) -> None:
    (settings.data / KEYS / IDENTITY_KEY).unlink()
    error = await refusal(settings)
    assert (error.code, "--revoked" in error.remedy) == ("key-missing", True)
    assert not (settings.data / KEYS / IDENTITY_KEY).exists()
    await rotate_identity(settings, STOLEN)
    await used(settings)


async def test_a_running_gateway_is_not_disturbed(settings: Settings) -> None:
    keys = settings.data / KEYS
    before = identity(settings.data).public
    async with opened(
        settings.data,
        origin=settings.origin,
        log_signer=Ed25519Signer(load_key(keys / LOG_KEY)),
        identity_signer=identity(settings.data),
    ):
        assert (await refusal(settings)).code == "ledger-locked"
    assert identity(settings.data).public == before
    await used(settings)


async def test_without_a_log_nothing_is_made(tmp_path: Path) -> None:
    error = await refusal(Settings(data=tmp_path / "data"))
    assert error.code == "ledger-missing"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "takeover",
    [
        Takeover(to=None, revoked=False, by="", reason="x"),
        Takeover(to=None, revoked=False, by="a b", reason="x"),
        Takeover(to=None, revoked=True, by="alice", reason="two\nlines"),
        Takeover(to="a-file.key", revoked=False, by="alice", reason="x"),
        Takeover(to="vault:transit/writ-identity/2", revoked=False, by="alice", reason="x"),
    ],
    ids=["no name", "no id", "two lines", "a place that is none", "no vault"],
)
async def test_what_cannot_be_asked_for(settings: Settings, takeover: Takeover) -> None:
    before = verified(settings).size
    assert isinstance(await refusal(settings, takeover), InvalidInputError)
    await used(settings)
    assert verified(settings).size == before + 2


@pytest.mark.attack
async def test_a_thief_of_the_identity_key_alone_enters_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    """He has the data folder's copy but for the log key: what he makes of it is another log."""
    stolen = Settings(data=tmp_path / "stolen")
    shutil.copytree(settings.data, stolen.data)
    (stolen.data / KEYS / LOG_KEY).unlink()
    assert (await refusal(stolen)).code == "key-missing"
    create_key(stolen.data / KEYS / LOG_KEY)
    assert (await refusal(stolen)).code == "ledger-foreign"
    verified(settings)
