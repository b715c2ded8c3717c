"""Registering a passkey over HTTP: by invitation alone, once, and held to where it is used."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.passkey_file import FILE_NAME, INVITATION_LIFE_US, PasskeyFile
from gateway.bootstrap import running
from gateway.domain.errors import InvalidInputError, UnavailableError
from gateway.domain.passkeys import PasskeyOrigin
from support.doors import Door, opened, problem, settings
from support.passkeys import ORIGIN, Authenticator

pytestmark = pytest.mark.requirement("S3-14")
PAGES = (
    "/live",
    "/passkey",
    "/console",
    "/console/page.js",
    "/console/console.js",
    "/console/page.css",
)
REGISTER, ANSWER = "/v1/passkeys/registration", "/v1/passkeys/registration/answer"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(tmp_path, passkey_origin=ORIGIN) as door:
        yield door


def invited(door: Door, name: str = "admin-user", *, ago_us: int = 0) -> str:
    file = PasskeyFile(door.app.settings.data / FILE_NAME)
    return file.invite(name, entropy=os.urandom(32), now_us=time.time_ns() // 1000 - ago_us)


async def begin(door: Door, token: str) -> dict[str, Any]:
    answer = await door.call("POST", REGISTER, scope=None, json={"invitation": token})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def register(door: Door, token: str, **parts: Any) -> httpx2.Response:
    options = (await begin(door, token))["options"]
    body = {"invitation": token} | Authenticator().create(options, **parts)
    return await door.call("POST", ANSWER, scope=None, json=body)


async def test_who_is_invited_registers_one_passkey_by_one_link(door: Door) -> None:
    token = invited(door)
    begun = await begin(door, token)
    assert begun["name"] == "admin-user"
    assert begun["options"]["rp"]["id"] == "localhost"
    assert begun["options"]["authenticatorSelection"]["userVerification"] == "required"
    answer = await register(door, token)
    assert answer.json() == {"name": "admin-user"}
    problem(
        await door.call("POST", REGISTER, scope=None, json={"invitation": token}),
        404,
        "invitation-unknown",
    )
    path = door.app.settings.data / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert token not in path.read_text()


@pytest.mark.attack
@pytest.mark.parametrize("how", ["another origin", "not verified", "another challenge"])
async def test_a_registration_that_is_not_what_was_asked_for_is_refused(
    door: Door, how: str
) -> None:
    token = invited(door)
    parts: dict[str, Any] = {
        "another origin": {"origin": "http://localhost:8471"},
        "not verified": {"verified": False},
        "another challenge": {},
    }[how]
    options = (await begin(door, token))["options"]
    if how == "another challenge":
        await begin(door, token)
    body = {"invitation": token} | Authenticator().create(options, **parts)
    problem(await door.call("POST", ANSWER, scope=None, json=body), 409, "passkey-refused")
    assert PasskeyFile(door.app.settings.data / FILE_NAME).held().passkeys == {}


@pytest.mark.attack
async def test_whoever_is_no_admin_registers_none(door: Door) -> None:
    token = invited(door, "propose-user")
    answer = await door.call("POST", REGISTER, scope=None, json={"invitation": token})
    problem(answer, 409, "passkey-not-admin")


async def test_an_invitation_ends_after_ten_minutes(door: Door) -> None:
    token = invited(door, ago_us=INVITATION_LIFE_US)
    answer = await door.call("POST", REGISTER, scope=None, json={"invitation": token})
    problem(answer, 404, "invitation-unknown")


async def test_an_answer_to_a_link_that_nobody_opened_is_refused(door: Door) -> None:
    token = invited(door)
    options = {"challenge": "AAAA", "user": {"id": "AAAA"}}
    body = {"invitation": token} | Authenticator().create(options)
    problem(await door.call("POST", ANSWER, scope=None, json=body), 404, "invitation-unknown")


async def test_without_an_origin_there_are_no_passkeys(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        body = {"invitation": invited(door)}
        answer = await door.call("POST", REGISTER, scope=None, json=body)
        problem(answer, 409, "passkey-origin-unset")


async def test_a_file_that_others_can_read_is_not_believed(door: Door) -> None:
    token = invited(door)
    path = door.app.settings.data / FILE_NAME
    path.chmod(0o644)
    answer = await door.call("POST", REGISTER, scope=None, json={"invitation": token})
    problem(answer, 503, "passkey-file-unsafe")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"v":1}', '{"v":2,"passkeys":[],"invitations":[]}']
)
def test_a_file_that_is_damaged_is_not_believed(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UnavailableError):
        PasskeyFile(path).held()


def test_a_field_that_is_malformed_is_not_believed(tmp_path: Path) -> None:
    good = {"credential_id": "AA", "name": "ada", "public_key": "AA", "sign_count": 0,
            "added_us": 1, "revoked_us": 0}  # fmt: skip
    wrong = [("credential_id", "A A"), ("name", ""), ("public_key", 1), ("sign_count", True),
             ("sign_count", -1), ("added_us", 2**53), ("revoked_us", None)]  # fmt: skip
    path = tmp_path / FILE_NAME
    for name, value in [("name", "ada"), *wrong]:
        document = {"v": 1, "passkeys": [good | {name: value}], "invitations": []}
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        if value == "ada":
            assert PasskeyFile(path).held().working("ada")
            continue
        with pytest.raises(UnavailableError):
            PasskeyFile(path).held()


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "http://localhost:8470", "https://writ.example", "https://localhost:1",
     "https://writ.example:8443"],
)  # fmt: skip
def test_an_origin_as_browsers_write_it(origin: str) -> None:
    parsed = PasskeyOrigin.parse(origin)
    assert (parsed.text, parsed.relying_party) == (origin, origin.split("/")[2].partition(":")[0])


@pytest.mark.parametrize(
    "origin",
    ["http://writ.example", "https://127.0.0.1", "http://127.0.0.1:8470", "https://writ",
     "https://writ.example/", "https://writ.example:443", "http://localhost:80", "localhost:8470",
     "https://WRIT.example", "https://u@writ.example", "https://writ..example", "http://localhost:0",
     "http://localhost:65536", "https://[::1]", "ftp://localhost", "https://-a.example", ""],
)  # fmt: skip
async def test_an_origin_that_passkeys_do_not_work_at_is_refused(
    origin: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PasskeyOrigin.parse(origin)
    assert refused.value.code == "config-invalid"
    if origin == "http://writ.example":
        with pytest.raises(InvalidInputError):
            async with running(settings(tmp_path, passkey_origin=origin)):
                raise AssertionError("it started")


@pytest.mark.parametrize("path", PAGES)
async def test_pages_load_nothing_from_elsewhere_and_stand_in_no_frame(
    door: Door, path: str
) -> None:
    answer = await door.call("GET", path, scope=None)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    for outside in ("http://", "https://", "style=", "onclick", "<script>"):
        assert outside not in answer.text
