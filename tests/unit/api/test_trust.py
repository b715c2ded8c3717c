"""Attested runs and signed overrides at a real gateway's door, and what is not good enough."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from signing.keys import Vkey
from support.doors import PRICE, Door, opened, problem
from support.logs import seeded
from support.tickets import TICKET
from support.trust import CAROL, HOUR_US, MALLORY, OUTPUT, TrustFiles, an_override, trust_files

LATE_S = 60
ELSEWHERE = Vkey("writ.local/log", seeded(3).public)
"""The log of another gateway, which has the same origin as every gateway that was given none."""


@pytest.fixture
def files(tmp_path: Path) -> TrustFiles:
    return trust_files(tmp_path / "trust")


@pytest.fixture
async def door(tmp_path: Path, files: TrustFiles) -> AsyncGenerator[Door]:
    async with opened(tmp_path / "gateway", **files.settings(), limits=CRISIS_LIMITS) as door:
        yield door


CRISIS_LIMITS = {"crisis_buy_max_bps": 1}
"""A purchase of 248 dollars is 25 basis points of the 100,000 that the account has."""


def denied_by(answer: httpx2.Response) -> list[str]:
    """The controls of a denial."""
    return [reason["control"] for reason in problem(answer, 403, "order-denied")["reasons"]]


async def crisis(door: Door) -> None:
    """State, as a service would, that the regime is CRISIS."""
    market = (await door.call("GET", "/v1/market/clock")).json()
    body = {"value": "CRISIS", "at": market["now"], "ttl_ms": "86400000", "source": "regime-model"}
    answer = await door.call("PUT", "/v1/facts/model.regime", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text


async def proposed(door: Door, **changes: Any) -> int:
    return (await door.propose(**changes)).status_code


async def until(door: Door, status: int, **changes: Any) -> None:
    """Propose until the files of a second ago have been seen."""
    end = time.monotonic() + LATE_S
    while (found := await proposed(door, **changes)) != status:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.2)


@pytest.mark.requirement("S4-03")
@pytest.mark.requirement("S1-08")
async def test_an_order_passes_only_if_the_run_it_names_is_attested(
    door: Door, files: TrustFiles
) -> None:
    assert await proposed(door) == 201
    ticket = {**TICKET, "source_run": "run-1"}
    door.keys["desk"] = door.new_key("desk", "propose", "read")
    preview = await door.call("POST", "/v1/orders/preview", scope="desk", json=ticket)
    expected = {"source_run": "run-1", "attested": False, "by": "none"}
    assert preview.json()["facts"]["provenance"] == expected
    denied = await door.propose(source_run="run-1")
    assert denied_by(denied) == ["PRV-01"]
    assert "writ signal attest" in denied.json()["remedy"]
    files.attest("run-1")
    await until(door, 201, source_run="run-1")
    assert denied_by(await door.propose(source_run="run-2")) == ["PRV-01"]
    files.audit({"run_id": "run-2", "status": "audited"})
    await until(door, 201, source_run="run-2")
    files.audit({"run_id": "run-2", "status": "audited"}, "{")
    await until(door, 403, source_run="run-2")
    files.audit({"run_id": "run-2", "status": "audited"})
    await until(door, 201, source_run="run-2")

    # An output file that is changed takes its run out.
    (files.attestations / "targets.csv").write_bytes(OUTPUT + b"TSLA,1000000\n")
    await until(door, 403, source_run="run-1")
    ready = (await door.call("GET", "/readyz", scope=None)).json()
    assert ready["status"] == "ready"
    assert "writ doctor" in ready["warnings"][0]
    assert "targets" not in ready["warnings"][0]
    (files.attestations / "targets.csv").write_bytes(OUTPUT)
    await until(door, 201, source_run="run-1")
    assert (await door.call("GET", "/readyz", scope=None)).json() == {"status": "ready"}


@pytest.mark.requirement("S4-04")
@pytest.mark.requirement("S1-08")
async def test_in_a_crisis_a_large_purchase_needs_an_override(door: Door) -> None:
    assert await proposed(door) == 201
    await crisis(door)
    denied = await door.propose()
    assert denied_by(denied) == ["REG-01"]
    [reason] = denied.json()["reasons"]
    assert (reason["observed"], reason["limit"]) == (25, 1)
    assert "writ override sign" in reason["remedy"]
    assert (
        await proposed(door, client_order_id="c-1", override=an_override(log=door.app.vkey)) == 201
    )


@pytest.mark.requirement("S4-04")
async def test_an_override_that_does_not_count_is_as_none(door: Door, files: TrustFiles) -> None:
    await crisis(door)
    before = await door.entries()
    attestation = files.attest("run-1").read_text().rstrip()
    unreadable = (
        "{}",
        "carte blanche",
        an_override(log=door.app.vkey)[:-3],
        " " + an_override(log=door.app.vkey),
        attestation,
    )
    for text in unreadable:
        answer = await door.propose(client_order_id="m-1", override=text)
        problem(answer, 422, "override-malformed")
    for text in ("", "x" * 8_193, "\u2028"):
        answer = await door.propose(client_order_id="m-1", override=text)
        assert answer.status_code == 422, answer.text
    assert await door.entries() == before

    now_us = time.time_ns() // 1000
    wrong: list[dict[str, Any]] = [
        {"account": "second"},
        {"symbol": "MSFT"},
        {"side": "sell"},
        {"qty": "11"},
        {"client_order_id": "another"},
        {"principal": "somebody-else"},
        {"control": "ORD-01"},
        {"log": ELSEWHERE},
        {"log": Vkey(door.app.vkey.name, ELSEWHERE.public)},
        {"log": Vkey("another.local/log", door.app.vkey.public)},
        {"mode": "PAPER"},
        {"mode": "RESEARCH"},
        {"signer": MALLORY},
        {"created_us": now_us - HOUR_US, "expires_us": now_us - 1},
        {"created_us": now_us + HOUR_US, "expires_us": now_us + 25 * HOUR_US},
    ]
    for number, changes in enumerate([*wrong, {}]):
        given: dict[str, Any] = {
            "log": door.app.vkey,
            "client_order_id": f"c-{number}",
            "override_id": f"ovr_{number:032}",
            **changes,
        }
        answer = await door.propose(client_order_id=f"c-{number}", override=an_override(**given))
        if changes:
            assert denied_by(answer) == ["REG-01"], changes
        else:
            assert answer.status_code == 201, answer.text


@pytest.mark.requirement("S4-04")
@pytest.mark.requirement("S3-06")
async def test_sixty_four_racing_orders_with_one_override_are_one_allowed(door: Door) -> None:
    """64 callers, because one caller's 64 requests under one client order id are one request."""
    await crisis(door)
    text, keys = (
        an_override(log=door.app.vkey),
        [door.new_key(f"desk-{n}", "propose") for n in range(64)],
    )
    ticket = {**TICKET, "limit_price": PRICE, "client_order_id": "c-1", "override": text}

    async def propose(key: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return await door.http.post("/v1/orders", json=ticket, headers=headers)

    answers = await asyncio.gather(*(propose(key) for key in keys))
    assert sorted(a.status_code for a in answers) == [201] + [403] * 63
    assert all(denied_by(a) == ["REG-01"] for a in answers if a.status_code == 403)
    assert await proposed(door, client_order_id="c-1", override=text) == 403


@pytest.mark.requirement("S4-04")
async def test_an_override_is_still_used_after_a_restart(tmp_path: Path, files: TrustFiles) -> None:
    place = tmp_path / "gateway"
    async with opened(place, **files.settings(), limits=CRISIS_LIMITS) as door:
        text = an_override(log=door.app.vkey)
        await crisis(door)
        assert await proposed(door, client_order_id="c-1", override=text) == 201
        used = door.app.book().overrides
        assert list(used.until_us)
    async with opened(place, **files.settings(), lifted=False) as door:
        assert door.app.book().overrides == used
        await crisis(door)
        key = door.new_key("another-desk", "propose")
        door.keys["propose"] = key
        assert denied_by(await door.propose(client_order_id="c-1", override=text)) == ["REG-01"]


@pytest.mark.requirement("S4-04")
async def test_a_denied_order_does_not_use_up_its_override(door: Door, files: TrustFiles) -> None:
    await crisis(door)
    text = an_override(log=door.app.vkey)
    # Denied for its price; the same override then serves the order at another desk.
    far = await door.propose(client_order_id="c-1", override=text, limit_price="27.00")
    assert "REG-01" not in denied_by(far)
    door.keys["propose"] = door.new_key("another-desk", "propose")
    assert await proposed(door, client_order_id="c-1", override=text) == 201

    # An officer who is taken out overrides nothing from then on.
    files.officers.write_text(f"mallory {MALLORY.public.hex}\n", encoding="ascii")
    end = time.monotonic() + LATE_S
    while CAROL.public.raw in door.app.trust.officer_keys().names:
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    late = an_override(log=door.app.vkey, client_order_id="c-2", override_id="ovr_" + "3e" * 16)
    assert denied_by(await door.propose(client_order_id="c-2", override=late)) == ["REG-01"]


@pytest.mark.requirement("S4-04")
async def test_what_is_allowed_in_research_uses_up_no_override(
    tmp_path: Path, files: TrustFiles
) -> None:
    """Nothing is sent there: the officer's one order is still to come."""
    made: dict[str, Any] = {**files.settings(), "limits": CRISIS_LIMITS, "mode": "RESEARCH"}
    async with opened(tmp_path / "gateway", lifted=False, **made) as door:
        await crisis(door)
        text = an_override(log=door.app.vkey, mode="RESEARCH")
        keys = [door.new_key(f"desk-{n}", "propose") for n in range(8)]
        ticket = {**TICKET, "limit_price": PRICE, "client_order_id": "c-1", "override": text}

        async def propose(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return (await door.http.post("/v1/orders", json=ticket, headers=headers)).status_code

        assert await asyncio.gather(*(propose(key) for key in keys)) == [201] * 8
        for_later = an_override(log=door.app.vkey)
        assert await proposed(door, client_order_id="c-1", override=for_later) == 403
        assert not door.app.book().overrides.until_us
    made["mode"] = "SIMULATION"
    async with opened(tmp_path / "gateway", **made) as door:
        await crisis(door)
        assert not door.app.book().overrides.until_us
        door.keys["propose"] = door.new_key("another-desk", "propose")
        assert await proposed(door, client_order_id="c-1", override=text) == 403
        door.keys["propose"] = door.new_key("yet-another-desk", "propose")
        assert await proposed(door, client_order_id="c-1", override=for_later) == 201


async def test_without_any_files_no_run_and_no_override_counts(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=CRISIS_LIMITS) as door:
        assert denied_by(await door.propose(source_run="run-1")) == ["PRV-01"]
        await crisis(door)
        answer = await door.propose(client_order_id="c-1", override=an_override(log=door.app.vkey))
        assert denied_by(answer) == ["REG-01"]
