"""The gateway's secrets without a vault: what is refused, what is obtained, what LIVE is told."""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap.custody import Custodian, open_custody
from gateway.bootstrap.opening import open_ledger
from gateway.bootstrap.signers import open_log_signer
from gateway.bootstrap.vault_settings import check_vault_settings
from gateway.config import AccountSettings, Settings
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from signing.keys import Ed25519Signer
from support.vault_sessions import write_private
from vault.signers import create_key, load_key

pytestmark = pytest.mark.requirement("S3-15")
CANARY = "canary-d41d8cd98f00b204"
URL = {"vault_url": "https://127.0.0.1:8200", "vault_ca_file": Path("ca.pem")}
APPROLE = {"vault_role_id": "role", "vault_secret_id_file": Path("secret-id")}
LEDGER = {"vault_ledger_role_id": "role", "vault_ledger_secret_id_file": Path("ledger-secret-id")}
LOG_KEY = {"log_key": "vault://kv/writ/log-key#key"}
IDENTITY = {"identity_key": "vault:transit/writ-identity/1"}
KUBERNETES = {"vault_login": "kubernetes"}


def account(key_id: str, secret: str, **more: Any) -> AccountSettings:
    return AccountSettings(broker="alpaca", key_id=key_id, secret=secret, **more)


IN_VAULT = {
    "accounts": {"main": account("vault://kv/writ/brokers/a#key", "vault://kv/writ/brokers/a#s")}
}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(APPROLE, "WRIT_VAULT_ROLE_ID says nothing without WRIT_VAULT_URL", id="url"),
        pytest.param({"vault_timeout_ms": 10}, "WRIT_VAULT_TIMEOUT_MS says nothing", id="time"),
        pytest.param(IN_VAULT, "WRIT_VAULT_URL is not set", id="credentials without url"),
        pytest.param(LOG_KEY, "WRIT_VAULT_URL is not set", id="log key without url"),
        pytest.param(IDENTITY, "WRIT_VAULT_URL is not set", id="identity key without url"),
        pytest.param(URL | IN_VAULT, "WRIT_VAULT_ROLE_ID is needed", id="no role id"),
        pytest.param(
            URL | IDENTITY | {"vault_role_id": "role"},
            "WRIT_VAULT_SECRET_ID_FILE is needed",
            id="no secret id",
        ),
        pytest.param(URL | LOG_KEY | APPROLE, "WRIT_VAULT_LEDGER_ROLE_ID is needed", id="ledger"),
        pytest.param(
            URL | LOG_KEY | APPROLE | LEDGER | {"vault_ledger_secret_id_file": Path("secret-id")},
            "same file",
            id="one secret id for both",
        ),
        pytest.param(URL | LEDGER, "says nothing unless WRIT_LOG_KEY", id="no log key"),
        pytest.param(
            URL | KUBERNETES | APPROLE, "WRIT_VAULT_ROLE_ID says nothing", id="both logins"
        ),
        pytest.param(
            URL | {"vault_kubernetes_token_file": Path("t")},
            "WRIT_VAULT_KUBERNETES_TOKEN_FILE says nothing",
            id="token",
        ),
        pytest.param({"log_key": "env://LOG_KEY"}, "no place for a key", id="log key in env"),
        pytest.param(
            URL | APPROLE | {"identity_key": "transit/writ-identity/1"}, "of the form", id="form"
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told) as refused:
        check_vault_settings(Settings(**given))
    assert refused.value.code == "config-invalid"
    assert refused.value.remedy


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param(URL, id="a vault that nobody needs"),
        pytest.param(URL | APPROLE | IN_VAULT | IDENTITY, id="approle"),
        pytest.param(URL | APPROLE | LEDGER | LOG_KEY | IDENTITY, id="both roles"),
        pytest.param(URL | LEDGER | LOG_KEY, id="the ledger alone"),
        pytest.param(URL | KUBERNETES | IN_VAULT | LOG_KEY | IDENTITY, id="kubernetes"),
        pytest.param({"log_key": "file:///run/secrets/log.key"}, id="a file"),
    ],
)
def test_settings_that_fit_are_taken(given: dict[str, Any]) -> None:
    check_vault_settings(Settings(**given))


