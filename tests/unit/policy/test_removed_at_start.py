"""A start with another release says which controls are gone, as a switch does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import RefusedError
from support.doors import Door, opened, problem
from support.switching import ReleaseLink, entries, link

LAST = "VEN-02"
WITHOUT = {f'\t"{LAST}": "venue_takes",\n': ""}
LESS_OF_ORDERS = {
    "required := object.keys(registry)": (
        f'required := object.keys(registry) - {{"{LAST}"}} if {{\n\tinput.v\n}} else := '
        "object.keys(registry)"
    )
}
ALL_IS_PROVEN = {"data.writ.controls[name].proven == true": "is_string(name)"}


@pytest.fixture
def releases(tmp_path: Path) -> ReleaseLink:
    return link(tmp_path)


async def started(
    releases: ReleaseLink, name: str, *, proposing: bool = False, **changes: Any
) -> None:
    """Start on a release, perhaps propose an order, and end."""
    releases.turn(name)
    async with opened(releases.folder, release=releases.path, lifted=False, **changes) as door:
        if proposing:
            await proposed(door)


async def proposed(door: Door) -> None:
    """Have an order denied: Ω4 was not lifted."""
    problem(await door.propose(), 403, "order-denied")


def named(releases: ReleaseLink) -> list[list[str] | None]:
    """The controls that each release entry says are gone, after the log has been verified."""
    found = entries(releases.folder / "data")
    return [payload.get("controls_removed") for kind, payload in found if kind == "release"]


@pytest.mark.parametrize(
    ("changes", "proposing"), [(WITHOUT, False), (WITHOUT, True), (LESS_OF_ORDERS, False)]
)
async def test_a_control_that_is_dropped_is_named(
    releases: ReleaseLink, changes: dict[str, str], *, proposing: bool
) -> None:
    await started(releases, "open", proposing=proposing)
    await started(releases, "tight")
    releases.built("less", "open", "main.rego", changes)
    await started(releases, "less")
    await started(releases, "less")
    await started(releases, "open")
    assert named(releases) == [None, None, [LAST], None]


async def test_with_a_server_that_is_not_there_yet_it_is_named_too(releases: ReleaseLink) -> None:
    await started(releases, "open")
    releases.built("less", "open", "main.rego", WITHOUT)
    token = releases.folder / "token"
    token.write_text("a-token-of-this-test-alone-0123456789\n", encoding="ascii")
    token.chmod(0o600)
    nobody = "http://127.0.0.1:9"
    await started(releases, "less", engine="opa-server", opa_url=nobody, opa_token_file=token)
    assert named(releases) == [None, [LAST]]


async def test_without_the_old_release_its_newest_decision_tells(releases: ReleaseLink) -> None:
    await started(releases, "open", proposing=True)
    (releases.folder / "data" / "log" / "blobs" / releases.digest("open")).unlink()
    releases.built("less", "open", "main.rego", WITHOUT)
    await started(releases, "less")
    assert named(releases) == [None, [LAST]]


async def test_a_start_takes_no_release_that_a_switch_would_refuse(releases: ReleaseLink) -> None:
    await started(releases, "open")
    releases.built("carte-blanche", "open", "main.rego", ALL_IS_PROVEN)
    with pytest.raises(RefusedError) as refused:
        await started(releases, "carte-blanche")
    assert refused.value.code == "release-unsound"
    await started(releases, "open")
    assert named(releases) == [None]
