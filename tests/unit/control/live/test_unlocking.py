"""LIVE opened by five steps and a passkey, refused on the record, and closed by what fails."""

from __future__ import annotations

import base64
import hashlib
from asyncio import Task
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.control.live.confirming import LIFE_NS, Pending
from gateway.control.live.gates import NAMES, VALIDATION_MAX_NS
from gateway.control.live.ladder import STEPS
from gateway.control.live.unlocking import REFUSALS_MAX
from gateway.control.live.watching import ASK_AGAIN_NS
from gateway.domain.errors import NotFoundError, RefusedError, UnavailableError, WritError
from gateway.domain.permission import LIVE_LAPSED
from gateway.ports import Committed, Draft
from signing import canonical
from support.live import (
    ADMIN,
    BREAKS,
    CONFIRMATION,
    INSTANCE,
    NOW_US,
    PERMISSION,
    answered,
    live_permission,
)
from support.live_world import World, world
from support.passkeys import Authenticator, encoded

pytestmark = pytest.mark.requirement("S1-15")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with world(tmp_path) as made:
        yield made


@pytest.mark.requirement("S3-14")
async def test_five_steps_and_a_passkey_open_live_on_the_record(here: World) -> None:
    passkey = await here.registered()
    asked = await here.asked()
    assert not here.live.is_open()
    assert here.live.status().confirmation_waits
    await here.answer(asked, passkey)
    status = here.live.status()
    assert (status.open, status.progress.next, status.confirmation_waits) == (True, None, False)
    assert all(gate.holds for gate in status.gates)
    done = await here.recorded("unlock")
    assert [(one["step"], one["outcome"], one["code"]) for one in done] == [
        (step, "done", "none") for step in STEPS
    ]
    named = {(one["manifest_digest"], one["instance"], one["by"]) for one in done}
    assert named == {(PERMISSION.digest, INSTANCE, ADMIN)}


@pytest.mark.requirement("S3-14")
async def test_what_the_passkey_signed_can_be_verified_from_the_log_alone(here: World) -> None:
    await here.opened()
    evidence = await here.ledger.document((await here.recorded("unlock"))[-1]["evidence_digest"])
    assert evidence is not None
    given = canonical.decode_object(evidence)["confirmation"]
    statement = canonical.decode_object(given["statement"].encode())
    assert (statement["manifest_digest"], statement["by"]) == (PERMISSION.digest, ADMIN)
    challenge = encoded(hashlib.sha256(given["statement"].encode()).digest())
    client = base64.urlsafe_b64decode(given["client_data"] + "==").decode()
    assert f'"challenge": "{challenge}"' in client


async def refused(work: Awaitable[object]) -> WritError:
    """The error of what must be refused."""
    with pytest.raises((RefusedError, NotFoundError)) as found:
        await work
    return found.value


Attack = Callable[[World, Authenticator], Awaitable[Awaitable[None]]]
"""Prepares an answer; what it returns is to be refused."""


async def _replay(here: World, passkey: Authenticator) -> Awaitable[None]:
    asked = await here.asked()
    shown = here.live.asked(asked.confirmation_id)
    await refused(here.answer(asked, passkey, origin="http://localhost:1"))
    return here.answer(asked, passkey, shown=shown)


async def _expired(here: World, passkey: Authenticator) -> Awaitable[None]:
    asked = await here.asked()
    shown = here.live.asked(asked.confirmation_id)
    here.clock.monotonic += LIFE_NS
    return here.answer(asked, passkey, shown=shown)


async def _other_user(here: World, _: Authenticator) -> Awaitable[None]:
    others = await here.registered("eve")
    asked = await here.asked()
    return here.answer(asked, others)


async def _handed_on(here: World, _: Authenticator) -> Awaitable[None]:
    others = await here.registered("eve")
    others.user_handle = None
    return here.answer(await here.asked(), others)


async def _unregistered(here: World, passkey: Authenticator) -> Awaitable[None]:
    forged = Authenticator(credential_id=b"another", user_handle=passkey.user_handle)
    return here.answer(await here.asked(), forged)


async def _other_key(here: World, passkey: Authenticator) -> Awaitable[None]:
    forged = Authenticator(
        credential_id=passkey.credential_id, user_handle=passkey.user_handle, sign_count=9
    )
    return here.answer(await here.asked(), forged)


