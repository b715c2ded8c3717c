"""What is permitted at a moment, by the clock; and how a trust root is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.control.modes import ModeCheck
from gateway.control.permission import CLOCK_BACK_MAX_US, Permissions
from gateway.control.trust_reading import Reading, Refused, Trust
from gateway.control.trust_root import TrustRoot
from gateway.domain.book import Book
from gateway.domain.errors import RefusedError
from gateway.domain.mode import Mode
from gateway.domain.permission import Permission, Route, RunningRelease
from signing import canonical
from signing.manifest import Manifest
from signing.overlay import Overlay, encode_overlay
from signing.permission import Seen, Verified
from support.brokers import ManualClock
from support.permitting import (
    DAY_US,
    HERE,
    HOSTS,
    HOUR_US,
    LOG,
    Officers,
    fields,
    manifest,
    permissions,
    running,
    trust,
)
from support.trust_root import ANNA, CARL, NOW_US

ROUTE = Route("primary", "alpaca", "PA1234", Mode.PAPER, HOSTS)
CALM = Overlay("calm", LOG.name, {"order_notional_max_micros": 1}, (), NOW_US, NOW_US + DAY_US, "x")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOW_US)


def standing(
    clock: ManualClock, signed: Manifest | None = None, mode: Mode = Mode.PAPER, **more: Any
) -> Permissions:
    return permissions(Book(mode=mode), clock, signed or manifest(), **more)


def cause(permitted: Permissions) -> str | None:
    """Why nothing stands; every answer agrees."""
    nothing = permitted.lapsed() is not None
    assert (permitted.standing() is None) == nothing
    assert not (nothing and permitted.permission() is not None)
    return permitted.lapsed()


@pytest.mark.requirement("S1-13")
def test_a_manifest_stands_to_its_last_moment_and_never_again(clock: ManualClock) -> None:
    signed = manifest(valid_until_us=NOW_US + DAY_US)
    permitted = standing(clock, signed)
    clock.wall = NOW_US + DAY_US - 1
    assert cause(permitted) is None
    clock.wall += 1
    assert cause(permitted) == "MANIFEST_EXPIRED"
    clock.wall -= 1
    assert cause(permitted) == "MANIFEST_EXPIRED", "a moment that is past stays past"


@pytest.mark.requirement("S1-13")
def test_an_attestation_that_ends_ends_it(clock: ManualClock) -> None:
    attestation = fields()["attestations"][0] | {"valid_until_us": NOW_US + HOUR_US}
    permitted = standing(clock, manifest(attestations=[attestation]))
    clock.wall = NOW_US + HOUR_US
    assert cause(permitted) == "ATTESTATION_ENDED"


@pytest.mark.requirement("S1-13")
def test_trust_that_expires_ends_it_and_overlays_go_on(clock: ManualClock) -> None:
    permitted = standing(clock)
    held = replace(trust(), overlays=(CALM,))
    permitted.accept(held, permitted.standing())
    assert permitted.officers().names == {ANNA.public.raw: "anna"}
    clock.wall = held.holds_until_us
    assert cause(permitted) == "TRUST_EXPIRED"
    assert permitted.overlays() == (CALM,), "a lapse loosens nothing"
    assert permitted.officers().names == {}


@pytest.mark.attack
def test_a_clock_that_is_set_back_is_not_believed(clock: ManualClock) -> None:
    permitted = standing(clock)
    clock.wall = NOW_US - CLOCK_BACK_MAX_US
    assert cause(permitted) is None, "clocks are corrected a little"
    clock.wall -= 1
    assert cause(permitted) == "CLOCK_WENT_BACK"
    clock.wall = NOW_US
    assert cause(permitted) is None


def test_the_first_cause_is_the_one_that_is_told(clock: ManualClock) -> None:
    permitted = standing(clock)
    told: list[str | None] = []
    permitted.on_change(lambda: told.append(permitted.lapsed()))
    permitted.end("MANIFEST_REVOKED")
    permitted.end("TRUST_UNREADABLE")
    permitted.accept(trust(), Permission("cd" * 32, manifest()))
    assert told == ["MANIFEST_REVOKED", "MANIFEST_REVOKED", None]


def test_without_a_manifest_nothing_is_permitted_and_no_account_is_named(
    clock: ManualClock,
) -> None:
    permitted = permissions(Book(mode=Mode.PAPER), clock)
    assert cause(permitted) == "MANIFEST_MISSING"
    assert (permitted.names(ROUTE), permitted.overlays(), permitted.live_open()) == (
        False,
        (),
        False,
    )
    assert permitted.officers().names == {}


@pytest.mark.attack
def test_another_release_than_it_names_is_not_permitted(clock: ManualClock) -> None:
    other = replace(running(manifest()), data_digest="00" * 32)
    permitted = standing(clock, release=other)
    assert permitted.standing() is not None
    assert permitted.permission() is None


def test_the_accounts_of_a_lapsed_manifest_are_still_named(clock: ManualClock) -> None:
    permitted = standing(clock)
    permitted.end("MANIFEST_REVOKED")
    assert permitted.names(ROUTE)
    assert not permitted.names(replace(ROUTE, hosts=("api.example.com:443",)))


@pytest.mark.attack
@pytest.mark.requirement("S1-02")
def test_live_is_open_under_a_live_manifest_alone(clock: ManualClock) -> None:
    paper = standing(clock, mode=Mode.LIVE)
    live = standing(clock, manifest(mode="LIVE"), Mode.LIVE)
    assert not live.live_open(), "nobody has opened it"
    paper.live = live.live = lambda: True
    assert (paper.live_open(), live.live_open()) == (False, True)
    live.end("MANIFEST_REVOKED")
    assert not live.live_open()


@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("signed", ["none", "PAPER", "LIVE"])
@pytest.mark.parametrize("live_enabled", [False, True])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_needs_a_manifest_for_it(
    clock: ManualClock, mode: Mode, signed: str, *, live_enabled: bool
) -> None:
    found = manifest(mode="PAPER" if signed == "none" else signed)
    permitted = permissions(Book(), clock, None if signed == "none" else found)
    check = ModeCheck(permitted.standing, live_enabled)
    outside = mode in (Mode.PAPER, Mode.LIVE)
    if not outside or (signed == mode and (mode is Mode.PAPER or live_enabled)):
        check(mode, running(found))
        if outside:
            with pytest.raises(RefusedError, match="release-not-permitted"):
                check(mode, RunningRelease("test", "00" * 32, found.limits_digest))
    else:
        with pytest.raises(RefusedError, match="mode-unavailable"):
            check(mode, running(found))


# --- reading a trust root -------------------------------------------------------------------------


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    return Officers(tmp_path / "trust")


def reader(officers: Officers) -> TrustRoot:
    return TrustRoot(officers.folder, officers.pinned, HERE)


def read(officers: Officers, floor: Mapping[str, Any] | None = None) -> Reading:
    return reader(officers).read(NOW_US, floor, Seen())


@pytest.mark.requirement("S1-13")
def test_a_reading_has_trust_manifest_and_evidence(officers: Officers) -> None:
    digest = officers.sign()
    found = read(officers)
    assert isinstance(found.trust, Trust)
    assert isinstance(found.manifest, Verified)
    assert found.manifest.digest == digest
    assert found.trust.evidence_digest == canonical.digest(found.trust.evidence)
    assert set(found.trust.officers.names.values()) == {"anna", "bert"}, "compliance, and no other"


def test_a_folder_is_read_again_when_it_has_changed_and_not_otherwise(officers: Officers) -> None:
    officers.sign()
    looking = reader(officers)
    assert looking.changed()
    for _ in range(2):
        looking.read(NOW_US, None, Seen())
    assert not looking.changed()
    officers.trust.publish()
    assert looking.changed()


@pytest.mark.requirement("S1-13")
def test_overlays_for_this_gateway_are_taken_and_others_are_not(officers: Officers) -> None:
    officers.sign()
    other = replace(CALM, name="other", gateway="another.example/log")
    officers.trust.overlays({one.target: encode_overlay(one) for one in (CALM, other)}, CARL)
    officers.trust.publish()
    found = read(officers).trust
    assert isinstance(found, Trust)
    assert found.overlays == (CALM,)


@pytest.mark.parametrize(
    ("name", "data"),
    [("overlays/calm.json", b"{}"), ("overlays/other.json", encode_overlay(CALM))],
    ids=["malformed", "another-name"],
)
def test_an_overlay_that_cannot_be_read_leaves_nothing_trusted(
    officers: Officers, name: str, data: bytes
) -> None:
    officers.sign()
    officers.trust.overlays({name: data}, CARL)
    officers.trust.publish()
    found = read(officers).trust
    assert isinstance(found, Refused)
    assert (found.of, found.code) == ("trust", "overlay-malformed")


@pytest.mark.parametrize("what", ["gone", "folder", "other"])
def test_a_pinned_root_that_cannot_be_read_leaves_nothing_trusted(
    officers: Officers, what: str
) -> None:
    officers.sign()
    officers.pinned.unlink()
    if what == "folder":
        officers.pinned.mkdir()
    elif what == "other":
        officers.pinned.write_bytes(b"{}")
    found = read(officers)
    assert isinstance(found.trust, Refused)
    expected = "metadata-form" if what == "other" else "pinned-unreadable"
    assert (found.trust.code, found.manifest) == (expected, found.trust)


@pytest.mark.attack
def test_what_is_older_than_the_record_is_refused(officers: Officers) -> None:
    officers.sign()
    found = read(officers)
    assert isinstance(found.trust, Trust)
    newer = dict(found.trust.floor) | {"targets": 9}
    again = read(officers, newer).trust
    assert isinstance(again, Refused)
    assert again.code == "targets-older"
