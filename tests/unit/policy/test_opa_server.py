"""What the server engine makes of servers that misbehave, and of real ones in every state."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.domain.decision import EngineFailure, Verdict
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_server.client import StrictOpaClient
from gateway.policy.opa_server.endpoint import endpoint
from gateway.policy.opa_server.engine import OpaServerEngine
from gateway.policy.release import Release, shipped_release
from peers.opa import (
    CONTROLS,
    MISBEHAVIOURS,
    Asked,
    Script,
    allow,
    hostile_opa,
    response,
    saying,
)
from signing import canonical
from support.opa_server import TOKEN, running_opa
from support.policy_cases import LIMIT, data, document, put
from support.secrets_made import secret

pytestmark = pytest.mark.requirement("S1-07")

TIMEOUT_MS = 400
"""For servers that never answer; whatever else is expected has minutes on a busy machine."""

GOOD = canonical.encode(document())


def release() -> Release:
    return replace(shipped_release(), data=canonical.encode(data()))


@asynccontextmanager
async def asked(
    url: str, *, held: Release | None = None, token: str = TOKEN, timeout_ms: int = 60_000
) -> AsyncIterator[OpaServerEngine]:
    engine = OpaServerEngine(held or release(), endpoint(url, secret(token)), timeout_ms=timeout_ms)
    try:
        yield engine
    finally:
        await engine.close()


def peer_of(script: Script):  # noqa: ANN201  the context manager of the peer
    return hostile_opa(script, version=release().opa_version, revision=release().digest)


async def test_the_peer_of_these_tests_can_allow() -> None:
    async with peer_of(saying(lambda _: None)) as peer, asked(peer.url) as engine:
        verdicts = await engine.decide([GOOD] * 3)
        assert [isinstance(v, Verdict) and v.allow for v in verdicts] == [True] * 3
        assert peer.decisions == 1
        request = peer.seen[-1]
        assert request.method == "POST"
        assert request.target == (
            "/v1/data/writ/main/decisions?provenance=true&strict-builtin-errors=true"
        )
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["accept-encoding"] == "identity"
        assert request.body == b'{"input":{"batch":[' + b",".join([GOOD] * 3) + b"]}}"


@pytest.mark.parametrize("name", MISBEHAVIOURS)
async def test_a_server_that_misbehaves_is_a_failure_and_is_asked_once(name: str) -> None:
    script, code = MISBEHAVIOURS[name]
    timeout_ms = TIMEOUT_MS if code == "ENGINE_TIMEOUT" else 60_000
    async with peer_of(script) as peer, asked(peer.url, timeout_ms=timeout_ms) as engine:
        assert await engine.decide([GOOD]) == [EngineFailure(code)]
        assert len(peer.seen) == peer.decisions == 1
        first, _ = await engine.decide([GOOD, GOOD])
        assert first == EngineFailure(code)
        halts = await engine.triggered_halts(b"{}")
        assert (
            halts in (EngineFailure(code), [])
            if code == "ENGINE_MALFORMED"
            else (halts == EngineFailure(code))
        )
        assert len(peer.seen) == 3
        assert not any(request.target.startswith("/elsewhere") for request in peer.seen)


@pytest.mark.parametrize("later", [False, True])
async def test_an_answer_that_nobody_asked_for_answers_nothing(*, later: bool) -> None:
    """An allow too many on a connection must not become the answer to the next order."""
    reasons = [{"control": CONTROLS[0]}]
    denial = allow() | {"allow": False, "passed": [], "reasons": reasons, "proofs": []}
    sent = asyncio.Event()

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if len(peer.seen) > 1:
            writer.write(response(json.dumps(asked.answer | {"result": [denial]}).encode()))
            return
        surplus = response(json.dumps(asked.answer).encode())
        writer.write(surplus)
        if later:
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(surplus)
        await writer.drain()
        sent.set()

    async with peer_of(script) as peer, asked(peer.url) as engine:
        [first] = await engine.decide([GOOD])
        assert isinstance(first, Verdict)
        assert first.allow
        await sent.wait()
        [second] = await engine.decide([GOOD])
        assert isinstance(second, Verdict)
        assert not second.allow
        assert peer.decisions == 2


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer_of(saying(lambda _: None)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with asked("http://127.0.0.1:9") as engine:
            assert await engine.decide([GOOD]) == [EngineFailure("ENGINE_UNREACHABLE")]
        assert proxy.seen == []


async def test_the_client_changes_nothing_on_the_server() -> None:
    there = endpoint("http://127.0.0.1:9", secret(TOKEN))
    client = StrictOpaClient(there, timeout_ms=100, answer_max_bytes=10)
    for name in (
        "update_policy_from_string",
        "update_policy_from_file",
        "update_policy_from_url",
        "update_or_create_data",
        "patch_data",
        "delete_policy",
        "delete_data",
    ):
        with pytest.raises(NotImplementedError):
            await getattr(client, name)("a", "b")
    assert client.retries == 0


async def test_a_server_that_stops_and_comes_back() -> None:
    with running_opa(release()) as opa:
        async with asked(opa.url) as engine:
            [verdict] = await engine.decide([GOOD])
            assert isinstance(verdict, Verdict)
            assert verdict.allow
            await asyncio.to_thread(opa.stop)
            for _ in range(3):
                assert await engine.decide([GOOD]) == [EngineFailure("ENGINE_UNREACHABLE")]
            assert "ENGINE_UNREACHABLE" in (await engine.readiness() or "")
            await asyncio.to_thread(opa.start)
            assert await engine.decide([GOOD]) == [verdict]


async def test_a_server_with_another_release_is_out_of_rotation_until_it_has_ours() -> None:
    other = replace(release(), digest="0" * 64)
    with running_opa(other) as opa:
        async with asked(opa.url) as engine:
            assert await engine.decide([GOOD]) == [EngineFailure("ENGINE_REVISION")]
            assert await engine.triggered_halts(b"{}") == EngineFailure("ENGINE_REVISION")
            assert "ENGINE_REVISION" in (await engine.readiness() or "")
            await asyncio.to_thread(opa.stop)
            (opa.folder / "bundle.tar.gz").write_bytes(server_bundle(release()).data)
            await asyncio.to_thread(opa.start)
            [verdict] = await engine.decide([GOOD])
            assert isinstance(verdict, Verdict)
            assert verdict.allow


async def test_readiness_is_asked_once_for_many() -> None:
    async with peer_of(saying(lambda _: None)) as peer, asked(peer.url) as engine:
        answers = await asyncio.gather(*(engine.readiness() for _ in range(20)))
        assert set(answers) == {None}
        assert len(peer.seen) == 3  # two queries and the health


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("no bundle", "ENGINE_REVISION"),
        ("wrong token", "ENGINE_ERROR"),
        ("another version", "ENGINE_VERSION"),
        ("no such rule", "ENGINE_UNDEFINED"),
        ("no authorization policy", "ENGINE_ERROR"),
    ],
)
async def test_real_servers_that_cannot_decide(state: str, code: str) -> None:
    held = replace(release(), opa_version="1.21.4") if state == "another version" else release()
    bundle = empty_bundle(release()) if state == "no such rule" else None
    authz = "package other\n" if state == "no authorization policy" else None
    loaded = None if state == "no bundle" else release()
    with running_opa(loaded, bundle=bundle, authz=authz, healthy=authz is None) as opa:
        token = "another-token-0123456789" if state == "wrong token" else TOKEN
        async with asked(opa.url, held=held, token=token) as engine:
            assert await engine.decide([GOOD]) == [EngineFailure(code)]
            assert code in (await engine.readiness() or "")


def empty_bundle(held: Release) -> bytes:
    """The right revision around nothing."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w:gz").close()
    return server_bundle(replace(held, bundle=empty.getvalue())).data


async def test_a_server_over_a_unix_socket_decides_the_same() -> None:
    batch = [GOOD, canonical.encode(put(document(), ("order", "notional_micros"), LIMIT + 1))]
    with running_opa(release()) as one, running_opa(release(), unix=True) as two:
        async with asked(one.url) as tcp, asked(two.url) as unix:
            answers = await tcp.decide(batch)
            assert answers == await unix.decide(batch)
            assert [isinstance(a, Verdict) and a.allow for a in answers] == [True, False]
