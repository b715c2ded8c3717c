"""Trusted files under way: read off the loop, exchanged whole, never believed when in doubt."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.facts import files
from gateway.facts.files import Broken, FileReader, OfficersFile, Watch
from gateway.host import SystemClock, ThreadRunner
from support.trust import CAROL, trust_files

pytestmark = pytest.mark.requirement("S4-03")


@dataclass(frozen=True)
class Said:
    """What a look found."""

    value: str
    problems: tuple[str, ...] = ()


@pytest.fixture
async def runner() -> AsyncGenerator[ThreadRunner]:
    made = ThreadRunner()
    yield made
    made.close()


def watching(look: Callable[[], Said], runner: ThreadRunner) -> Watch[Said]:
    return Watch(look, lambda why: Said("", (why,)), runner, SystemClock())


async def test_nothing_is_known_before_the_first_look(runner: ThreadRunner) -> None:
    watch = watching(lambda: Said("a"), runner)
    assert watch.value == Said("", ("not read yet",))
    await watch.refresh()
    assert watch.value == Said("a")


async def test_a_look_that_fails_leaves_nothing_known(
    runner: ThreadRunner, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [Said("a"), None, Said("b")]

    def look() -> Said:
        answer = answers.pop(0)
        if answer is None:
            raise ValueError("odd")
        return answer

    watch = watching(look, runner)
    await watch.refresh()
    assert watch.value.value == "a"
    await watch.refresh()
    assert watch.value == Said("", ("ValueError while reading",))
    assert "ValueError while reading" in caplog.text
    await watch.refresh()
    assert watch.value == Said("b")


async def test_a_look_that_does_not_come_back_leaves_nothing_known_and_is_not_doubled(
    runner: ThreadRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOOK_TIMEOUT_MS", 50)
    release, looks = threading.Event(), []

    def look() -> Said:
        looks.append(1)
        if len(looks) > 1:
            release.wait(30)
        return Said(f"look {len(looks)}")

    watch = watching(look, runner)
    await watch.refresh()
    assert watch.value == Said("look 1")
    for _ in range(3):
        await watch.refresh()
        assert watch.value.value == ""
    assert len(looks) == 2
    monkeypatch.setattr(files, "LOOK_TIMEOUT_MS", 10_000)
    release.set()
    await watch.refresh()
    assert watch.value == Said("look 2")


async def test_it_looks_again_by_itself(
    runner: ThreadRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOOK_INTERVAL_MS", 10)
    looks: list[int] = []
    loop, thrice = asyncio.get_running_loop(), asyncio.Event()

    def look() -> Said:
        looks.append(1)
        if len(looks) == 3:
            loop.call_soon_threadsafe(thrice.set)
        return Said(str(len(looks)))

    watch = watching(look, runner)
    task = asyncio.create_task(watch.run())
    await asyncio.wait_for(thrice.wait(), 20)
    await asyncio.sleep(0.05)
    assert int(watch.value.value) >= 3
    task.cancel()
    await asyncio.wait([task])


def test_a_file_is_read_until_its_print_is_believed_and_then_when_it_changes(
    tmp_path: Path,
) -> None:
    reads: list[bytes] = []

    def read(file: object) -> bytes:
        data: bytes = file.read()  # pyright: ignore[reportAttributeAccessIssue]  an open file
        reads.append(data)
        return data

    reader, path = FileReader(read), tmp_path / "f"
    path.write_bytes(b"one")
    assert [reader.value(path) for _ in range(5)] == [b"one"] * 5
    assert len(reads) == 2
    path.write_bytes(b"two")
    assert [reader.value(path) for _ in range(5)] == [b"two"] * 5
    reader.keep([])
    assert reader.value(path) == b"two"
    path.unlink()
    assert isinstance(reader.value(path), Broken)


@pytest.mark.requirement("S4-04")
def test_officers(tmp_path: Path) -> None:
    made = trust_files(tmp_path / "trust")
    file = OfficersFile(made.officers)
    assert file.look().keys.names == {CAROL.public.raw: "carol"}
    made.officers.write_text("nobody\n")
    broken = file.look()
    assert broken.keys.names == {}
    assert broken.problems[0].startswith("officers officers: line 1")
    assert OfficersFile(None).look().problems == ()