async def _other_manifest(here: World, passkey: Authenticator) -> Awaitable[None]:
    """What the page showed, and the passkey signed, was of another manifest."""
    asked = await here.asked()
    shown = replace(here.live.asked(asked.confirmation_id), permission=live_permission(epoch=2))
    return here.answer(asked, passkey, shown=shown)


async def _other_instance(here: World, passkey: Authenticator) -> Awaitable[None]:
    asked = await here.asked()
    shown = replace(here.live.asked(asked.confirmation_id), instance="inst_2")
    return here.answer(asked, passkey, shown=shown)


async def _other_party(here: World, passkey: Authenticator) -> Awaitable[None]:
    passkey.relying_party = "writ.example"
    return here.answer(await here.asked(), passkey)


async def _no_admin(here: World, passkey: Authenticator) -> Awaitable[None]:
    asked = await here.asked()
    here.access.revoke(ADMIN, now_us=NOW_US)
    return here.answer(asked, passkey)


async def _revoked(here: World, passkey: Authenticator) -> Awaitable[None]:
    asked = await here.asked()
    shown = here.live.asked(asked.confirmation_id)
    await here.registered()
    here.file.revoke(ADMIN, now_us=NOW_US)
    await here.registered()
    return here.answer(asked, passkey, shown=shown)


async def _counter(here: World, passkey: Authenticator) -> Awaitable[None]:
    await here.answer(await here.asked(), passkey, count=5)
    halt = await here.halt("TEST")
    await here.live.settled()
    await here.resume(halt)
    for standing in list(here.journal.book.halts.values()):
        await here.resume(standing)
    return here.answer(await here.asked(), passkey, count=5)


def _with(**parts: Any) -> Attack:
    async def attack(here: World, passkey: Authenticator) -> Awaitable[None]:
        return here.answer(await here.asked(), passkey, **parts)

    return attack


ATTACKS: dict[str, tuple[str, Attack]] = {
    "replay": ("confirmation-used", _replay),
    "expired": ("confirmation-expired", _expired),
    "another origin": ("passkey-origin", _with(origin="https://localhost:8470")),
    "another relying party": ("passkey-refused", _other_party),
    "another Admin's passkey": ("passkey-other-user", _other_user),
    "another Admin's passkey without its name": ("passkey-other-user", _handed_on),
    "a passkey that nobody registered": ("passkey-unknown", _unregistered),
    "another key under the same id": ("passkey-refused", _other_key),
    "another manifest": ("passkey-challenge", _other_manifest),
    "another process": ("passkey-challenge", _other_instance),
    "not verified": ("passkey-unverified", _with(verified=False)),
    "a copied authenticator": ("passkey-counter", _counter),
    "whose key is admin no more": ("passkey-not-admin", _no_admin),
    "a revoked passkey": ("passkey-unknown", _revoked),
}


@pytest.mark.attack
@pytest.mark.requirement("S3-14")
@pytest.mark.parametrize("name", ATTACKS)
async def test_an_answer_that_is_not_the_admins_own_is_refused_and_recorded(
    here: World, name: str
) -> None:
    code, attack = ATTACKS[name]
    passkey = await here.registered()
    error = await refused(await attack(here, passkey))
    assert error.code == code
    assert not here.live.is_open()
    assert (await here.refusals())[-1][:2] == ("enable", code)


@pytest.mark.attack
async def test_a_guessed_link_is_refused_recorded_and_counted(here: World) -> None:
    async def never(_: Pending) -> dict[str, Any]:
        raise AssertionError("it was asked")

    for _ in range(REFUSALS_MAX + 5):
        error = await refused(here.live.confirm("A" * 43, never))
        assert error.code == "confirmation-unknown"
    assert (await here.refusals()) == [
        ("enable", "confirmation-unknown", "unidentified")
    ] * REFUSALS_MAX
    assert here.live.status().refusals_unrecorded == 5
    await refused(here.take("enable"))
    assert (await here.refusals())[-1] == ("enable", "live-step-order", ADMIN), "crowded out"
    here.clock.monotonic += 60_000_000_000
    await refused(here.live.confirm("A" * 43, never))
    assert len(await here.refusals()) == REFUSALS_MAX + 2


