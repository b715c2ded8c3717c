"""`writ keys rotate identity`, killed wherever it is: typed again, it leaves one key standing."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.bootstrap.rotation import NEXT_KEY
from gateway.bootstrap.signers import IDENTITY_KEY, KEYS, LOG_KEY
from gateway.config import Settings
from signing.keys import Ed25519Signer, Vkey
from signing.verify import verify_log
from support.ledgers import opened
from support.processes import WRIT
from vault.signers import create_key, load_key

pytestmark = [pytest.mark.requirement("W-01"), pytest.mark.slow]
COMMAND = (WRIT, "keys", "rotate", "identity", "--by", "alice", "--reason", "a year is over")
TIMEOUT_S = 60
Seen = Callable[[Path, bytes], bool]

MOMENTS: dict[str, Seen] = {
    "the new key is on the disk": lambda data, _: (data / KEYS / NEXT_KEY).exists(),
    "the database is open": lambda data, _: (data / "writ.db-wal").exists(),
    "the log is published": lambda data, old: (data / "log" / "checkpoint").read_bytes() != old,
}


def signer(data: Path, name: str) -> Ed25519Signer:
    return Ed25519Signer(load_key(data / KEYS / name))


async def opens_with_its_keys(data: Path) -> None:
    """As a start does."""
    keys = {"log_signer": signer(data, LOG_KEY), "identity_signer": signer(data, IDENTITY_KEY)}
    async with opened(data, origin=Settings().origin, **keys):
        pass


def killed(data: Path, seen: Seen) -> None:
    """Begin the command, and end it with SIGKILL once something is seen of it."""
    before = (data / "log" / "checkpoint").read_bytes()
    with subprocess.Popen(
        [*COMMAND, "--data", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        end = time.monotonic() + TIMEOUT_S
        while not seen(data, before) and running.poll() is None and time.monotonic() < end:
            time.sleep(0.0005)
        running.kill()
    assert seen(data, before) or running.returncode == 0


def typed(data: Path) -> None:
    again = subprocess.run(
        [*COMMAND, "--data", data], capture_output=True, timeout=TIMEOUT_S, check=False
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("moment", MOMENTS)
async def test_typed_again_it_is_whole(tmp_path: Path, moment: str) -> None:
    data = tmp_path / "data"
    for name in (LOG_KEY, IDENTITY_KEY):
        create_key(data / KEYS / name)
    await opens_with_its_keys(data)
    killed(data, MOMENTS[moment])
    typed(data)
    assert not (data / KEYS / NEXT_KEY).exists()
    await opens_with_its_keys(data)
    vkey = Vkey(Settings().origin, signer(data, LOG_KEY).public)
    report = verify_log(data / "log", vkey, identity=signer(data, IDENTITY_KEY).public)
    assert report.ok, report.steps
    # One takeover, or two where the first was whole already when it was killed.
    endings = [one.ending for one in report.keys if one.role == "identity"]
    assert endings in (["rotated", "stands"], ["rotated", "rotated", "stands"])
