"""What every place of secrets must do; each runs all of it, as custody asks it."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.vault_server import shared_vault
from support.vault_sessions import session
from vault.custody import Custody
from vault.errors import ProviderError
from vault.ports import SecretProvider
from vault.providers.environment import EnvironmentProvider
from vault.providers.files import FileProvider
from vault.providers.hashicorp import HashiCorpProvider
from vault.references import SecretRef
from vault.secret import SECRET_BYTES_MAX, Moment, Secret

pytestmark = pytest.mark.requirement("S3-15")
NOW = Moment(1_800_000_000_000_000, 5_000_000_000)


@dataclass
class Case:
    """One kind of place, with what its owner can do to it."""

    provider: SecretProvider
    here: SecretRef
    absent: SecretRef
    put: Callable[[str], None]
    """Store a value under `here`, or replace it."""
    remove: Callable[[], None]
    """Take it away again."""


@contextmanager
def environment(folder: Path) -> Iterator[Case]:
    del folder
    variables: dict[str, str] = {}
    here = SecretRef.parse("env://WRIT_TEST_SECRET")
    yield Case(
        EnvironmentProvider(variables),
        here,
        SecretRef.parse("env://WRIT_TEST_NOTHING"),
        lambda value: variables.__setitem__(here.name, value),
        variables.clear,
    )


@contextmanager
def files(folder: Path) -> Iterator[Case]:
    """As Kubernetes mounts them: a name, a link to a folder, and a link to that."""
    mount = folder / "mount"
    mount.mkdir()
    (mount / "key").symlink_to("..data/key")

    def put(value: str) -> None:
        version = mount / f"..version-{len(list(mount.iterdir()))}"
        version.mkdir()
        descriptor = os.open(version / "key", os.O_WRONLY | os.O_CREAT, 0o400)
        os.write(descriptor, value.encode("utf-8", "surrogateescape"))
        os.close(descriptor)
        link = mount / "..next"
        link.symlink_to(version.name)
        link.rename(mount / "..data")

    yield Case(
        FileProvider(),
        SecretRef.parse(f"file://{mount}/key"),
        SecretRef.parse(f"file://{mount}/nothing"),
        put,
        (mount / "..data").unlink,
    )


@contextmanager
def documents(folder: Path) -> Iterator[Case]:
    """A KV engine of a real server, which is shared: each test has a path of its own."""
    server = shared_vault()
    path = f"writ/brokers/{uuid.uuid4().hex}"
    held = session(server, folder)
    yield Case(
        HashiCorpProvider(held),
        SecretRef.parse(f"vault://kv/{path}#key"),
        SecretRef.parse(f"vault://kv/{path}#nothing"),
        lambda value: void(server.put(path, {"key": value})),
        lambda: void(server.call("DELETE", f"kv/data/{path}")),
    )
    held.close()


def void(_: object) -> None:
    """Return nothing of what was made."""


PLACES: dict[str, Callable[[Path], AbstractContextManager[Case]]] = {
    "environment": environment,
    "files": files,
    "vault": documents,
}


@pytest.fixture(params=PLACES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with PLACES[request.param](tmp_path) as made:
        yield made


def refusal(case: Case, reference: SecretRef) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        case.provider.fetch(reference, NOW)
    assert caught.value.remedy
    return caught.value


def test_a_secret_is_what_was_stored(case: Case) -> None:
    case.put("geheim")
    secret = case.provider.fetch(case.here, NOW)
    assert secret.reveal() == "geheim"
    assert secret.provenance.reference == case.here
    assert secret.provenance.fetched == NOW
    assert case.provider.scheme == case.here.scheme


@pytest.mark.parametrize(
    "value",
    ["x", " blanks ", "a\nb", "\u00e4\u20ac\U0001f511", "a" * SECRET_BYTES_MAX, "\t", "{}", "null"],
    ids=lambda value: repr(value)[:20],
)
def test_any_text_comes_back_as_it_is(case: Case, value: str) -> None:
    case.put(value)
    assert case.provider.fetch(case.here, NOW).reveal() == value


@pytest.mark.parametrize(
    "value", ["", "geheim" * SECRET_BYTES_MAX, "geheim\0"], ids=["empty", "huge", "nul"]
)
def test_what_is_no_secret_is_refused_and_not_repeated(case: Case, value: str) -> None:
    case.put(value)
    error = refusal(case, case.here)
    assert error.code in ("secret-malformed", "file-too-large")
    assert "geheim" not in error.detail + error.remedy


def test_what_is_not_there_is_missing(case: Case) -> None:
    case.put("geheim")
    for _ in range(2):
        assert refusal(case, case.absent).code in ("secret-missing", "file-missing")
    case.remove()
    assert refusal(case, case.here).code in ("secret-missing", "file-missing")
    case.put("again")
    assert case.provider.fetch(case.here, NOW).reveal() == "again"


def test_a_rotated_secret_is_read_without_a_restart(case: Case) -> None:
    custody = Custody([case.provider], lambda _: 0)
    case.put("old")
    assert custody.obtain(case.here, NOW).reveal() == "old"
    case.put("new")
    assert custody.obtain(case.here, NOW).reveal() == "old", "it is not due yet"
    due = custody.next_due()
    assert due is not None
    later = Moment(NOW.wall_us, due)
    assert custody.refresh(later) == (case.here,)
    assert custody.held(case.here, later).reveal() == "new"


def test_many_threads_ask_at_once(case: Case) -> None:
    case.put("geheim")
    found = list[Secret]()

    def ask() -> None:
        found.extend(case.provider.fetch(case.here, NOW) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 80
    assert {secret.reveal() for secret in found} == {"geheim"}


def test_nothing_is_wrong_with_a_place_that_answers(case: Case) -> None:
    case.put("geheim")
    case.provider.fetch(case.here, NOW)
    assert case.provider.trouble(NOW) is None
    refusal(case, case.absent)
    assert case.provider.trouble(NOW) is None, "one secret that is missing is no trouble of all"
