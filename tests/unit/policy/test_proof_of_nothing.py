"""A release with a control that would prove anything comes into force by no door."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.errors import RefusedError
from support.doors import opened, problem
from support.switch_desk import desk_in
from support.switching import ReleaseLink, entries, link

CONTROL = "controls/leverage.rego"
ALWAYS_PROVEN = {"proven if exits.reduces": "default proven := true"}


@pytest.fixture
def releases(tmp_path: Path) -> ReleaseLink:
    made = link(tmp_path)
    made.built("careless", "open", CONTROL, ALWAYS_PROVEN)
    return made


async def test_it_is_not_switched_to(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        desk.releases.built("careless", "open", CONTROL, ALWAYS_PROVEN)
        answer = await desk.switch(desk.releases.turn("careless"))
        document = problem(answer, 409, "release-unsound")
        assert "EXP-02 is proven for an empty document" in document["detail"]
        assert await desk.active() == desk.releases.digest("open")


async def refused_at_a_start(releases: ReleaseLink) -> None:
    releases.turn("careless")
    with pytest.raises(RefusedError, match="EXP-02 is proven for an empty") as refused:
        async with opened(releases.folder, release=releases.path):
            pass
    assert refused.value.code == "release-unsound"


async def test_no_start_takes_it_after_another(releases: ReleaseLink) -> None:
    async with opened(releases.folder, release=releases.path):
        pass
    await refused_at_a_start(releases)
    found = entries(releases.folder / "data")
    named = [payload["release_digest"] for kind, payload in found if kind == "release"]
    assert named == [releases.digest("open")]


async def test_no_first_start_takes_it(releases: ReleaseLink) -> None:
    await refused_at_a_start(releases)
