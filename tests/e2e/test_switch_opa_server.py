"""Switching releases with a real OPA server beside the gateway: it follows, or it goes back."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.server import serving
from gateway.domain.errors import UnavailableError
from gateway.policy.in_force import ReleaseHolder
from gateway.policy.opa_server.bundle import ServerBundle
from gateway.policy.opa_server.endpoint import read_endpoint
from gateway.policy.opa_server.setup import write_setup
from gateway.ports import Batch, Committed
from support.doors import Door, new_key, opened, problem
from support.opa_server import OpaProcess, free_port, opa_in
from support.secrets_made import NOW
from support.switching import ReleaseLink, entries, link, wrong_revisions

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Pair:
    """A gateway and its server, each as `docs/policy-engines.md` sets it up."""

    door: Door
    opa: OpaProcess
    releases: ReleaseLink

    async def switch(self, name: str) -> httpx2.Response:
        digest = self.releases.turn(name)
        return await self.door.call(
            "POST", "/v1/policy/switch", scope="admin", json={"digest": digest}
        )

    async def propose(self) -> str:
        """One order: ``allowed``, the failure's code, or the controls that deny it."""
        answer = await self.door.propose(qty="1")
        if answer.status_code == 201:
            return "allowed"
        document = problem(answer, 403, "order-denied")
        if document["failure"] is not None:
            return document["failure"]["code"]
        return " ".join(reason["control"] for reason in document["reasons"])

    async def ready(self) -> int:
        return (await self.door.call("GET", "/readyz", scope=None)).status_code

    async def log(self) -> list[tuple[str, dict[str, Any]]]:
        await self.door.app.pipeline.quiesce()
        await self.door.app.ledger.publish_now()
        return entries(self.door.app.settings.data)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[Pair]:
    async with paired(tmp_path) as made:
        yield made


@asynccontextmanager
async def paired(folder: Path, look_every_s: int = 1) -> AsyncGenerator[Pair]:
    (folder / "opa").mkdir()
    opa, port, releases = opa_in(folder / "opa"), free_port(), link(folder)
    key = folder / "opa.key"
    key.write_text(new_key(folder / "data", "opa", "policy:read"), encoding="ascii")
    there = read_endpoint(opa.url, opa.token_file, NOW)
    gateway_url = f"http://127.0.0.1:{port}"
    write_setup(opa.folder, gateway_url=gateway_url, key_file=key, at=there, diagnostic=None)
    config = json.loads((opa.folder / "opa.json").read_bytes())
    delays = {"min_delay_seconds": look_every_s, "max_delay_seconds": look_every_s}
    config["bundles"]["writ"]["polling"] |= delays
    (opa.folder / "opa.json").write_text(json.dumps(config), encoding="utf-8")
    given = {"engine": "opa-server", "opa_url": opa.url, "opa_token_file": opa.token_file}
    async with (
        opened(folder, release=releases.path, engine_timeout_ms=10_000, **given) as door,
        serving(door.app, host="127.0.0.1", port=port),
    ):
        await asyncio.to_thread(opa.start)
        try:
            yield Pair(door, opa, releases)
        finally:
            opa.stop()


async def test_ten_switches_under_load_refuse_nothing(tmp_path: Path) -> None:
    """The server is told of each bundle: it would come to look an hour later."""
    async with paired(tmp_path, look_every_s=3_600) as pair:
        await ten_switches(pair)


async def ten_switches(pair: Pair) -> None:
    answers: Counter[str] = Counter()
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            answers[await pair.propose()] += 1

    clients = [asyncio.create_task(client()) for _ in range(2)]
    for number in range(10):
        answer = await pair.switch("open" if number % 2 else "tight")
        assert answer.status_code == 200, answer.text
    stop.set()
    await asyncio.gather(*clients)
    assert not any(code.startswith("ENGINE_") for code in answers), answers
    found = await pair.log()
    assert wrong_revisions(found) == []
    assert sum(kind == "release" for kind, _ in found) == 11
    refused = [p["code"] for kind, p in found if kind == "submission" and p["outcome"] == "refused"]
    assert refused == []


async def test_a_bundle_that_the_server_cannot_load_is_taken_back(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.policy.switching.SERVER_MAX_MS", 1_500)
    pair.releases.copy("broken", "tight")
    pair.releases.put("broken", "bundle.tar.gz", _broken_bundle(), "bundle_sha256")
    waiting = asyncio.create_task(pair.switch("broken"))
    await asyncio.sleep(1)
    late = asyncio.create_task(pair.propose())
    problem(await waiting, 409, "release-not-taken")
    assert await late == "allowed", "it waited, and was decided by the old release"
    assert (await pair.propose(), await pair.ready()) == ("allowed", 200)
    assert (await pair.switch("tight")).status_code == 200
    assert wrong_revisions(await pair.log()) == []


async def test_a_bundle_that_is_not_its_module_is_taken_back(pair: Pair) -> None:
    """The rules that the server has would let pass what the module denies."""
    pair.releases.built("lax", "open", "main.rego", {'\t"OMEGA-2": "halt",\n': ""})
    pair.releases.copy("two-faced", "open")
    lax = (pair.releases.made["lax"] / "bundle.tar.gz").read_bytes()
    pair.releases.put("two-faced", "bundle.tar.gz", lax, "bundle_sha256")
    problem(await pair.switch("two-faced"), 409, "release-disagrees")
    assert (await pair.propose(), await pair.ready()) == ("allowed", 200)


async def test_a_server_that_is_away_is_no_reason_to_wait(pair: Pair) -> None:
    pair.opa.stop()
    problem(await pair.switch("tight"), 503, "engine-not-ready")
    assert await pair.ready() == 503
    assert await pair.propose() == "ENGINE_UNREACHABLE"
    await asyncio.to_thread(pair.opa.start)
    assert await pair.propose() == "allowed"


async def test_a_server_that_dies_in_the_switch_leaves_the_old_release(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.policy.switching.SERVER_MAX_MS", 500)
    serve = ReleaseHolder.serve

    def and_die(self: ReleaseHolder, bundle: ServerBundle) -> None:
        pair.opa.stop()
        serve(self, bundle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseHolder, "serve", and_die)
        problem(await pair.switch("tight"), 503, "engine-not-ready")
    assert await pair.propose() == "ENGINE_UNREACHABLE"
    assert await pair.ready() == 503
    await asyncio.to_thread(pair.opa.start)
    # A trigger that was due meanwhile and could not be asked is a halt, which a person ends.
    lift = {"halt_id": "all", "reason": "the server is back"}
    answer = await pair.door.call("POST", "/v1/resume", scope="admin", json=lift)
    assert answer.status_code == 200, answer.text
    assert await pair.propose() == "allowed"
    found = await pair.log()
    assert [p["by"] for kind, p in found if kind == "release"] == ["configuration"]


async def test_the_entry_that_cannot_be_written_takes_the_server_back(pair: Pair) -> None:
    async def failing(_batch: Batch) -> Committed:
        raise UnavailableError("ledger-full", "the disk is full", "make room")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair.door.app.ledger, "commit", failing)
        problem(await pair.switch("tight"), 503, "ledger-full")
    assert (await pair.propose(), await pair.ready()) == ("allowed", 200)


def _broken_bundle() -> bytes:
    """A whole archive with Rego in it that does not compile."""
    packed, text = io.BytesIO(), b"package writ.main\n\ndecisions := undefined_name\n"
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("/main.rego")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()
