"""What tests of reconciliation begin with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.desk import Desk
from support.stated_broker import stated


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    async with stated(tmp_path, monkeypatch) as (door, books):
        yield Desk(door, books)
