"""A release is switched while the gateway runs: at once, wholly, on the record, or not at all."""

from __future__ import annotations

import asyncio
import json
import shutil
import tarfile
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import httpx2
import pytest

from gateway.domain.errors import UnavailableError
from gateway.policy.batches import DECISIONS, HALTS
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.ports import Batch, Committed
from support.doors import problem
from support.switch_desk import SWITCH, Desk, desk_in
from support.switching import SOURCE, ReleaseLink, wrong_revisions


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with desk_in(tmp_path) as made:
        yield made


def controls(answer: httpx2.Response) -> list[str]:
    document = problem(answer, 403, "order-denied")
    return [reason["control"] for reason in document["reasons"]]


async def test_a_new_release_decides_from_the_next_order_on(desk: Desk) -> None:
    before = await desk.door.propose(qty="1")
    assert before.status_code == 201
    done = await desk.turned("tight")
    assert done["changed"] is True
    assert done["previous_digest"] == desk.releases.digest("open")
    assert done["active"]["release_digest"] == await desk.active() == desk.releases.digest("tight")
    assert (done["recorded"], done["canaries"] > 0) == (1, True)
    assert done["controls_removed"] == []
    [flip] = done["flips"]
    decision_id = before.json()["decision_id"]
    assert flip == {
        "decision_id": decision_id, "allowed": True, "allows": False, "controls": ["ORD-01"],
    }  # fmt: skip
    assert controls(await desk.door.propose(qty="1")) == ["ORD-01"]
    mode = (await desk.door.call("GET", "/v1/mode")).json()
    assert mode["release_digest"] == desk.releases.digest("tight")
    assert (await desk.turned("open"))["changed"] is True
    assert (await desk.door.propose(qty="1")).status_code == 201

    found = await desk.log()
    by = [(p["release_digest"], p["by"]) for kind, p in found if kind == "release"]
    assert by == [
        (desk.releases.digest("open"), "configuration"),
        (desk.releases.digest("tight"), "admin-user"),
        (desk.releases.digest("open"), "admin-user"),
    ]
    assert wrong_revisions(found) == []


async def test_naming_the_release_in_force_changes_nothing(desk: Desk) -> None:
    count = await desk.door.entries()
    answer = await desk.switch(desk.releases.digest("open"))
    assert (answer.status_code, answer.json()["changed"]) == (200, False)
    assert await desk.door.entries() == count


async def test_only_an_admin_switches(desk: Desk) -> None:
    digest = desk.releases.turn("tight")
    for scope in ("propose", "read", "operate", "policy:read"):
        problem(await desk.switch(digest, scope), 403, "scope-missing")
    assert await desk.active() == desk.releases.digest("open")


@pytest.mark.parametrize("digest", ["", "0" * 63, "A" * 64, "current", 7, None])
async def test_a_digest_that_is_none_is_no_switch(desk: Desk, digest: object) -> None:
    answer = await desk.door.call("POST", SWITCH, scope="admin", json={"digest": digest})
    assert answer.status_code == 422


def _other(releases: ReleaseLink) -> str:
    releases.turn("tight")
    return "0" * 64


def _not_there_yet(releases: ReleaseLink) -> str:
    return releases.digest("tight")


def _gone(releases: ReleaseLink) -> str:
    digest = releases.turn("tight")
    shutil.rmtree(releases.made["tight"])
    return digest


def _damaged(releases: ReleaseLink) -> str:
    path = releases.made["tight"] / "policy.wasm"
    path.write_bytes(path.read_bytes()[:-1])
    return releases.turn("tight")


def _no_json(releases: ReleaseLink) -> str:
    releases.put("tight", "data.json", b"{}", "data_sha256")
    return releases.turn("tight")


def _other_opa(releases: ReleaseLink) -> str:
    releases.copy("new", "tight", opa_version="1.22.0")
    return releases.turn("new")


def _no_module(releases: ReleaseLink) -> str:
    releases.put("tight", "policy.wasm", b"\0asm\x01\0\0\0", "wasm_sha256")
    return releases.turn("tight")


def _asks_the_host(releases: ReleaseLink) -> str:
    """The rules as they are, compiled with a function that the module would ask us for."""
    rego = releases.folder / "host.rego"
    rego.write_text('package writ.host\n\nvalue := sprintf("%d", [1])\n', encoding="utf-8")
    made = releases.folder / "host.tar.gz"
    entry_points = [f"--entrypoint={name}" for name in (DECISIONS, HALTS, "writ/host/value")]
    sources = [str(path) for path in SOURCE.rglob("*.rego") if not path.stem.endswith("_test")]
    done = run_opa(
        find_opa(),
        ["build", "--target=wasm", *entry_points, f"--output={made}", str(rego), *sources],
        cwd=releases.folder,
    )
    assert done.status == 0, done.said
    with tarfile.open(made) as archive:
        module = archive.extractfile("/policy.wasm")
        assert module is not None
        releases.put("tight", "policy.wasm", module.read(), "wasm_sha256")
    return releases.turn("tight")


def _other_words(releases: ReleaseLink) -> str:
    path = releases.made["tight"] / "catalogue.json"
    words = json.loads(path.read_bytes()) | {"revision": "r0000000000000000"}
    path.write_text(json.dumps(words, separators=(",", ":"), sort_keys=True), encoding="utf-8")
    return releases.turn("tight")


def _other_currency(releases: ReleaseLink) -> str:
    releases.with_data("new", "tight", base_currency="EUR")
    return releases.turn("new")


def _unlisted(releases: ReleaseLink) -> str:
    data = json.loads((releases.made["tight"] / "data.json").read_bytes())
    del data["instruments"]["AAPL"]
    releases.with_data("new", "tight", instruments=data["instruments"])
    return releases.turn("new")