@asynccontextmanager
async def kept(settings: Settings) -> AsyncIterator[Custodian]:
    async with contextlib.AsyncExitStack() as stack:
        yield await open_custody(settings, SystemClock(), OsEntropy(), stack)


@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize("venue", ["paper", "live"])
async def test_credentials_of_the_environment_are_for_paper_alone(
    monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    monkeypatch.setenv("BROKER_KEY", f"{CANARY}-id")
    monkeypatch.setenv("BROKER_SECRET", CANARY)
    accounts = {"main": account("env://BROKER_KEY", "env://BROKER_SECRET", venue=venue)}
    async with kept(Settings(accounts=accounts)) as custody:
        shown = custody.credentials("main")
        assert shown.secret().reveal() == CANARY
        assert shown.key_id().reveal() == f"{CANARY}-id"
        assert [str(one.state) for one in custody.report()] == ["valid", "valid"]
        assert CANARY not in repr((custody.report(), custody.unfit_for_live()))
        codes = [one.code for one in custody.unfit_for_live()]
        # Paper accounts are nothing that LIVE could rest on.
        wanted = {"paper": ["secret-none"], "live": ["secret-unfit-for-live"] * 2}
        assert codes == wanted[venue]
        assert custody.trouble is None


async def test_a_secret_that_cannot_be_had_refuses_the_start(tmp_path: Path) -> None:
    key_id = write_private(tmp_path / "key-id", CANARY)
    accounts = {"main": account(f"file://{key_id}", f"file://{tmp_path}/secret")}
    with pytest.raises(RefusedError) as refused:
        async with kept(Settings(accounts=accounts)):
            raise AssertionError("it started")
    assert refused.value.code == "custody-file-missing"
    assert "file://" in refused.value.detail
    assert refused.value.remedy
    assert CANARY not in str(refused.value)


async def test_a_gateway_without_secrets_keeps_nothing() -> None:
    async with kept(Settings(**URL)) as custody:
        assert custody.report() == ()
        assert custody.session is None
        assert [one.code for one in custody.unfit_for_live()] == ["secret-none"]


def test_a_gateway_without_a_vault_never_loads_its_library() -> None:
    script = "import gateway.bootstrap, gateway.api, sys; print('hvac' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout.strip().lower()) is False


class Doors:
    """The host's parts that opening a log key needs."""

    def __init__(self) -> None:
        self.clock, self.entropy, self.runner = SystemClock(), OsEntropy(), ThreadRunner()


async def test_the_log_key_may_lie_in_another_file(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.key"
    create_key(path)
    host: Any = Doors()
    settings = Settings(data=tmp_path / "data", log_key=f"file://{path}")
    signer = await open_log_signer(settings, host)
    assert signer.public == Ed25519Signer(load_key(path)).public
    async with kept(settings) as custody:
        ledger, vkey = await open_ledger(settings, host, custody)
        await ledger.close()
    host.runner.close()
    assert vkey.public == signer.public
    assert sorted(path.name for path in (tmp_path / "data" / "keys").iterdir()) == ["identity.key"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CANARY, id="no PEM"),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----", id="cut"),
    ],
)
async def test_a_log_key_that_is_none_is_refused_and_not_repeated(
    tmp_path: Path, text: str
) -> None:
    path = write_private(tmp_path / "log.key", text)
    host: Any = Doors()
    with pytest.raises(RefusedError) as refused:
        await open_log_signer(Settings(data=tmp_path, log_key=f"file://{path}"), host)
    assert refused.value.code == "custody-secret-malformed"
    seen: BaseException | None = refused.value
    while seen is not None:
        assert CANARY not in repr(seen)
        seen = seen.__cause__ or seen.__context__
    host.runner.close()