@pytest.mark.attack
async def test_a_link_is_of_the_steps_before_it_alone(here: World) -> None:
    passkey = await here.registered()
    asked = await here.asked()
    shown = here.live.asked(asked.confirmation_id)
    for step in STEPS[:-1]:
        await here.take(step, by="eve")
    error = await refused(here.answer(asked, passkey, shown=shown))
    assert error.code == "confirmation-used"


@pytest.mark.attack
async def test_a_passkey_alone_opens_nothing(here: World) -> None:
    """Without the steps nothing is asked, so there is nothing to answer."""
    await here.registered()
    assert (await refused(here.take("enable"))).code == "live-step-order"
    assert not here.live.is_open()
    assert (await here.refusals()) == [("enable", "live-step-order", ADMIN)]


async def test_a_step_that_fails_says_which_gate_and_is_recorded(here: World) -> None:
    here.seen = replace(here.seen, store_trouble="the ledger is kept in sqlite")
    await here.take("configuration")
    await here.take("acknowledgement")
    error = await refused(here.take("risk"))
    assert (error.code, error.remedy != "") == ("live-gate-store", True)
    assert here.live.status().progress.next == "risk"
    assert (await here.refusals()) == [("risk", "live-gate-store", ADMIN)]


def broken(here: World, name: str) -> None:
    """Have a gate fail by what it looks at."""
    if name == "manifest":
        here.clock.wall = PERMISSION.manifest.lapses_us
    else:
        here.seen = BREAKS[name](here.seen)


SEEN = ("manifest", "release", "vault", "store")
"""Gates that fail at once by what is seen; the others have a test of their own."""


@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize("name", SEEN)
async def test_the_first_gate_that_fails_closes_live_for_good(here: World, name: str) -> None:
    await here.opened()
    before, wall_us = here.seen, here.clock.wall
    broken(here, name)
    assert not here.live.is_open()
    here.seen, here.clock.wall = before, wall_us
    assert not here.live.is_open(), "it opened by itself"
    await here.live.settled()
    assert [
        (one["of"], one["cause"], one["cancels"]) for one in (await here.recorded("lapse"))
    ] == [("live", name, True)]
    halts = list(here.journal.book.halts.values())
    assert [(halt.cause, halt.clear_by, halt.cancels) for halt in halts] == [
        (LIVE_LAPSED, "admin", True)
    ]
    assert here.live.status().lapsed is not None
    await here.resume(halts[0])
    assert not here.live.is_open(), "it opened by itself"
    assert here.live.status().progress.next == "configuration"


async def test_what_is_asked_of_others_closes_it_with_the_next_look(here: World) -> None:
    await here.opened()
    engine = here.seen.engine
    assert engine is not None
    here.seen = replace(here.seen, engine=replace(engine, trouble="gone"))
    await here.live.look()
    assert not here.live.is_open()


async def test_brokers_are_asked_again_and_what_they_say_closes_it(here: World) -> None:
    await here.opened()
    here.seen = answered(here.seen, problem="ACCOUNT_BLOCKED")
    await here.live.ask_again()
    assert here.live.is_open(), "asked too soon"
    here.clock.monotonic += ASK_AGAIN_NS
    await here.live.look()
    await here.live.ask_again()
    assert not here.live.is_open()
    await here.live.settled()
    assert (await here.recorded("lapse"))[0]["cause"] == "credentials"


async def test_a_brokers_word_is_too_old_after_a_day(here: World) -> None:
    await here.opened()
    here.clock.monotonic += VALIDATION_MAX_NS + 1
    await here.live.look()
    assert not here.live.is_open()


@pytest.mark.requirement("S3-22")
async def test_a_clock_that_drifts_closes_it_and_the_lapse_says_so(here: World) -> None:
    await here.opened()
    here.seen = replace(here.seen, clock_trouble="our clock is 5000 ms behind its time source")
    assert not here.live.is_open()
    here.seen = replace(here.seen, clock_trouble=None)
    assert not here.live.is_open(), "it opened by itself"
    await here.live.settled()
    assert (await here.recorded("lapse"))[0]["cause"] == "clock"
    halt = (await here.recorded("halt"))[-1]
    told = (halt["cause"], halt["clear_by"], halt["reason"])
    assert told == ("LIVE_LAPSED", "admin", "the gate clock no longer held")


