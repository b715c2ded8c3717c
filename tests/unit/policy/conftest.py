"""Engines that are made once, because compiling takes time, and logs that were decided by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from support import policy_cases
from support.both_ways import opa_agrees
from support.policy_cases import Bench
from support.replay_logs import Replayable, engine_of, release_in, replayable


@pytest.fixture(scope="session")
def compiled() -> Iterator[Bench]:
    with policy_cases.bench() as made:
        yield made


@pytest.fixture(scope="module")
def bench(compiled: Bench) -> Iterator[Bench]:
    """The shipped module; at the end opa itself is asked what the file's tests had it decide."""
    yield compiled
    opa_agrees()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release_in(tmp_path_factory.mktemp("release") / "release")


@pytest.fixture(scope="module")
def engine(release: Release) -> Iterator[WasmEngine]:
    with engine_of(release) as made:
        yield made


@pytest.fixture
def made(tmp_path: Path, release: Release, engine: WasmEngine) -> Iterator[Replayable]:
    with replayable(tmp_path, release, engine) as log:
        yield log
