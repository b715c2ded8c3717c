"""Files with secrets: whose they are, who else may read them, and what they are changed into."""

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vault import private_files
from vault.errors import ProviderError
from vault.private_files import read_private

LIMIT = 100
NOBODY = 65_534
SHARED = 54_321

pytestmark = pytest.mark.requirement("S3-15")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"geheim\n")
    path.chmod(0o600)
    return path


def refusal(path: Path) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read_private(path, LIMIT)
    assert caught.value.remedy
    assert "geheim" not in caught.value.detail + caught.value.remedy
    return caught.value


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_its_owner_reads_it(path: Path, mode: int) -> None:
    path.chmod(mode)
    file = read_private(path, LIMIT)
    assert file.data == b"geheim\n"
    assert "geheim" not in repr(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o666, 0o777])
def test_a_file_that_is_open_to_others_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    error = refusal(path)
    assert error.code == "file-mode"
    assert f"{mode:04o}" in error.detail


def test_a_link_is_followed_and_the_file_behind_it_counts(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path.name)
    assert read_private(link, LIMIT).data == b"geheim\n"
    path.chmod(0o644)
    assert refusal(link).code == "file-mode"
    path.unlink()
    assert refusal(link).code == "file-missing"
    path.symlink_to(link)
    assert refusal(link).code == "file-unreadable"


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_at_once(path: Path, tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for, and a device never ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert refusal(pipe).code == "file-irregular"
    assert refusal(tmp_path).code == "file-irregular"
    assert refusal(Path("/dev/zero")).code == "file-irregular"
    assert refusal(path / "below").code == "file-missing"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert refusal(tmp_path / "s").code == "file-unreadable"


def test_the_size_is_limited(path: Path) -> None:
    path.write_bytes(b"x" * LIMIT)
    assert read_private(path, LIMIT).data == b"x" * LIMIT
    path.write_bytes(b"x" * (LIMIT + 1))
    assert refusal(path).code == "file-too-large"


def test_a_change_is_another_version(path: Path) -> None:
    first = read_private(path, LIMIT).version
    assert read_private(path, LIMIT).version == first
    os.utime(path, ns=(1, 1))
    second = read_private(path, LIMIT).version
    other = path.with_name("other")
    other.write_bytes(b"geheim\n")
    other.chmod(0o600)
    os.utime(other, ns=(1, 1))
    other.rename(path)
    assert len({first, second, read_private(path, LIMIT).version}) == 3


def test_a_file_that_is_being_written_is_not_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = os.fstat, list[int]()

    def written_in_between(descriptor: int) -> os.stat_result:
        seen.append(descriptor)
        if seen.count(descriptor) > 1:
            os.utime(path, ns=(1, 1))
        return real(descriptor)

    monkeypatch.setattr("vault.private_files.os.fstat", written_in_between)
    assert refusal(path).code == "file-changing"


def test_readers_see_one_whole_secret_while_it_is_exchanged(path: Path) -> None:
    """The exchange that the remedy asks for: a whole file, renamed over the old one."""
    path.write_bytes(b"a" * 50)
    over = threading.Event()

    def exchange() -> None:
        for turn in range(2_000):
            other = path.with_name(f"next-{turn}")
            descriptor = os.open(other, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, (b"b" if turn % 2 else b"a") * 50)
            os.close(descriptor)
            other.rename(path)
        over.set()

    thread = threading.Thread(target=exchange)
    thread.start()
    seen = set[bytes]()
    while not over.is_set():
        seen.add(read_private(path, LIMIT).data)
    thread.join(30)
    assert seen <= {b"a" * 50, b"b" * 50}


def read_as(user: int, groups: list[int], path: Path) -> str:
    """What another user's process says about the file: its content, or why not."""
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from vault.private_files import read_private\n"
        "from vault.errors import ProviderError\n"
        f"os.setgroups({groups}); os.setgid({NOBODY}); os.setuid({user})\n"
        "try: print(read_private(Path(sys.argv[1]), 100).data.decode().strip())\n"
        "except ProviderError as error: print(error.code)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def opened_to_all(folder: Path) -> None:
    for one in (folder, *folder.parents):
        if one.name.startswith(("pytest-", "popen-", "test_")):
            one.chmod(0o755)


def stat_of(mode: int, owner: int, group: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 1, 1, 1, owner, group, 6, 0, 0, 0))


@pytest.mark.parametrize(
    ("user", "mode", "owner", "group", "code"),
    [
        (NOBODY, 0o600, NOBODY, NOBODY, None),
        (NOBODY, 0o600, NOBODY + 1, NOBODY, "file-owner"),
        (NOBODY, 0o440, NOBODY + 1, SHARED, "file-owner"),
        (NOBODY, 0o440, 0, SHARED, None),
        (NOBODY, 0o640, 0, SHARED, None),
        (NOBODY, 0o440, 0, SHARED + 1, "file-mode"),
        (NOBODY, 0o460, 0, SHARED, "file-mode"),
        (NOBODY, 0o450, 0, SHARED, "file-mode"),
        (NOBODY, 0o444, 0, SHARED, "file-mode"),
        (NOBODY, 0o441, 0, SHARED, "file-mode"),
        (NOBODY, 0o440, NOBODY, SHARED, "file-mode"),
        (0, 0o600, NOBODY, NOBODY, "file-owner"),
        (0, 0o440, 0, SHARED, "file-mode"),
    ],
)
def test_root_may_share_a_file_with_one_group_as_kubernetes_does(
    monkeypatch: pytest.MonkeyPatch, user: int, mode: int, owner: int, group: int, code: str | None
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY)
    monkeypatch.setattr(os, "getgroups", lambda: [SHARED])
    if code is None:
        private_files._check(Path("x"), stat_of(mode, owner, group))
        return
    with pytest.raises(ProviderError) as caught:
        private_files._check(Path("x"), stat_of(mode, owner, group))
    assert caught.value.code == code


def test_it_belongs_to_this_user_or_root(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root gives files away, and has another user's process look at them."""
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        assert refusal(path).code == "file-owner"
        return
    opened_to_all(path.parent)
    assert read_as(NOBODY, [], path) == "file-unreadable"
    os.chown(path, NOBODY, -1)
    assert read_as(NOBODY, [], path) == "geheim"
    assert refusal(path).code == "file-owner", "root could read it, but its owner can change it"
    os.chown(path, 0, SHARED)
    path.chmod(0o440)
    assert read_as(NOBODY, [SHARED], path) == "geheim"
    assert read_as(NOBODY, [], path) == "file-unreadable"


def test_it_is_known_whether_it_lies_in_memory(path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", path], capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()
    assert read_private(path, LIMIT).in_memory == (kind in ("tmpfs", "ramfs"))
    shared = Path("/dev/shm") / f"writ-test-{os.getpid()}"
    descriptor = os.open(shared, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, b"geheim")
    os.close(descriptor)
    try:
        assert read_private(shared, LIMIT).in_memory
    finally:
        shared.unlink()


def test_what_cannot_be_told_does_not_lie_in_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.private_files._MOUNTS", path.with_name("not-there"))
    assert not read_private(path, LIMIT).in_memory