async def test_a_halt_closes_it_at_once_though_it_is_lifted_at_once(here: World) -> None:
    await here.opened()
    halt = await here.halt("DRIFT")
    await here.resume(halt)
    assert not here.live.is_open()
    await here.live.settled()
    assert (await here.recorded("lapse"))[0]["cause"] == "halts"


@pytest.mark.parametrize("kind", ["mode", "omega4"])
async def test_another_mode_and_omega_4_close_it(here: World, kind: str) -> None:
    await here.opened()
    payload = {
        "mode": {"mode": "PAPER", "by": ADMIN},
        "omega4": {"lifted": False, "by": ADMIN, "reason": "test", "until_us": "none"},
    }[kind]
    await here.journal.record([Draft(kind, payload)])
    assert not here.live.is_open()


async def test_a_restart_leaves_it_closed(here: World) -> None:
    await here.opened()
    again = here.started("inst_2")
    assert not again.is_open()
    assert again.status().progress.next == "configuration"
    missing = {gate.name for gate in again.status().gates if not gate.holds}
    assert missing == {"credentials", "clock", "confirmation", "risk-engine"}


@pytest.mark.attack
async def test_what_one_process_was_told_opens_no_other(here: World) -> None:
    passkey = await here.registered()
    asked = await here.asked()
    pending = here.live.asked(asked.confirmation_id)
    here.live = here.started("inst_2")
    error = await refused(here.answer(asked, passkey, shown=pending))
    assert error.code == "confirmation-unknown"


async def test_another_manifest_closes_it_and_takes_back_every_step(here: World) -> None:
    await here.opened()
    here.seen = replace(here.seen, permission=live_permission(epoch=2))
    assert not here.live.is_open()
    await here.live.settled()
    assert (await here.recorded("lapse"))[0]["manifest_digest"] == CONFIRMATION.manifest_digest


async def test_a_manifest_that_changes_on_the_way_takes_back_the_steps(here: World) -> None:
    passkey = await here.registered()
    asked = await here.asked()
    shown = here.live.asked(asked.confirmation_id)
    here.seen = replace(here.seen, permission=live_permission(epoch=2))
    error = await refused(here.answer(asked, passkey, shown=shown))
    assert error.code == "confirmation-used"
    assert here.live.status().progress.next == "configuration"


async def test_what_changes_while_it_is_recorded_does_not_open_it(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last entry is durable, and by then a gate has closed."""
    passkey = await here.registered()
    asked = await here.asked()
    record = here.journal.record

    def and_break(drafts: Sequence[Draft]) -> Task[Committed]:
        if drafts[0].kind == "unlock" and drafts[0].payload["outcome"] == "done":
            here.seen = replace(here.seen, unfit=("vault-sealed",))
        return record(drafts)

    monkeypatch.setattr(here.journal, "record", and_break)
    error = await refused(here.answer(asked, passkey))
    assert error.code == "live-changed"
    assert not here.live.is_open()


async def test_what_cannot_be_recorded_is_not_taken(here: World) -> None:
    passkey = await here.registered()
    asked = await here.asked()
    await here.ledger.close()
    with pytest.raises(UnavailableError):
        await here.answer(asked, passkey)
    assert not here.live.is_open()


async def test_a_lapse_that_cannot_be_recorded_closes_it_all_the_same(here: World) -> None:
    await here.opened()
    await here.ledger.close()
    here.seen = replace(here.seen, unfit=("vault-sealed",))
    assert not here.live.is_open()
    await here.live.settled()
    assert not here.live.is_open()
    assert [halt.cause for halt in here.journal.book.halts.values()] == [LIVE_LAPSED]
    assert here.cancelled.times == 2, "the kill's, and the lapse's"


def test_every_gate_has_a_test_of_its_lapse() -> None:
    tested = {*SEEN, "halts", "mode", "risk-engine", "credentials", "confirmation", "clock"}
    assert tested | {"enabled", "venue"} == set(NAMES), "those two cannot change in a process"
