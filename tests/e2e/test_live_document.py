"""docs/live.md, followed to the letter by an operator at a terminal and an Admin at a browser."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.control.live.gates import NAMES
from gateway.policy.release import load_release
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import AlpacaPeer
from signing.keys import Vkey
from signing.verify import verify_log
from support.browser import Browser, browser, free_port
from support.permitting import HOUR_US, Officers, fields
from support.postgres import shared_server
from support.processes import WRIT
from support.release_folder import write_release
from support.vault_gateway import vault_settings
from support.vault_server import VaultServer, running_vault

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n# (operator|gateway|order)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"http://localhost:[0-9]+/(?:live|passkey)#[A-Za-z0-9_-]{43}")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
NUMBER = "LV1TEST"
SECONDS = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vault() -> Iterator[VaultServer]:
    with running_vault() as made:
        yield made


@dataclass
class Terminal:
    """Whoever types the page's blocks, in one folder; what is exported holds from then on."""

    folder: Path
    exported: list[str] = field(default_factory=list[str])

    def script(self, commands: str) -> list[str]:
        """A block as a shell runs it after those before."""
        return ["bash", "-c", "\n".join(["set -e", *self.exported, commands])]

    def type_in(self, commands: str, *, may_fail: bool = False) -> str:
        """Type a block; returns all that it said."""
        done = subprocess.run(
            self.script(commands), cwd=self.folder, env=self.environment(), capture_output=True,
            text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or may_fail, done.stdout + done.stderr
        self.exported += re.findall(r"^export (?:[^\n]*'[^']*'|[^\n]*)$", commands, re.MULTILINE)
        return done.stdout + done.stderr

    @staticmethod
    def environment() -> dict[str, str]:
        return {"PATH": f"{Path(WRIT).parent}:/usr/bin:/bin", "TERM": "dumb", "HOME": "/nowhere"}


@dataclass
class Desk:
    """The page's world: its blocks with this machine's addresses in them."""

    terminal: Terminal
    blocks: list[tuple[str, str]]
    peer: AlpacaPeer
    browser: Browser

    async def next(self, who: str) -> str:
        """Type the next block, which is this one's."""
        name, commands = self.blocks.pop(0)
        assert name == who
        return await asyncio.to_thread(self.terminal.type_in, commands, may_fail=who == "order")

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """The gateway's own terminal."""
        name, commands = self.blocks.pop(0)
        assert name == "gateway"
        log = self.terminal.folder / "gateway.log"
        with log.open("w", encoding="utf-8") as said:
            gateway = await asyncio.create_subprocess_exec(
                *self.terminal.script("exec " + commands),
                cwd=self.terminal.folder, env=Terminal.environment(),
                stdout=asyncio.subprocess.PIPE, stderr=said,
            )  # fmt: skip
        try:
            assert gateway.stdout is not None
            line = await asyncio.wait_for(gateway.stdout.readline(), SECONDS)
            assert line.startswith(b"http://"), log.read_text(encoding="utf-8")
            yield
        finally:
            gateway.terminate()
            assert await asyncio.wait_for(gateway.wait(), SECONDS) == 0


@asynccontextmanager
async def _desk(folder: Path, vault: VaultServer) -> AsyncGenerator[Desk]:
    postgres, port = shared_server(), free_port()
    release = load_release(write_release(folder / "release"))
    told = vault_settings(vault, folder, ledger=False)
    with alpaca_peer() as peer:
        account = peer.account(NUMBER)
        peer.fills_at_limit = True
        vault.put("writ/brokers/alpaca", {"key_id": account.key_id, "secret": account.secret})
        digest = _signed(folder, peer, release.digest, release.data_digest)
        here = {
            "postgresql://writ@127.0.0.1:5432/writ": postgres.url(postgres.new_database()),
            "https://127.0.0.1:8200": str(told["vault_url"]),
            "vault-ca.pem": str(told["vault_ca_file"]),
            "the-role-id": str(told["vault_role_id"]),
            "=secret-id": f"={told['vault_secret_id_file']}",
            "127.0.0.1:8471": peer.url.removeprefix("http://"),
            "8470": str(port),
        }
        page = PAGE
        for written, meant in here.items():
            assert written in page
            page = page.replace(written, meant)
        blocks = [(who, DIGEST.sub(digest, commands)) for who, commands in BLOCK.findall(page)]
        async with browser() as opened:
            yield Desk(Terminal(folder), blocks, peer, opened)


def _signed(folder: Path, peer: AlpacaPeer, release_digest: str, limits_digest: str) -> str:
    """The manifest that the page asks the officers for; returns its digest."""
    now_us = time.time_ns() // 1_000
    attestation = fields()["attestations"][0]
    host = peer.url.removeprefix("http://")
    given = fields(
        gateway="writ.local/log",
        mode="LIVE",
        accounts={"primary": {"broker": "alpaca", "broker_account": NUMBER, "hosts": [host]}},
        release_digest=release_digest,
        limits_digest=limits_digest,
        strategies=["*"],
        valid_from_us=now_us - HOUR_US,
        valid_until_us=now_us + 100 * 24 * HOUR_US,
        attestations=[attestation | {"valid_until_us": now_us + 300 * 24 * HOUR_US}],
    )
    officers = Officers(folder / "trust", now_us, given)
    officers.pinned.rename(folder / "root.json")
    return officers.sign()


def holding(shown: str) -> dict[str, bool]:
    """Each gate as `writ mode show` prints it."""
    found = re.findall(r"^ *([a-z-]+) +(yes|no) ", shown, re.MULTILINE)
    return {name: holds == "yes" for name, holds in found if name in NAMES}


@pytest.mark.requirement("S1-15")
@pytest.mark.requirement("S3-14")
async def test_an_operator_and_an_admin_follow_the_page(tmp_path: Path, vault: VaultServer) -> None:
    async with _desk(tmp_path, vault) as desk:
        await desk.next("operator")
        async with desk.serving():
            invited = await desk.next("operator")
            await desk.browser.go(LINK.findall(invited)[-1])
            assert await desk.browser.press() == "Your passkey is registered."
            ready = holding(await desk.next("operator"))
            assert tuple(ready) == NAMES
            assert {name for name, holds in ready.items() if not holds} == {
                *("credentials", "risk-engine", "clock", "confirmation")
            }
            await desk.next("operator")
            asked = await desk.next("operator")
            await desk.browser.go(LINK.findall(asked)[-1])
            assert await desk.browser.press() == "LIVE is open."
            assert all(holding(await desk.next("operator")).values())
            said = await desk.next("order")  # the venue may be closed at this hour
            assert "LIV-01" not in said
            assert "MAN-0" not in said
            over = await desk.next("operator")
            assert not holding(over)["mode"]
            assert "LIVE closed at" in over
        assert desk.blocks == []
        assert desk.browser.complaints == []
    vkey = Vkey.parse((tmp_path / "data" / "log.vkey").read_text(encoding="ascii").strip())
    assert verify_log(tmp_path / "data" / "log", vkey).ok


def test_the_page_names_every_gate() -> None:
    table = PAGE.partition("| gate | holds when |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `([a-z-]+)` ", table, re.MULTILINE)) == NAMES