def _rescaled(releases: ReleaseLink) -> str:
    data = json.loads((releases.made["tight"] / "data.json").read_bytes())
    data["instruments"]["AAPL"] |= {"multiplier": 10}
    releases.with_data("new", "tight", instruments=data["instruments"])
    return releases.turn("new")


def _allows_all(releases: ReleaseLink) -> str:
    releases.built("new", "tight", "main.rego", {"\tcount(not_proven) == 0\n": ""})
    return releases.turn("new")


def _ignores_halts(releases: ReleaseLink) -> str:
    releases.built("new", "open", "main.rego", {'\t"OMEGA-2": "halt",\n': ""})
    return releases.turn("new")


def _opens_live(releases: ReleaseLink) -> str:
    releases.built("new", "open", "main.rego", {'\t"LIV-01": "live",\n': ""})
    return releases.turn("new")


def _asks_no_officer(releases: ReleaseLink) -> str:
    releases.built("new", "open", "main.rego", {'\t"MAN-01": "manifest",\n': ""})
    return releases.turn("new")


def _sends_anywhere(releases: ReleaseLink) -> str:
    releases.built("new", "open", "main.rego", {'\t"MAN-02": "manifest_venue",\n': ""})
    return releases.turn("new")


def _requires_nothing(releases: ReleaseLink) -> str:
    releases.built("new", "open", "main.rego", {"object.keys(registry)": "set()"})
    return releases.turn("new")


@pytest.mark.parametrize(
    ("prepared", "code"),
    [
        (_other, "release-other"),
        (_not_there_yet, "release-other"),
        (_gone, "release-missing"),
        (_damaged, "release-digest"),
        (_no_json, "release-data"),
        (_other_opa, "release-opa-version"),
        (_no_module, "release-wasm"),
        (_other_words, "release-malformed"),
        (_other_currency, "release-currency"),
        (_unlisted, "release-lacks-instrument"),
        (_rescaled, "release-rescales-instrument"),
    ],
)
async def test_a_bad_release_is_refused_and_the_old_one_stays(
    desk: Desk, prepared: Callable[[ReleaseLink], str], code: str
) -> None:
    await refused(desk, prepared, code)


@pytest.mark.parametrize(
    ("prepared", "code"),
    [
        (_asks_the_host, "release-wasm"),
        (_allows_all, "release-undecided"),
        (_ignores_halts, "release-unsound"),
        (_opens_live, "release-unsound"),
        (_asks_no_officer, "release-unsound"),
        (_sends_anywhere, "release-unsound"),
        (_requires_nothing, "release-undecided"),
    ],
)
async def test_a_release_of_unsound_rules_dies_of_its_canaries(
    desk: Desk, prepared: Callable[[ReleaseLink], str], code: str
) -> None:
    await refused(desk, prepared, code)


async def refused(desk: Desk, prepared: Callable[[ReleaseLink], str], code: str) -> None:
    assert (await desk.door.propose(qty="1")).status_code == 201
    await desk.door.app.pipeline.quiesce()
    count = await desk.door.entries()
    document = problem(await desk.switch(prepared(desk.releases)), 409, code)
    assert document["remedy"]
    assert await desk.door.entries() == count
    assert await desk.active() == desk.releases.digest("open")
    assert (await desk.door.propose(qty="1")).status_code == 201


async def test_a_release_is_refused_in_a_mode_that_it_may_not_run_in(tmp_path: Path) -> None:
    async with desk_in(tmp_path, mode="RESEARCH", lifted=False) as desk:
        desk.releases.copy("demo", "tight", label="demonstration")
        answer = await desk.switch(desk.releases.turn("demo"))
        problem(answer, 409, "release-not-for-mode")
        assert await desk.active() == desk.releases.digest("open")


async def test_the_mode_cannot_slip_past_a_release_that_is_being_recorded(desk: Desk) -> None:
    """While the entry is on its way to the disk, a mode must suit the old label and the new."""
    desk.releases.copy("demo", "tight", label="demonstration")
    commit = desk.door.app.ledger.commit
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(batch: Batch) -> Committed:
        if batch.drafts[0].kind == "release":
            under_way.set()
            await go_on.wait()
        return await commit(batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.door.app.ledger, "commit", slow)
        switching = asyncio.create_task(desk.switch(desk.releases.turn("demo")))
        await asyncio.wait_for(under_way.wait(), 30)
        body = {"mode": "RESEARCH"}
        answer = await desk.door.call("POST", "/v1/mode", scope="admin", json=body)
        problem(answer, 409, "release-not-for-mode")
        busy = await desk.switch(desk.releases.digest("tight"))
        problem(busy, 409, "switch-under-way")
        go_on.set()
        assert (await switching).status_code == 200


@pytest.mark.parametrize("after", [False, True], ids=["nothing written", "written all the same"])
async def test_a_switch_that_cannot_be_recorded_leaves_what_the_log_says(
    desk: Desk, *, after: bool
) -> None:
    commit = desk.door.app.ledger.commit

    async def failing(batch: Batch) -> Committed:
        if after:
            await commit(batch)
        raise UnavailableError("ledger-full", "the disk is full", "make room")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.door.app.ledger, "commit", failing)
        problem(await desk.switch(desk.releases.turn("tight")), 503, "ledger-full")
    held = desk.releases.digest("tight" if after else "open")
    assert await desk.active() == desk.door.app.book().release_digest == held
    answer = await desk.door.propose(qty="1")
    assert answer.status_code == (403 if after else 201), answer.text
    # And nothing is left over: the next switch goes through.
    name = "open" if after else "tight"
    assert (await desk.turned(name))["changed"] is True
    assert wrong_revisions(await desk.log()) == []
