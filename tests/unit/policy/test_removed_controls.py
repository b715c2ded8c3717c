"""A switch says which controls the new release does not require any more, and the log keeps it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.switch_desk import Desk, desk_in

LAST = "VEN-02"
WITHOUT = {f'\t"{LAST}": "venue_takes",\n': ""}
LESS_OF_ORDERS = {
    "required := object.keys(registry)": (
        f'required := object.keys(registry) - {{"{LAST}"}} if {{\n\tinput.v\n}} else := '
        "object.keys(registry)"
    )
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with desk_in(tmp_path) as made:
        yield made


async def test_a_control_that_is_dropped_on_an_empty_log_is_named(desk: Desk) -> None:
    desk.releases.built("less", "open", "main.rego", WITHOUT)
    switching = desk.door.app.switching
    done = await switching.switch(desk.releases.turn("less"), "officer")
    assert (done.recorded, done.controls_removed) == (0, (LAST,))
    again = await switching.switch(desk.releases.digest("less"), "officer")
    assert (again.changed, again.controls_removed) == (False, ())
    back = await switching.switch(desk.releases.turn("open"), "officer")
    assert back.controls_removed == ()

    named = [p.get("controls_removed") for kind, p in await desk.log() if kind == "release"]
    assert named == [None, [LAST], None]


async def test_a_control_that_is_required_of_an_empty_document_alone_is_named(desk: Desk) -> None:
    desk.releases.built("less", "open", "main.rego", LESS_OF_ORDERS)
    done = await desk.door.app.switching.switch(desk.releases.turn("less"), "officer")
    assert done.controls_removed == (LAST,)
