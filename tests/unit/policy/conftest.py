"""One engine for all tables: compiling the module is what takes time."""

from collections.abc import Iterator

import pytest

from support import policy_cases
from support.policy_cases import Bench


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    with policy_cases.bench() as made:
        yield made
