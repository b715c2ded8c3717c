"""The shipped policies: each role may do its work, and nothing else that is tried."""

from pathlib import Path

import pytest

from support.vault_server import POLICIES, Refused, VaultServer, shared_vault

pytestmark = pytest.mark.requirement("S3-15")
INPUT = {"input": "bWVzc2FnZQ=="}
OFFICERS = ("alice", "bob")

READ_BROKER = ("GET", "kv/data/writ/brokers/policies")
WRITE_BROKER = ("POST", "kv/data/writ/brokers/policies")
READ_LOG_KEY = ("GET", "kv/data/writ/log-key")
WRITE_LOG_KEY = ("POST", "kv/data/writ/log-key")
READ_OTHERS = ("GET", "kv/data/other-team/secret")
SIGN_IDENTITY = ("POST", "transit/sign/writ-identity")
READ_IDENTITY = ("GET", "transit/keys/writ-identity")
SIGN_ALICE = ("POST", "transit/sign/writ-officer-alice")
SIGN_BOB = ("POST", "transit/sign/writ-officer-bob")
READ_ALICE = ("GET", "transit/keys/writ-officer-alice")
ROTATE = ("POST", "transit/keys/writ-identity/rotate")
EXPORT = ("GET", "transit/export/signing-key/writ-identity")
BACKUP = ("GET", "transit/backup/writ-identity")
CONFIGURE = ("POST", "transit/keys/writ-identity/config")
NEW_KEY = ("POST", "transit/keys/writ-officer-mallory")
LIST = ("LIST", "kv/metadata/writ/brokers")
READ_POLICY = ("GET", "sys/policies/acl/writ-gateway")
WRITE_POLICY = ("PUT", "sys/policies/acl/writ-gateway")
NEW_TOKEN = ("POST", "auth/token/create")
SECRET_ID = ("POST", "auth/approle/role/writ-gateway/secret-id")
ROLE_ID = ("GET", "auth/approle/role/writ-gateway/role-id")
CHANGE_ROLE = ("POST", "auth/approle/role/writ-gateway")
LOOK = ("GET", "auth/token/lookup-self")
SEAL = ("PUT", "sys/seal")
MOUNTS = ("GET", "sys/mounts")
AUDIT = ("GET", "sys/audit")

ALLOWED = {
    "gateway": {READ_BROKER, SIGN_IDENTITY, READ_IDENTITY, LOOK},
    "ledger": {READ_LOG_KEY, LOOK},
    "alice": {SIGN_ALICE, READ_ALICE, LOOK},
    "bob": {SIGN_BOB, LOOK},
    "operator": {WRITE_BROKER, LIST, ROLE_ID, LOOK},
}
TRIED = [
    READ_BROKER,
    WRITE_BROKER,
    READ_LOG_KEY,
    WRITE_LOG_KEY,
    READ_OTHERS,
    SIGN_IDENTITY,
    READ_IDENTITY,
    SIGN_ALICE,
    SIGN_BOB,
    READ_ALICE,
    ROTATE,
    EXPORT,
    BACKUP,
    CONFIGURE,
    NEW_KEY,
    LIST,
    READ_POLICY,
    WRITE_POLICY,
    NEW_TOKEN,
    SECRET_ID,
    ROLE_ID,
    CHANGE_ROLE,
    LOOK,
    SEAL,
    MOUNTS,
    AUDIT,
]
BODIES = {
    WRITE_BROKER: {"data": {"key": "value"}},
    WRITE_LOG_KEY: {"data": {"key": "value"}},
    SIGN_IDENTITY: INPUT,
    SIGN_ALICE: INPUT,
    SIGN_BOB: INPUT,
    NEW_KEY: {"type": "ed25519"},
    CONFIGURE: {"exportable": True},
    WRITE_POLICY: {"policy": 'path "*" { capabilities = ["read"] }'},
    CHANGE_ROLE: {"token_policies": ["root"]},
}


