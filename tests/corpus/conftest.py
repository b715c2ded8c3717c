"""The corpus, and the engines that answer it, each made once a run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.policy.release import Release, shipped_release
from signing import canonical
from support import policy_cases
from support.boundaries import corpus
from support.corpus import Case, data
from support.policy_cases import Bench, raw
from support.three_engines import ServerBench, said, server_bench


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return corpus()


@pytest.fixture(scope="session")
def release() -> Release:
    return replace(shipped_release(), data=canonical.encode(data()))


@pytest.fixture(scope="session")
def bench(release: Release) -> Iterator[Bench]:
    with policy_cases.bench(release) as made:
        yield made


@pytest.fixture(scope="session")
def server(release: Release) -> Iterator[ServerBench]:
    with server_bench(release) as made:
        yield made


@pytest.fixture(scope="session")
def documents(cases: list[Case]) -> list[bytes]:
    """The cases under the release's own limits, encoded."""
    return [raw(case.document) for case in cases if not case.moved]


@pytest.fixture(scope="session")
def module_says(bench: Bench, documents: list[bytes]) -> list[bytes]:
    """What the module says of them, in batches of 16."""
    return [said(answer) for answer in bench.under(data()).decide_encoded(documents)]
