"""Sessions with a real server: how they begin, last, are begun anew, and end."""

import threading
from pathlib import Path
from typing import Any

import pytest

from support.vault_server import Refused, VaultServer, shared_vault
from support.vault_sessions import (
    SECOND_NS,
    address,
    app_role,
    later,
    now,
    reference,
    refusal,
    session,
    write_private,
)
from vault.logins import AppRoleLogin
from vault.providers.hashicorp import HashiCorpProvider
from vault.secret import Moment
from vault.session import VaultSession

pytestmark = pytest.mark.requirement("S3-15")
WANTED = reference("writ/brokers/sessions")


@pytest.fixture(scope="module")
def server() -> VaultServer:
    made = shared_vault()
    made.put("writ/brokers/sessions", {"key": "value"})
    return made


def read(held: VaultSession, moment: Moment | None = None) -> str:
    return HashiCorpProvider(held).fetch(WANTED, moment or now()).reveal()


def new_role(server: VaultServer, name: str, **settings: object) -> None:
    server.add_role(name, **{"token_policies": ["writ-gateway"], **settings})


def requests(server: VaultServer, path: str) -> int:
    """How often the server was asked for a path."""
    return sum(
        entry["type"] == "request" and entry["request"]["path"] == path
        for entry in server.audited()
    )


def revoke_tokens(server: VaultServer) -> None:
    """End every session of everybody but the administrator."""
    root = server.call("GET", "auth/token/lookup-self")["data"]["accessor"]
    for accessor in server.call("LIST", "auth/token/accessors")["data"]["keys"]:
        if accessor != root:
            server.call("POST", "auth/token/revoke-accessor", {"accessor": accessor})


def test_a_session_begins_with_the_first_request(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    assert held.lease() is None
    moment = now()
    assert read(held, moment) == "value"
    lease = held.lease()
    assert lease is not None
    assert lease.begun_ns == moment.monotonic_ns, "from before it was asked for"
    assert lease.end_ns == moment.monotonic_ns + 1200 * SECOND_NS


def test_a_wrapped_secret_id_is_unwrapped_once(server: VaultServer, tmp_path: Path) -> None:
    login = app_role(server, tmp_path)
    before = requests(server, "sys/wrapping/unwrap")
    held = VaultSession(address(server), login)
    assert read(held) == "value"
    revoke_tokens(server)
    assert read(held) == "value", "the secret id in memory begins the next session"
    (tmp_path / "secret-id").unlink()
    revoke_tokens(server)
    assert read(held) == "value"
    assert requests(server, "sys/wrapping/unwrap") - before == 1


@pytest.mark.attack
def test_a_wrapping_token_that_was_used_is_a_warning(server: VaultServer, tmp_path: Path) -> None:
    login = app_role(server, tmp_path)
    token = (tmp_path / "secret-id").read_text().strip()
    server.call("POST", "sys/wrapping/unwrap", token=token)
    held = VaultSession(address(server), login)
    error = refusal(lambda: read(held))
    assert error.code == "vault-wrapping"
    assert "somebody else" in error.remedy
    assert token not in f"{error} {error.remedy}"
    assert (trouble := held.trouble(now())) is not None
    assert trouble.code == "vault-wrapping"


@pytest.mark.attack
def test_a_wrapping_token_of_another_role_is_not_opened(
    server: VaultServer, tmp_path: Path
) -> None:
    token = server.wrapped_secret_id("ledger")
    file = write_private(tmp_path / "secret-id", token)
    held = VaultSession(
        address(server), AppRoleLogin(server.role_id("gateway"), file, "writ-gateway")
    )
    error = refusal(lambda: read(held))
    assert (error.code, "writ-gateway" in error.detail) == ("vault-wrapping", True)
    assert server.call("POST", "sys/wrapping/unwrap", token=token)["data"]["secret_id"]


def test_a_secret_id_may_lie_in_its_file_unwrapped(server: VaultServer, tmp_path: Path) -> None:
    file = write_private(tmp_path / "secret-id", server.secret_id("gateway")["secret_id"])
    login = AppRoleLogin(server.role_id("gateway"), file, None)
    assert read(VaultSession(address(server), login)) == "value"


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        ("two words", 0o600, "vault-login"),
        ("", 0o600, "vault-login"),
        ("two\nlines-of-it", 0o600, "vault-login"),
        ("x" * 20_000, 0o600, "file-too-large"),
        ("s.0123456789abcdef", 0o644, "file-mode"),
        ("s.0123456789abcdef", 0o600, "vault-wrapping"),
    ],
)
def test_files_that_let_nobody_in(
    server: VaultServer, tmp_path: Path, text: str, mode: int, code: str
) -> None:
    file = write_private(tmp_path / "secret-id", text)
    file.chmod(mode)
    login = AppRoleLogin(server.role_id("gateway"), file, "writ-gateway")
    error = refusal(lambda: read(VaultSession(address(server), login)))
    assert error.code == code
    assert not text or text not in f"{error} {error.remedy}"


