"""What callers are told of secrets: where they are and how good they are, never what they are."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from gateway.api import create_api
from gateway.bootstrap.custody import open_custody
from gateway.config import AccountSettings, Settings
from support.doors import Door, problem
from support.vault_sessions import write_private

pytestmark = [pytest.mark.requirement("S3-15"), pytest.mark.requirement("S1-02")]
CANARY = "canary-9f86d081884c7d65"


@dataclass
class Told:
    """A door whose gateway has credentials in a file and in the environment."""

    door: Door
    file: Path

    async def secrets(self, scope: str = "operate") -> httpx2.Response:
        return await self.door.call("GET", "/v1/secrets", scope=scope)


@pytest.fixture
async def told(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Told]:
    monkeypatch.setenv("BROKER_KEY", f"{CANARY}-key")
    file = write_private(tmp_path / "broker-secret", CANARY)
    account = AccountSettings(
        broker="alpaca", venue="live", key_id="env://BROKER_KEY", secret=f"file://{file}"
    )
    settings = Settings(accounts={"main": account})
    async with AsyncExitStack() as stack:
        custody = await open_custody(settings, door.app.clock, door.app.host.entropy, stack)
        app = replace(door.app, custody=custody)
        transport = httpx2.ASGITransport(create_api(app), raise_app_exceptions=False)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://writ")
        )
        yield Told(replace(door, app=app, http=http), file)


async def test_a_gateway_without_secrets_says_so(door: Door) -> None:
    found = (await door.call("GET", "/v1/secrets", scope="admin")).json()
    assert found["secrets"] == []
    assert found["vault"] is None
    assert [flaw["code"] for flaw in found["unfit_for_live"]] == ["secret-none"]


@pytest.mark.parametrize("scope", ["operate", "admin"])
async def test_operators_see_references_and_states(told: Told, scope: str) -> None:
    answer = await told.secrets(scope)
    assert answer.status_code == 200
    found = {secret["reference"]: secret for secret in answer.json()["secrets"]}
    assert set(found) == {"env://BROKER_KEY", f"file://{told.file}"}
    assert {secret["state"] for secret in found.values()} == {"valid"}
    assert all(secret["flaw"] is None and secret["read_at"] for secret in found.values())
    unfit = [flaw["code"] for flaw in answer.json()["unfit_for_live"]]
    assert set(unfit) == {"secret-unfit-for-live"}
    assert CANARY not in answer.text


@pytest.mark.parametrize("scope", ["read", "propose", "audit:read", "cancel", "facts:write"])
async def test_others_see_nothing(told: Told, scope: str) -> None:
    answer = await told.secrets(scope)
    problem(answer, 403, "scope-missing")
    assert "BROKER_KEY" not in answer.text


async def test_readiness_counts_what_is_wrong_and_names_nothing(told: Told) -> None:
    assert (await told.door.call("GET", "/readyz", scope=None)).json() == {"status": "ready"}
    told.file.unlink()
    custody = told.door.app.custody
    custody._custody.refresh(
        replace(custody.now(), monotonic_ns=custody.now().monotonic_ns + 10**11)
    )
    ready = await told.door.call("GET", "/readyz", scope=None)
    assert ready.status_code == 200
    [warning] = ready.json()["warnings"]
    assert warning.startswith("of the secrets, 1 not as they should be")
    assert str(told.file) not in ready.text
    stale = [one for one in (await told.secrets()).json()["secrets"] if one["flaw"]]
    assert [(one["state"], one["flaw"]["code"]) for one in stale] == [("stale", "file-missing")]
