"""The release as an OPA server fetches it, and readiness that follows the engine."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from support.doors import Door, opened, problem
from support.opa_server import TOKEN, free_port

BUNDLE = "/v1/policy/releases/{}/bundle.tar.gz"
CURRENT = BUNDLE.format("current")


async def test_the_bundle_carries_the_release_in_force(door: Door) -> None:
    answer = await door.call("GET", CURRENT, scope="policy:read")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        manifest, data = archive.extractfile("/.manifest"), archive.extractfile("/data.json")
        assert manifest is not None
        assert data is not None
        assert json.load(manifest)["revision"] == door.app.release.digest
        assert data.read() == door.app.release.data
    by_digest = BUNDLE.format(door.app.release.digest)
    same = await door.call("GET", by_digest, scope="policy:read")
    assert same.content == answer.content


async def test_an_unchanged_bundle_is_not_sent_again(door: Door) -> None:
    tag = (await door.call("GET", CURRENT, scope="policy:read")).headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            answer = await door.call(
                method, CURRENT, scope="policy:read", headers={"If-None-Match": given}
            )
            assert (answer.status_code, answer.content) == (304, b""), given
            assert answer.headers["etag"] == tag
    for given in ('"other"', tag.strip('"'), "", '""'):
        answer = await door.call(
            "GET", CURRENT, scope="policy:read", headers={"If-None-Match": given}
        )
        assert answer.status_code == 200, given


async def test_a_head_tells_tag_and_length(door: Door) -> None:
    whole = await door.call("GET", CURRENT, scope="policy:read")
    head = await door.call("HEAD", CURRENT, scope="policy:read")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == whole.headers[name]
    assert (await door.call("HEAD", CURRENT, scope="read")).status_code == 403
    assert (await door.call("HEAD", CURRENT, scope=None)).status_code == 401


WAITED = "application/vnd.openpolicyagent.bundles"


async def test_who_has_the_bundle_may_wait_for_the_next(door: Door) -> None:
    """OPA's long polling: the answer says by its type that the wish was understood."""
    tag = (await door.call("GET", CURRENT, scope="policy:read")).headers["etag"]

    async def ask(prefer: str, given: str = tag) -> httpx2.Response:
        headers = {"If-None-Match": given, "Prefer": prefer}
        return await door.call("GET", CURRENT, scope="policy:read", headers=headers)

    first = await ask("modes=snapshot,delta;wait=30", '"other"')
    assert (first.status_code, first.headers["content-type"]) == (200, WAITED)
    over = await ask("modes=snapshot,delta;wait=0")
    assert (over.status_code, over.headers["content-type"]) == (304, WAITED)
    for none in ("modes=snapshot,delta", "wait=x", "await=30", "wait=-1", "wait=99999"):
        answer = await ask(none)
        assert answer.status_code == 304
        assert answer.headers["content-type"] != WAITED, none
    waiting = asyncio.create_task(ask("wait=30"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    releases = door.app.releases
    releases.serve(replace(releases.served, data=b"next", digest="0" * 64))
    told = await waiting
    assert (told.status_code, told.content) == (200, b"next")
    assert told.headers["etag"] == '"' + "0" * 64 + '"'


async def test_no_other_release_is_served(door: Door) -> None:
    other = await door.call("GET", BUNDLE.format("0" * 64), scope="policy:read")
    problem(other, 404, "release-unknown")
    for name in ("CURRENT", "0" * 63, "current%0a", "..%2fcurrent", "é"):
        answer = await door.call("GET", BUNDLE.format(name), scope="policy:read")
        assert answer.status_code in (404, 422), name


@pytest.mark.requirement("S1-07")
async def test_a_gateway_whose_engine_cannot_decide_is_not_ready(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="ascii")
    token.chmod(0o600)
    there = f"http://127.0.0.1:{free_port()}"
    given = {"engine": "opa-server", "opa_url": there, "opa_token_file": token}
    async with opened(tmp_path, **given) as door:
        document = problem(await door.call("GET", "/readyz", scope=None), 503, "engine-not-ready")
        assert "ENGINE_UNREACHABLE" in document["detail"]
        assert TOKEN not in json.dumps(document)
        assert (await door.call("GET", "/healthz", scope=None)).status_code == 200
        denied = await door.propose()
        assert (denied.status_code, denied.json()["failure"]["code"]) == (403, "ENGINE_UNREACHABLE")