@pytest.fixture(scope="module")
def server() -> VaultServer:
    made = shared_vault()
    for path in ("writ/brokers/policies", "writ/log-key", "other-team/secret"):
        made.put(path, {"key": "value"})
    for officer in OFFICERS:
        made.call("POST", f"transit/keys/writ-officer-{officer}", {"type": "ed25519"})
    return made


@pytest.fixture(scope="module")
def tokens(server: VaultServer) -> dict[str, str]:
    """A token of each role, had by logging in."""
    found = {role: app_role_token(server, role) for role in ("gateway", "ledger")}
    found |= {name: officer_token(server, name) for name in OFFICERS}
    return found | {"operator": user_token(server, "olga", "writ-operator")}


def app_role_token(server: VaultServer, role: str) -> str:
    sent = {"role_id": server.role_id(role), **server.secret_id(role)}
    return server.call("POST", "auth/approle/login", sent, token="")["auth"]["client_token"]


def user_token(server: VaultServer, name: str, policy: str) -> str:
    made = {
        "password": "a-password",
        "token_policies": [policy],
        "token_no_default_policy": True,
    }
    server.call("POST", f"auth/userpass/users/{name}", made)
    path = f"auth/userpass/login/{name}"
    return server.call("POST", path, {"password": "a-password"}, token="")["auth"]["client_token"]


def officer_token(server: VaultServer, name: str) -> str:
    server.call("POST", "identity/entity", {"name": name})
    entity = server.call("GET", f"identity/entity/name/{name}")["data"]["id"]
    accessor = server.call("GET", "sys/auth")["data"]["userpass/"]["accessor"]
    alias = {"name": name, "canonical_id": entity, "mount_accessor": accessor}
    server.call("POST", "identity/entity-alias", alias)
    return user_token(server, name, "writ-officer")


def status(server: VaultServer, tried: tuple[str, str], token: str) -> int:
    try:
        server.call(*tried, BODIES.get(tried), token=token)
    except Refused as refused:
        return refused.status
    return 200


@pytest.mark.attack
@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_a_role_may_do_its_work_and_nothing_else(
    server: VaultServer, tokens: dict[str, str], role: str
) -> None:
    found = {tried: status(server, tried, tokens[role]) for tried in TRIED}
    assert {tried for tried, got in found.items() if got == 200} == ALLOWED[role]
    assert set(found.values()) == {200, 403}, "nothing was refused for another reason"


def test_every_shipped_policy_is_tried() -> None:
    roles = {"alice": "officer", "bob": "officer"}
    assert {roles.get(role, role) for role in ALLOWED} == {
        path.stem for path in Path(POLICIES).glob("*.hcl")
    }


def test_an_operator_gets_secret_ids_in_wrapping_alone(
    server: VaultServer, tokens: dict[str, str]
) -> None:
    method, path = SECRET_ID
    wrapped = server.call(method, path, token=tokens["operator"], wrap_ttl="5m")
    assert wrapped["wrap_info"]["creation_path"] == path
    assert wrapped["data"] is None
    for ttl in ("", "16m"):
        with pytest.raises(Refused) as caught:
            server.call(method, path, token=tokens["operator"], wrap_ttl=ttl)
        assert caught.value.status in (400, 403)


def test_an_operator_replaces_what_it_cannot_read(
    server: VaultServer, tokens: dict[str, str]
) -> None:
    method, path = WRITE_BROKER
    made = server.call(method, path, {"data": {"key": "newer"}}, token=tokens["operator"])
    with pytest.raises(Refused):
        server.call("GET", f"{path}?version={made['data']['version']}", token=tokens["operator"])
    found = server.call("GET", path, token=tokens["gateway"])["data"]
    assert found["data"] == {"key": "newer"}


def test_officers_end_their_own_sessions(server: VaultServer) -> None:
    token = app_role_token(server, "ledger")
    server.call("POST", "auth/token/renew-self", {}, token=token)
    server.call("POST", "auth/token/revoke-self", token=token)
    with pytest.raises(Refused):
        server.call("GET", "auth/token/lookup-self", token=token)
