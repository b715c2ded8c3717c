"""The trust root before two TUF clients that were not written here, and before ours.

go-tuf's own command-line client and python-tuf's updater fetch from a web server, as anybody's
client would. Whatever ours accepts, they accept; each attack is refused by ours, and by them too
but for the exceptions that the table of attacks names.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from signing.trust import Floor, TrustError
from signing.trust.roles import tuf_key
from support.trust_attacks import (
    ATTACKS,
    EVIL,
    GO,
    OVERLAY,
    OVERLAYS,
    PYTHON,
    add_key,
    attacked,
    forge_root,
    key_of,
    publish_evil,
)
from support.trust_root import (
    ANNA,
    BERT,
    COUNCIL,
    DAY_US,
    DORA,
    FILES,
    OTHER_PUBLISHER,
    TrustFolder,
    officer,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")

TUF_CLIENT = Path(__file__).resolve().parents[2] / ".tools" / "bin" / "tufcheck"
TIMEOUT_S = 60

Fetch = Callable[[TrustFolder, str], dict[str, bytes | None]]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address at which the folder `root` is served."""
    handler = partial(Quiet, directory=tmp_path / "root")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(TIMEOUT_S)


@pytest.fixture
def fetch(served: str, tmp_path: Path) -> Fetch:
    """What each client gets for a file: its bytes, or None where it refuses."""

    def get(made: TrustFolder, name: str) -> dict[str, bytes | None]:
        return {
            GO: by_go(served, tmp_path / "go", made.pinned, name),
            PYTHON: by_python(served, tmp_path / "python", made.pinned, name),
        }

    return get


def by_go(url: str, home: Path, pinned: bytes, name: str) -> bytes | None:
    metadata, downloads = home / "tuf_metadata", home / "tuf_download"
    if not metadata.exists():
        metadata.mkdir(parents=True)
        (metadata / "root.json").write_bytes(pinned)
    downloads.mkdir(exist_ok=True)
    for old in downloads.iterdir():
        old.unlink()
    assert TUF_CLIENT.exists(), f"{TUF_CLIENT} is missing: run `make tools`"
    done = subprocess.run(
        [TUF_CLIENT, "get", "--url", f"{url}/metadata", "-t", f"{url}/targets", name],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    found = [path.read_bytes() for path in downloads.iterdir()]
    assert (done.returncode == 0) == bool(found), done.stdout + done.stderr
    return found[0] if found else None


def by_python(url: str, home: Path, pinned: bytes, name: str) -> bytes | None:
    for folder in ("metadata", "downloads"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    updater = Updater(
        str(home / "metadata"),
        f"{url}/metadata/",
        str(home / "downloads"),
        f"{url}/targets/",
        bootstrap=pinned,
    )
    try:
        target = updater.get_targetinfo(name)
        if target is None:
            return None
        return Path(updater.download_target(target)).read_bytes()
    except (RepositoryError, DownloadError):
        return None


def now_us() -> int:
    return time.time_ns() // 1_000


@pytest.mark.parametrize("name", [*FILES, OVERLAY])
def test_they_accept_what_ours_accepts(fetch: Fetch, tmp_path: Path, name: str) -> None:
    made = trust_folder(tmp_path / "root", overlays=OVERLAYS, now_us=now_us())
    wanted = {**FILES, **OVERLAYS}[name]
    assert fetch(made, name) == {GO: wanted, PYTHON: wanted}
    assert made.verify().targets[name].read() == wanted


def test_they_read_targets_that_lift_an_overlay(fetch: Fetch, tmp_path: Path) -> None:
    made = trust_folder(tmp_path / "root", overlays=OVERLAYS, now_us=now_us())
    made.targets(lift=(OVERLAY,))
    assert OVERLAY not in made.publish().targets
    wanted = FILES["manifest.json"]
    assert fetch(made, "manifest.json") == {GO: wanted, PYTHON: wanted}
    # That it counts no more is ours to know: to TUF it is a file like any other.
    assert fetch(made, OVERLAY) == {GO: OVERLAYS[OVERLAY], PYTHON: OVERLAYS[OVERLAY]}


def test_they_follow_the_officers(fetch: Fetch, tmp_path: Path) -> None:
    """Officers come, go and rotate; the publisher changes; roots on the way expire."""
    now = now_us()
    made = TrustFolder(tmp_path / "root", now - 3 * 365 * DAY_US)
    made.begin()
    made.now_us = now
    with_dora = COUNCIL.adding(officer("dora", DORA)).requiring(3)
    made.root(with_dora, ANNA, BERT, DORA)
    made.targets(FILES, ANNA, BERT, DORA)
    made.publish()
    assert set(fetch(made, "manifest.json").values()) == {FILES["manifest.json"]}
    smaller = with_dora.requiring(2).removing("anna").publishing_with(OTHER_PUBLISHER.public)
    assert made.root(smaller, ANNA, BERT, DORA).follows == ("publish",)
    made.publisher = OTHER_PUBLISHER
    made.publish()
    assert set(fetch(made, "manifest.json").values()) == {FILES["manifest.json"]}
    assert made.verify().council == smaller


def test_the_same_forgery_with_enough_officers_is_no_forgery(fetch: Fetch, tmp_path: Path) -> None:
    """What refuses the attacks below is the count of officers, and no fault of the forger's."""
    made = trust_folder(tmp_path / "root", now_us=now_us())
    keyid = tuf_key(DORA.public).keyid
    forge_root(made, lambda signed: add_key(signed, key_of(DORA, "dora"), keyid), ANNA, BERT)
    publish_evil(made, ANNA, DORA)
    assert made.verify().targets["manifest.json"].read() == EVIL
    assert fetch(made, "manifest.json") == {GO: EVIL, PYTHON: EVIL}


@pytest.mark.attack
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_before_three_clients(fetch: Fetch, tmp_path: Path, name: str) -> None:
    attack, made = attacked(name, tmp_path / "root", now_us())
    floor = Floor()
    if attack.grown:
        floor = made.verify().floor
        assert None not in fetch(made, attack.fetches).values()
    attack.act(made)
    with pytest.raises(TrustError) as refused:
        made.verify(floor=floor)
    assert (refused.value.step, refused.value.code) == (attack.step, attack.code)
    got = fetch(made, attack.fetches)
    assert {client for client, data in got.items() if data is not None} == attack.accepted_by
