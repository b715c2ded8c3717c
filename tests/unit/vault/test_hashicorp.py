"""Reading secrets from a real server: documents, fields, versions, and what is not there."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.vault_server import VaultServer, shared_vault
from support.vault_sessions import now, reference, refusal, session
from vault.ports import SecretProvider
from vault.providers.hashicorp import HashiCorpProvider
from vault.references import SecretRef
from vault.session import VaultSession

pytestmark = pytest.mark.requirement("S3-15")
PATH = "writ/brokers/reading"


@pytest.fixture(scope="module")
def server() -> VaultServer:
    return shared_vault()


@pytest.fixture(scope="module")
def begun(server: VaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultSession]:
    made = session(server, tmp_path_factory.mktemp("login"))
    yield made
    made.close()


@pytest.fixture
def provider(begun: VaultSession) -> SecretProvider:
    return HashiCorpProvider(begun)


def test_a_field_of_a_document(server: VaultServer, provider: SecretProvider) -> None:
    version = server.put(PATH, {"key": "the value ü", "other": "not this"})
    moment = now()
    found = provider.fetch(reference(PATH), moment)
    assert found.reveal() == "the value ü"
    assert found.provenance.version == str(version)
    assert found.provenance.fetched == moment
    assert found.provenance.lease_end_ns is None
    assert found.provenance.unfit_for_live is None
    assert provider.trouble(now()) is None


def test_the_newest_version_unless_one_is_pinned(
    server: VaultServer, provider: SecretProvider
) -> None:
    first = server.put(PATH, {"key": "first"})
    second = server.put(PATH, {"key": "second"})
    assert provider.fetch(reference(PATH), now()).reveal() == "second"
    assert provider.fetch(reference(PATH, version=first), now()).reveal() == "first"
    found = provider.fetch(reference(PATH, version=second), now())
    assert (found.reveal(), found.provenance.version) == ("second", str(second))


def test_what_is_not_there(server: VaultServer, provider: SecretProvider) -> None:
    version = server.put(PATH, {"key": "here"})
    for missing, told in (
        (reference("writ/brokers/nobody"), "does not exist"),
        (reference(PATH, key="nothing"), "names no field"),
        (reference(PATH, version=version + 1), "does not exist"),
    ):
        error = refusal(lambda missing=missing: provider.fetch(missing, now()))
        assert (error.code, told in error.detail) == ("secret-missing", True)
        assert str(missing) in error.detail
    assert provider.trouble(now()) is None, "a missing secret is no trouble of the vault's"


def test_deleted_and_destroyed_versions(server: VaultServer, provider: SecretProvider) -> None:
    path = "writ/brokers/deleted"
    version = server.put(path, {"key": "gone"})
    server.call("DELETE", f"kv/data/{path}")
    for wanted in (reference(path), reference(path, version=version)):
        error = refusal(lambda wanted=wanted: provider.fetch(wanted, now()))
        assert (error.code, "deleted or destroyed" in error.detail) == ("secret-missing", True)
    version = server.put(path, {"key": "gone"})
    server.call("PUT", f"kv/destroy/{path}", {"versions": [version]})
    error = refusal(lambda: provider.fetch(reference(path, version=version), now()))
    assert (error.code, "deleted or destroyed" in error.detail) == ("secret-missing", True)


@pytest.mark.parametrize("value", [17, True, {"a": "b"}, ["a"], "", "a\0b", "x" * 16_385])
def test_a_secret_is_text(server: VaultServer, provider: SecretProvider, value: object) -> None:
    server.put("writ/brokers/shape", {"key": value})
    error = refusal(lambda: provider.fetch(reference("writ/brokers/shape"), now()))
    assert error.code == "secret-malformed"


def test_a_document_is_bounded(server: VaultServer, provider: SecretProvider) -> None:
    server.put("writ/brokers/large", {f"k{n}": "x" * 60_000 for n in range(5)} | {"key": "v"})
    error = refusal(lambda: provider.fetch(reference("writ/brokers/large"), now()))
    assert error.code == "vault-answer"
    assert "xxx" not in error.detail + error.remedy


def test_an_engine_of_version_1_has_no_versions(server: VaultServer, tmp_path: Path) -> None:
    server.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    server.call("POST", "old/writ", {"key": "value"})
    everything = 'path "old/*" { capabilities = ["read"] }'
    server.call("PUT", "sys/policies/acl/old", {"policy": everything})
    server.add_role("old", token_policies=["old"], token_no_default_policy=False)
    provider = HashiCorpProvider(session(server, tmp_path, "old"))
    error = refusal(lambda: provider.fetch(SecretRef.parse("vault://old/writ#key"), now()))
    assert error.code == "secret-missing"
    assert "KV version 2" in error.remedy


def test_nothing_of_it_is_shown(server: VaultServer, begun: VaultSession) -> None:
    server.put(PATH, {"key": "canary-value"})
    found = HashiCorpProvider(begun).fetch(reference(PATH), now())
    (token,) = {
        entry["auth"]["client_token"]
        for entry in server.audited()[-2:]
        if "client_token" in entry.get("auth", {})
    }
    shown = f"{begun!r} {found!r} {vars(begun)} {begun.lease()}"
    assert "canary-value" not in shown
    assert "client_token" not in shown
    assert token.startswith("hmac-"), "the audit device, too, knows hashes alone"
    assert "canary-value" not in server.audit.read_text()
    with pytest.raises(TypeError):
        pickle.dumps(begun)
