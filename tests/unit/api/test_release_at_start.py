"""A start with another release: refused where it changes what a unit of a working order means."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.errors import RefusedError
from support.doors import opened
from support.release_folder import foreign_release, write_release


async def test_a_start_keeps_to_what_the_book_was_counted_in(tmp_path: Path) -> None:
    old = write_release(tmp_path / "old")
    new = foreign_release(tmp_path / "new")  # AAPL in EUR, ten to a unit
    async with opened(tmp_path, release=old) as door:
        waiting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
        assert waiting.json()["status"] == "ACKNOWLEDGED", waiting.text
        count = await door.entries()

    with pytest.raises(RefusedError) as refused:
        async with opened(tmp_path, release=new):
            pass
    assert refused.value.code == "release-rescales-instrument"
    assert "AAPL (currency from USD to EUR, multiplier from 1 to 10)" in str(refused.value)

    async with opened(tmp_path, release=old) as door:
        assert await door.entries() >= count
        order = f"/v1/orders/{waiting.json()['order_id']}"
        assert (await door.call("GET", order)).json()["status"] == "ACKNOWLEDGED"
        assert (await door.call("DELETE", order, scope="cancel")).status_code in (200, 202)
        await door.app.pipeline.quiesce()
        [tracker] = door.app.trackers.values()
        await tracker.pull()
        assert (await door.call("GET", order)).json()["status"] == "CANCELED"

    async with opened(tmp_path, release=new) as door:
        assert door.app.book().release_digest == door.app.release.digest
