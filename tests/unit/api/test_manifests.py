"""A manifest accepted, held to and let go of, as its officers and the clock have it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.control import acceptance
from gateway.demo.tally import entries
from gateway.domain.errors import InvalidInputError, RefusedError, UnavailableError
from gateway.domain.mode import Mode
from gateway.policy.release import load_release
from gateway.ports import Batch, Committed
from signing.overlay import Overlay, encode_overlay
from signing.trust import Repository, verify_trust
from signing.trust.evidence import read_evidence
from signing.verify import verify_log
from support.doors import Door, opened, problem
from support.paper import HOST, ORIGIN, ShiftedClock, lapsed, outside, paper, permitting, until
from support.permitting import HOUR_US, Officers
from support.release_folder import write_release
from support.trust_root import ANNA, BERT, CARL, COUNCIL

DAY_US = 24 * HOUR_US
LAPSED = "MANIFEST_LAPSED"
NUMBERED = {"broker": "simulator", "broker_account": "X1", "hosts": [HOST]}
"""An account as LIVE has to name it, by its number at its broker."""


@pytest.fixture(autouse=True)
def venue(monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch)


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    return permitting(tmp_path)


@pytest.fixture
async def door(tmp_path: Path, officers: Officers) -> AsyncGenerator[Door]:
    officers.sign()
    async with paper(tmp_path, officers) as door:
        yield door


async def causes(door: Door) -> list[str]:
    await door.app.journal.settled()
    return [halt.cause for halt in door.app.book().halts.values()]


async def halted(door: Door) -> None:
    """Wait until the lapse has halted everything."""
    for _ in range(3_000):
        if LAPSED in await causes(door):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not halted within a minute")


async def resting(door: Door) -> str:
    """Place an order that rests at the broker."""
    answer = await door.propose(limit_price="24.60", headers={"Prefer": "wait=30"})
    assert answer.json()["status"] == "ACKNOWLEDGED", answer.text
    return answer.json()["order_id"]


async def ends(door: Door, order_id: str, status: str) -> None:
    """Wait until an order has this status."""
    for _ in range(3_000):
        if (await door.call("GET", f"/v1/orders/{order_id}")).json()["status"] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not {status} within a minute")


async def denied(door: Door, **ticket: Any) -> set[str]:
    answer = problem(await door.propose(**ticket), 403, "order-denied")
    return {reason["control"] for reason in answer["reasons"]}


@pytest.mark.requirement("S1-13")
async def test_in_paper_an_order_goes_out_under_the_manifest_that_stands(door: Door) -> None:
    told = await until(door, lambda told: told["manifest"]["stands"])
    assert told["manifest"]["accounts"]["primary"]["hosts"] == [HOST]
    assert (told["manifest"]["mode"], told["manifest"]["release_in_force"]) == ("PAPER", True)
    assert (told["configured"], told["refused"]) == (True, None)
    order = (await door.propose(headers={"Prefer": "wait=30"})).json()
    assert (order["status"], order["label"]) == ("ACKNOWLEDGED", "signed")
    plain = await door.call("GET", "/v1/manifests")
    assert plain.json()["manifest"]["accounts"]["primary"]["hosts"] is None


@pytest.mark.requirement("S1-13")
async def test_what_was_accepted_is_in_the_log_with_its_evidence(
    door: Door, officers: Officers
) -> None:
    book = door.app.book()
    assert book.manifest is not None
    assert book.trust_floor is not None
    await door.app.ledger.publish_now()
    assert verify_log(door.app.log_dir, door.app.vkey).ok
    blobs = door.app.log_dir / "blobs"
    assert (blobs / book.manifest.digest).is_file()
    evidences = [path for path in blobs.iterdir() if b'"judged_us"' in path.read_bytes()]
    evidence = read_evidence(evidences[0].read_bytes())
    assert evidence.pinned == officers.trust.pinned

    def document(sha256: str) -> bytes | None:
        path = blobs / sha256
        return path.read_bytes() if path.exists() else None

    repository: Repository = evidence.repository(document)
    state = verify_trust(repository, evidence.pinned, evidence.judged_us)
    assert state.floor.to_dict() == book.trust_floor


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
async def test_a_manifest_revoked_between_decision_and_gate_stops_the_order(
    door: Door, officers: Officers, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = door.app.ledger.receipt

    async def revoked(index: int) -> bytes:
        officers.revoke()
        await until(door, lapsed("MANIFEST_REVOKED"))
        return await receipt(index)

    monkeypatch.setattr(door.app.ledger, "receipt", revoked)
    order = (await door.propose(headers={"Prefer": "wait=30"})).json()
    assert order["decision"]["allow"] is True
    assert order["status"] == "DENIED"
    assert order["code"] in {"GATE_MANIFEST", "GATE_HALTED"}, "by the lapse, or by its halt"


@pytest.mark.requirement("S1-13")
async def test_a_revocation_denies_cancels_and_halts_until_an_admin_resumes(
    door: Door, officers: Officers
) -> None:
    order_id = await resting(door)
    officers.revoke()
    await until(door, lapsed("MANIFEST_REVOKED"))
    await halted(door)
    assert "MAN-01" in await denied(door)
    assert await causes(door) == [LAPSED]
    assert door.app.book().mode is Mode.PAPER
    await ends(door, order_id, "CANCELED")
    digest = officers.sign(epoch=2)
    await until(door, lambda told: told["manifest"]["manifest_digest"] == digest)
    assert await causes(door) == [LAPSED], "a new manifest resumes nothing by itself"
    body = {"halt_id": "all", "reason": "the officers have signed again"}
    resumed = await door.call("POST", "/v1/resume", scope="admin", json=body)
    assert resumed.status_code == 200, resumed.text
    again = await door.propose()
    assert again.status_code == 201, again.text


@pytest.mark.requirement("S1-13")
async def test_working_orders_are_left_where_the_manifest_says_so(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign(at_lapse="leave")
    async with paper(tmp_path, officers) as door:
        order_id = await resting(door)
        officers.revoke()
        await until(door, lapsed("MANIFEST_REVOKED"))
        await halted(door)
        assert "MAN-01" in await denied(door)
        await ends(door, order_id, "ACKNOWLEDGED")
        await door.cancel(order_id)


@pytest.mark.requirement("W-10")
async def test_after_a_lapse_a_risk_officer_lets_positions_be_reduced(
    door: Door, officers: Officers
) -> None:
    bought = await door.propose(qty="10", limit_price="25.50", headers={"Prefer": "wait=30"})
    assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
    await ends(door, bought.json()["order_id"], "FILLED")
    officers.revoke()
    await halted(door)
    exit_order = {"side": "sell", "qty": "10", "limit_price": "23.20", "reduce_only": True}
    assert (await door.propose(**exit_order)).status_code == 403
    opening = {"opened": True, "reason": "the book is to be closed"}
    answer = await door.call("POST", "/v1/exit-only", scope="risk", json=opening)
    assert answer.status_code == 200, answer.text
    sold = await door.propose(**exit_order, headers={"Prefer": "wait=30"})
    assert sold.status_code == 201, sold.text
    assert sold.json()["status"] == "ACKNOWLEDGED"
    assert "MAN-01" in await denied(door)


@pytest.mark.requirement("S1-13")
async def test_a_newer_manifest_takes_its_place_without_a_gap(
    door: Door, officers: Officers
) -> None:
    digest = officers.sign(epoch=2, at_lapse="leave")
    told = await until(door, lambda told: told["manifest"]["manifest_digest"] == digest)
    assert (told["manifest"]["stands"], told["manifest"]["epoch"]) == (True, 2)
    assert await causes(door) == []
    assert (await door.propose()).status_code == 201


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"epoch": 1}, "epoch-older"),
        ({"epoch": 2, "at_lapse": "leave"}, "epoch-changed"),
        ({"epoch": 3, "environment": "staging"}, "environment-other"),
        ({"epoch": 3, "gateway": "writ.local/other"}, "gateway-other"),
        ({"epoch": 3, "mode": "LIVE", "accounts": {"primary": NUMBERED}}, "account-venue"),
    ],
    ids=["epoch", "same-epoch", "environment", "gateway", "live"],
)
async def test_a_manifest_that_is_not_for_this_gateway_ends_the_one_before(
    tmp_path: Path, officers: Officers, changes: dict[str, Any], code: str
) -> None:
    officers.sign(epoch=2)
    async with paper(tmp_path, officers) as door:
        officers.sign(**changes)
        told = await until(door, lapsed("MANIFEST_REPLACED"))
        assert (told["refused"]["verifier"], told["refused"]["code"]) == ("manifest", code)
        assert "MAN-01" in await denied(door)


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("host", ["api.example.com:443", "paper.example.com:444"])
async def test_paper_at_another_host_does_not_start(
    tmp_path: Path, officers: Officers, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    officers.sign()
    outside(monkeypatch, host=host)
    with pytest.raises(RefusedError, match="mode-unavailable"):
        async with paper(tmp_path, officers):
            pytest.fail("it started")


@pytest.mark.requirement("S1-13")
async def test_paper_starts_with_the_release_that_the_manifest_names_alone(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign(release_digest="0" * 64)
    with pytest.raises(RefusedError, match="release-not-permitted"):
        async with paper(tmp_path, officers):
            pytest.fail("it started")


@pytest.mark.requirement("S1-13")
async def test_a_manifest_for_the_next_release_denies_until_the_switch(
    door: Door, officers: Officers
) -> None:
    digest = officers.sign(epoch=2, release_digest="ab" * 32)
    told = await until(door, lambda told: told["manifest"]["manifest_digest"] == digest)
    assert (told["manifest"]["stands"], told["manifest"]["release_in_force"]) == (True, False)
    assert "MAN-01" in await denied(door)
    assert await causes(door) == []


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
async def test_a_release_comes_into_force_in_paper_when_the_officers_name_it(
    tmp_path: Path, door: Door, officers: Officers
) -> None:
    folder = tmp_path / "release"
    shutil.rmtree(folder)
    other = load_release(write_release(folder, positions_max_count=7))
    body = {"digest": other.digest}
    answer = await door.call("POST", "/v1/policy/switch", scope="admin", json=body)
    problem(answer, 409, "release-not-permitted")
    assert (await door.propose()).status_code == 201, "nothing has changed"
    digest = officers.sign(epoch=2, release_digest=other.digest, limits_digest=other.data_digest)
    await until(door, lambda told: told["manifest"]["manifest_digest"] == digest)
    assert "MAN-01" in await denied(door)
    answer = await door.call("POST", "/v1/policy/switch", scope="admin", json=body)
    assert answer.status_code == 200, answer.text
    assert (await door.propose()).json()["label"] == "signed"
    await door.app.journal.settled()
    await door.app.ledger.publish_now()
    assert verify_log(door.app.log_dir, door.app.vkey).ok


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("ahead_us", "cause"),
    [
        (101 * DAY_US, "MANIFEST_EXPIRED"),
        (4 * DAY_US, "TRUST_EXPIRED"),
        (-10_000_000, "CLOCK_WENT_BACK"),
    ],
    ids=["manifest", "trust", "back"],
)
async def test_it_ends_by_the_clock(
    tmp_path: Path, officers: Officers, ahead_us: int, cause: str
) -> None:
    officers.sign()
    clock = ShiftedClock()
    async with paper(tmp_path, officers, clock=clock) as door:
        assert (await door.propose()).status_code == 201
        clock.shift_us = ahead_us
        assert door.app.permissions.standing() is None, "at once, before anybody has looked"
        assert door.app.permissions.lapsed() == cause
        await until(door, lapsed(cause))
        await halted(door)


@pytest.mark.requirement("S1-13")
async def test_a_manifest_is_accepted_when_its_time_has_come(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign(valid_from_us=officers.now_us + HOUR_US)
    clock = ShiftedClock()
    async with paper(tmp_path, officers, mode="RESEARCH", clock=clock) as door:
        told = await until(door, lambda told: told["refused"] is not None)
        assert told["refused"]["code"] == "manifest-early"
        clock.shift_us = HOUR_US
        told = await until(door, lambda told: told["manifest"] is not None)
        assert (told["manifest"]["stands"], told["refused"]) == (True, None)


@pytest.mark.requirement("S1-13")
async def test_trust_renewed_in_time_goes_on(tmp_path: Path, officers: Officers) -> None:
    officers.sign()
    clock = ShiftedClock()
    async with paper(tmp_path, officers, clock=clock) as door:
        officers.trust.now_us += 2 * DAY_US
        officers.trust.publish()
        versions = {"timestamp": 2, "snapshot": 2}
        await until(door, lambda told: versions.items() <= told["trust"]["versions"].items())
        clock.shift_us = 4 * DAY_US
        assert (await until(door, lambda told: told["manifest"]["stands"]))["refused"] is None
        assert await causes(door) == []


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
async def test_more_officers_asked_for_end_what_too_few_have_signed(
    door: Door, officers: Officers
) -> None:
    officers.trust.root(replace(COUNCIL, threshold=3), ANNA, BERT, CARL)
    told = await until(door, lapsed("TRUST_REFUSED"))
    assert (told["refused"]["verifier"], told["refused"]["code"]) == ("trust", "targets-short")
    assert "MAN-01" in await denied(door)


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
async def test_an_older_folder_put_in_its_place_ends_it(tmp_path: Path, officers: Officers) -> None:
    officers.sign()
    shutil.copytree(officers.folder, tmp_path / "before")
    officers.sign(epoch=2)
    async with paper(tmp_path, officers) as door:
        shutil.rmtree(officers.folder)
        shutil.copytree(tmp_path / "before", officers.folder)
        told = await until(door, lapsed("TRUST_ROLLED_BACK"))
        assert told["refused"]["code"] == "timestamp-older"


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
async def test_an_older_folder_is_refused_after_a_restart_as_well(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign()
    shutil.copytree(officers.folder, tmp_path / "before")
    officers.sign(epoch=2)
    async with paper(tmp_path, officers):
        pass
    shutil.rmtree(officers.folder)
    shutil.copytree(tmp_path / "before", officers.folder)
    with pytest.raises(RefusedError, match="mode-unavailable"):
        async with paper(tmp_path, officers):
            pytest.fail("it started")
    async with paper(tmp_path, officers, mode="RESEARCH") as door:
        accepted = door.app.book().manifest
        assert accepted is not None
        assert accepted.lapsed == "TRUST_ROLLED_BACK"


@pytest.mark.requirement("S1-13")
async def test_a_folder_that_is_away_for_a_moment_stops_nobody(
    door: Door, officers: Officers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "DOUBT_MAX_MS", 600_000)
    officers.folder.rename(tmp_path / "away")
    await until(door, lambda told: told["doubtful"])
    assert (await door.propose()).status_code == 201
    (tmp_path / "away").rename(officers.folder)
    told = await until(door, lambda told: not told["doubtful"])
    assert told["manifest"]["stands"]
    assert await causes(door) == []


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("what", ["folder", "pinned"])
async def test_a_folder_or_a_pinned_root_that_stays_away_ends_it(
    door: Door,
    officers: Officers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    monkeypatch.setattr(acceptance, "DOUBT_MAX_MS", 300)
    (officers.folder if what == "folder" else officers.pinned).rename(tmp_path / "away")
    await until(door, lapsed("TRUST_UNREADABLE"))
    assert "MAN-01" in await denied(door)


async def kinds(door: Door, *wanted: str) -> list[str]:
    """The entries of these kinds, in their order."""
    await door.app.journal.settled()
    await door.app.ledger.publish_now()
    found = entries(door.app.log_dir, door.app.vkey)
    return [kind for kind, _ in found if kind in wanted]


@pytest.mark.requirement("S1-13")
async def test_a_restart_goes_on_under_the_same_manifest(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign()
    for _ in range(2):
        async with paper(tmp_path, officers) as door:
            assert (await door.propose()).json()["label"] == "signed"
            assert await kinds(door, "trust", "manifest", "lapse") == ["trust", "manifest"]


@pytest.mark.requirement("S1-13")
async def test_a_gateway_that_is_given_no_trust_root_any_more_lets_go(
    tmp_path: Path, officers: Officers
) -> None:
    officers.sign()
    async with paper(tmp_path, officers):
        pass
    async with opened(tmp_path, mode="RESEARCH") as door:
        assert await kinds(door, "manifest", "lapse") == ["manifest", "lapse"]
        told = (await door.call("GET", "/v1/manifests")).json()
        assert (told["configured"], told["manifest"]) == (False, None)


@pytest.mark.requirement("S1-13")
async def test_what_cannot_be_recorded_is_not_accepted(
    door: Door, officers: Officers, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = door.app.ledger.commit
    refused = asyncio.Event()

    async def full(batch: Batch) -> Committed:
        if any(draft.kind == "manifest" for draft in batch.drafts):
            refused.set()
            raise UnavailableError("ledger-full", "no room", "make room")
        return await commit(batch)

    with monkeypatch.context() as patch:
        patch.setattr(door.app.ledger, "commit", full)
        digest = officers.sign(epoch=2)
        await asyncio.wait_for(refused.wait(), 30)
        standing = door.app.permissions.standing()
        assert standing is not None
        assert standing.manifest.epoch == 1
    await until(door, lambda told: told["manifest"]["manifest_digest"] == digest)
    assert await kinds(door, "manifest", "lapse") == ["manifest", "manifest"]


@pytest.mark.requirement("S1-01")
async def test_the_mode_is_set_under_a_manifest_for_it_and_no_other(
    tmp_path: Path, officers: Officers
) -> None:
    async with paper(tmp_path, officers, mode="RESEARCH") as door:
        told = await until(door, lambda told: told["refused"] is not None)
        assert told["refused"]["code"] == "metadata-missing"
        paper_mode, live = {"mode": "PAPER"}, {"mode": "LIVE"}
        answer = await door.call("POST", "/v1/mode", scope="admin", json=paper_mode)
        problem(answer, 409, "mode-unavailable")
        officers.sign()
        await until(door, lambda told: told["manifest"] is not None)
        answer = await door.call("POST", "/v1/mode", scope="admin", json=paper_mode)
        assert answer.json()["mode"] == "PAPER"
        answer = await door.call("POST", "/v1/mode", scope="admin", json=live)
        problem(answer, 409, "mode-unavailable")


@pytest.mark.attack
@pytest.mark.requirement("S1-01")
async def test_the_toggle_alone_opens_nothing(tmp_path: Path, officers: Officers) -> None:
    officers.sign()
    with pytest.raises(RefusedError, match="mode-unavailable"):
        async with paper(tmp_path, officers, mode="LIVE", live_enabled=True):
            pytest.fail("it started")
    with pytest.raises(RefusedError, match="mode-unavailable"):
        async with opened(tmp_path, mode="LIVE", live_enabled=True):
            pytest.fail("it started")


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("mode", ["PAPER", "SIMULATION"])
async def test_a_risk_officer_tightens_at_once_and_a_revocation_loosens_nothing(
    tmp_path: Path, officers: Officers, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    outside(monkeypatch, Mode(mode))
    officers.sign()
    calm = Overlay(
        name="calm",
        gateway=ORIGIN,
        caps={"order_notional_max_micros": 1_000_000},
        restricted=("KO",),
        effective_from_us=officers.now_us - HOUR_US,
        expires_us=officers.now_us + DAY_US,
        reason="the desk is away",
    )
    async with paper(tmp_path, officers, mode=mode) as door:
        assert (await door.propose()).status_code == 201
        officers.trust.overlays({calm.target: encode_overlay(calm)}, CARL)
        officers.trust.publish()
        await until(door, lambda told: told["trust"]["overlays"] == ["calm"])
        assert await denied(door) == {"ORD-01"}
        assert "LST-01" in await denied(door, symbol="KO", limit_price="31.50")
        officers.revoke()
        await until(door, lambda told: told["refused"] is not None)
        assert "ORD-01" in await denied(door)


@pytest.mark.parametrize("left_out", ["trust", "trust_root"])
async def test_a_trust_root_is_a_folder_and_a_pinned_root(
    tmp_path: Path, officers: Officers, left_out: str
) -> None:
    with pytest.raises(InvalidInputError, match="config-invalid"):
        async with paper(tmp_path, officers, **{left_out: None}):
            pytest.fail("it started")


async def test_officers_are_named_by_the_trust_root_or_by_a_file_and_not_by_both(
    tmp_path: Path, officers: Officers
) -> None:
    with pytest.raises(InvalidInputError, match="config-invalid"):
        async with paper(tmp_path, officers, override_officers=tmp_path / "officers"):
            pytest.fail("it started")


@pytest.mark.requirement("S4-04")
async def test_the_trust_root_says_whose_overrides_count(
    door: Door, officers: Officers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "DOUBT_MAX_MS", 300)
    keys = door.app.trust.officer_keys()
    assert set(keys.names.values()) == {"anna", "bert"}
    officers.trust.path("timestamp.json").write_text("{}")
    await until(door, lambda told: told["refused"] is not None and not told["doubtful"])
    assert not door.app.trust.officer_keys().names
