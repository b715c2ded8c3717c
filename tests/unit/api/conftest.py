"""A gateway for each test, in simulation, with Ω4 lifted."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.doors import Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(tmp_path) as door:
        yield door