def test_a_missing_file_and_a_wrong_role(server: VaultServer, tmp_path: Path) -> None:
    login = AppRoleLogin(server.role_id("gateway"), tmp_path / "none", "writ-gateway")
    assert refusal(lambda: read(VaultSession(address(server), login))).code == "file-missing"
    file = write_private(tmp_path / "secret-id", server.secret_id("gateway")["secret_id"])
    other = AppRoleLogin(server.role_id("ledger"), file, None)
    assert refusal(lambda: read(VaultSession(address(server), other))).code == "vault-login"


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 129, "a\n"])
def test_names_that_could_be_paths_are_refused(tmp_path: Path, name: str) -> None:
    for made in ((name, "role", "approle"), ("id", name, "approle"), ("id", "role", name)):
        role_id, role, mount = made
        error = refusal(
            lambda role_id=role_id, role=role, mount=mount: AppRoleLogin(
                role_id, tmp_path, role, mount
            )
        )
        assert error.code == "vault-login"


def test_a_revoked_session_is_begun_anew(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    assert read(held) == "value"
    first = held.lease()
    revoke_tokens(server)
    moment = later(now(), 60)
    assert read(held, moment) == "value"
    assert held.lease() != first
    assert held.trouble(moment) is None


def test_a_rotated_secret_id_is_taken_from_its_file(server: VaultServer, tmp_path: Path) -> None:
    new_role(server, "rotating")
    held = session(server, tmp_path, "rotating")
    assert read(held) == "value"
    path = "auth/approle/role/writ-rotating"
    for accessor in server.call("LIST", f"{path}/secret-id")["data"]["keys"]:
        sent = {"secret_id_accessor": accessor}
        server.call("POST", f"{path}/secret-id-accessor/destroy", sent)
    revoke_tokens(server)
    error = refusal(lambda: read(held))
    assert error.code == "vault-login"
    assert (trouble := held.trouble(now())) is not None
    assert trouble.code == "vault-login"
    write_private(tmp_path / "secret-id", server.wrapped_secret_id("rotating"))
    assert read(held) == "value", "without a restart"
    assert held.trouble(now()) is None


def test_renewal_extends_the_session(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    begun = held.renew(now())
    logins = requests(server, "auth/approle/login")
    moment = later(now(), 300)
    renewed = held.renew(moment)
    assert renewed == held.lease()
    assert renewed.begun_ns == moment.monotonic_ns
    assert renewed.end_ns > begun.end_ns
    assert requests(server, "auth/approle/login") == logins


@pytest.mark.parametrize(
    "settings",
    [
        {"token_ttl": "4s", "token_max_ttl": "4s"},
        {"token_type": "batch", "token_ttl": "60s"},
    ],
)
def test_what_cannot_be_extended_is_begun_anew(
    server: VaultServer, tmp_path: Path, settings: dict[str, Any]
) -> None:
    new_role(server, "short", token_max_ttl="1h", token_ttl="20m", token_type="default")
    new_role(server, "short", **settings)
    held = session(server, tmp_path, "short")
    first = held.renew(now())
    logins = requests(server, "auth/approle/login")
    threading.Event().wait(3.5 if "token_max_ttl" in settings else 0)
    second = held.renew(now())
    assert requests(server, "auth/approle/login") == logins + 1
    whole = first.end_ns - first.begun_ns
    assert second.end_ns - second.begun_ns == whole
    assert read(held) == "value"


def test_a_secret_id_that_works_once_and_a_session_without_a_last_end(
    server: VaultServer, tmp_path: Path
) -> None:
    new_role(server, "once", token_period="20m", token_max_ttl="0", secret_id_num_uses=1)
    held = session(server, tmp_path, "once")
    begun = held.renew(now())
    renewed = held.renew(later(now(), 86_400 * 365))
    assert renewed.end_ns - renewed.begun_ns == begun.end_ns - begun.begun_ns
    revoke_tokens(server)
    assert refusal(lambda: held.renew(now())).code == "vault-login"
    write_private(tmp_path / "secret-id", server.wrapped_secret_id("once"))
    assert held.renew(now())


def test_a_session_ends_by_the_clock_that_is_given(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    lease = held.renew(now())
    last = Moment(0, lease.end_ns - 1)
    assert held.trouble(last) is None
    after = Moment(0, lease.end_ns)
    assert (trouble := held.trouble(after)) is not None
    assert trouble.code == "vault-token"
    logins = requests(server, "auth/approle/login")
    assert read(held, last) == "value"
    assert requests(server, "auth/approle/login") == logins
    assert read(held, after) == "value", "it logs in, though the vault would still know the token"
    assert requests(server, "auth/approle/login") == logins + 1
    assert held.trouble(after) is None


def test_many_threads_begin_one_session(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    logins = requests(server, "auth/approle/login")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(read(held))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["value"] * 8
    assert requests(server, "auth/approle/login") == logins + 1


def test_the_end_of_a_session_is_told_to_the_vault(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    held.renew(now())
    ended = requests(server, "auth/token/revoke-self")
    held.close()
    held.close()
    assert requests(server, "auth/token/revoke-self") == ended + 1
    assert held.lease() is None


def test_the_environment_says_nothing(
    server: VaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = app_role(server, tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_TOKEN", server.root_token)
    monkeypatch.setenv("VAULT_NAMESPACE", "elsewhere")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "VAULT_CACERT"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    held = VaultSession(address(server), login)
    assert read(held) == "value"
    assert not (tmp_path / "keys").exists(), "TLS session keys are not written down"
    denied = reference("writ/log-key")
    error = refusal(lambda: HashiCorpProvider(held).fetch(denied, now()))
    assert error.code == "vault-denied", "the administrator's token was not used"
    assert held.trouble(now()) is None, "a denial is no trouble of the session's"


def test_namespaces(server: VaultServer, tmp_path: Path) -> None:
    server.call("POST", "sys/namespaces/desk")

    def inside(method: str, path: str, body: object = None, wrap_ttl: str = "") -> dict[str, Any]:
        return server.call(method, path, body, namespace="desk", wrap_ttl=wrap_ttl)

    inside("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
    inside("POST", "sys/auth/approle", {"type": "approle"})
    rule = 'path "kv/data/writ/*" { capabilities = ["read"] }'
    inside("PUT", "sys/policies/acl/desk", {"policy": rule})
    inside("POST", "auth/approle/role/writ-desk", {"token_policies": ["desk"]})
    role_id = inside("GET", "auth/approle/role/writ-desk/role-id")["data"]["role_id"]
    wrapped = inside("POST", "auth/approle/role/writ-desk/secret-id", wrap_ttl="5m")
    until = threading.Event()
    for _ in range(100):
        try:
            inside("POST", "kv/data/writ/brokers/sessions", {"data": {"key": "of the desk"}})
            break
        except Refused:
            until.wait(0.05)
    file = write_private(tmp_path / "secret-id", wrapped["wrap_info"]["token"])
    login = AppRoleLogin(role_id, file, "writ-desk")
    held = VaultSession(address(server, namespace="desk"), login)
    assert read(held) == "of the desk"
    held.renew(later(now(), 5))
    held.close()
    outside = VaultSession(address(server), login)
    assert refusal(lambda: read(outside)).code == "vault-login"
