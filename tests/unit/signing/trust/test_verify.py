"""What the verifier accepts, until when, and what it remembers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from signing.trust import PUBLISH_DAYS_MAX, Floor, Repository, TrustError, read_roots, verify_trust
from support.trust_attacks import OVERLAYS, publish_evil
from support.trust_root import (
    ANNA,
    BERT,
    CARL,
    COUNCIL,
    DAY_US,
    DORA,
    FILES,
    NOW_US,
    OTHER_PUBLISHER,
    PUBLISHER,
    Json,
    TrustFolder,
    named,
    officer,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")


def refusal(made: TrustFolder, now_us: int | None = None, floor: Floor | None = None) -> str:
    with pytest.raises(TrustError) as refused:
        made.verify(now_us, floor)
    return refused.value.code


def test_a_state_says_what_was_signed(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    state = made.verify()
    assert state.council == COUNCIL
    assert not state.development
    assert state.roots.root == made.pinned
    assert dict.fromkeys(state.versions, 1) == dict(state.versions)
    assert set(state.versions) == {"root", "timestamp", "snapshot", "targets", "risk"}
    assert state.expires_us["timestamp"] == state.holds_until_us == NOW_US + 3 * DAY_US
    assert {name: one.read() for name, one in state.targets.items()} == {**FILES, **OVERLAYS}
    assert state.signed_by == {
        "root": {"anna", "bert"},
        "targets": {"anna", "bert"},
        "snapshot": {"publisher"},
        "timestamp": {"publisher"},
        "risk": {"carl"},
    }


def test_it_holds_until_the_first_expiry(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    end_us = made.verify().holds_until_us
    made.verify(end_us - 1)
    assert refusal(made, end_us) == "timestamp-expired"


def test_a_clock_that_is_years_behind_is_noticed(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.verify(NOW_US - (PUBLISH_DAYS_MAX - 3) * DAY_US)
    assert refusal(made, NOW_US - PUBLISH_DAYS_MAX * DAY_US) == "timestamp-long"


def test_a_target_is_compared_at_each_reading(tmp_path: Path) -> None:
    target = trust_folder(tmp_path).verify().targets["manifest.json"]
    (file,) = (tmp_path / "targets").glob("*.manifest.json")
    file.write_bytes(b"x" * target.length)
    with pytest.raises(TrustError) as refused:
        target.read()
    assert refused.value.code == "target-differs"


def test_the_same_forgery_with_enough_officers_is_no_forgery(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    publish_evil(made, ANNA, BERT)
    assert made.verify().versions["targets"] == 2


def test_any_root_of_the_chain_can_be_pinned(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    for _ in range(3):
        made.root(COUNCIL, ANNA, CARL)
    pins = [made.path(f"{number}.root.json").read_bytes() for number in range(1, 5)]
    states = [verify_trust(made.repository, pin, NOW_US) for pin in pins]
    assert {state.versions["root"] for state in states} == {4}
    assert {state.roots.root for state in states} == {pins[-1]}
    assert [len(state.roots.chain) for state in states] == [4, 3, 2, 1]


def test_a_pinned_root_needs_its_officers_too(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.forge("1.root.json", lambda signed: None, ANNA)
    with pytest.raises(TrustError) as refused:
        read_roots(Repository(tmp_path), made.path("1.root.json").read_bytes())
    assert (refused.value.step, refused.value.code) == (1, "root-short")


def test_roots_on_the_way_may_have_expired(tmp_path: Path) -> None:
    made = TrustFolder(tmp_path, NOW_US - 3 * 365 * DAY_US)
    made.begin()
    made.now_us = NOW_US
    made.root(COUNCIL, ANNA, BERT)
    made.targets()
    made.publish()
    assert made.verify().versions["root"] == 2


def test_roots_are_followed_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signing.trust.verify.ROOTS_MAX", 2)
    made = trust_folder(tmp_path)
    for _ in range(2):
        made.root(COUNCIL, ANNA, BERT)
    with pytest.raises(TrustError) as refused:
        made.root(COUNCIL, ANNA, BERT)
    assert (refused.value.step, refused.value.code) == (2, "roots-many")
    assert made.verify().versions["root"] == 3


def test_development_is_said_until_a_later_root_is_pinned(tmp_path: Path) -> None:
    made = TrustFolder(tmp_path)
    alone = replace(COUNCIL, threshold=1, development=True)
    made.begin(alone, ANNA)
    made.targets(FILES, ANNA)
    assert made.publish().development
    made.root(COUNCIL, ANNA, BERT)
    made.targets()
    made.publish()
    assert made.verify().development
    assert not made.verify().council.development
    later = made.path("2.root.json").read_bytes()
    assert not verify_trust(made.repository, later, NOW_US).development


def test_a_floor_survives_being_kept(tmp_path: Path) -> None:
    floor = trust_folder(tmp_path, overlays=OVERLAYS).verify().floor
    assert Floor.from_dict(floor.to_dict()) == floor
    assert Floor.from_dict(Floor().to_dict()) == Floor()
    for change in ({"root": -1}, {"root": "1"}, {"further": 1}, {"overlays": {"x": "y"}},
                   {"publisher": "x"}, {"timestamp": True}):  # fmt: skip
        with pytest.raises(TrustError) as refused:
            Floor.from_dict(floor.to_dict() | change)
        assert refused.value.code == "floor"
    with pytest.raises(TrustError):
        Floor.from_dict(None)


def test_a_new_publisher_counts_anew(tmp_path: Path) -> None:
    """Whoever stole the publisher's key may have used up every number; officers end that."""
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    kept = made.verify().floor
    stolen = replace(kept, timestamp=2**53 - 1, snapshot=2**53 - 1, risk=2**53 - 1)
    assert refusal(made, floor=stolen) == "timestamp-older"
    made.root(COUNCIL.publishing_with(OTHER_PUBLISHER.public), ANNA, BERT)
    assert refusal(made, floor=stolen) == "timestamp-short"
    made.publisher = OTHER_PUBLISHER
    made.publish()
    state = made.verify(floor=stolen)
    assert state.floor.publisher == OTHER_PUBLISHER.public.hex
    for role in ("root", "targets"):
        assert refusal(made, floor=replace(stolen, **{role: 9})) == f"{role}-older"


def test_a_new_publisher_cannot_take_an_overlay_back(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAYS)
    floor = made.verify().floor
    made.root(COUNCIL.publishing_with(OTHER_PUBLISHER.public), ANNA, BERT)
    made.path("1.risk.json").unlink()
    made.publisher = OTHER_PUBLISHER
    made.path("timestamp.json").unlink()
    made.publish()
    made.verify()
    assert refusal(made, floor=floor) == "overlay-removed"


def test_a_risk_officer_must_be_one_by_root_and_targets(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    made.root(COUNCIL.adding(officer("dora", DORA, roles=("risk",))), ANNA, BERT)
    with pytest.raises(TrustError) as refused:
        made.overlays(OVERLAYS, DORA)
    assert refused.value.code == "delegation"
    made.targets()
    made.overlays(OVERLAYS, DORA)
    assert made.publish().signed_by["risk"] == {"dora"}


def test_signatures_that_count_for_nothing_do_no_harm(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    metadata = made.read("1.targets.json")
    metadata["signatures"] += [{"keyid": f"{n:064x}", "sig": "00"} for n in range(62)]
    made.write("1.targets.json", metadata)
    made.republish()
    assert made.verify().signed_by["targets"] == {"anna", "bert"}
    metadata["signatures"].append({"keyid": "f" * 64, "sig": "00"})
    made.write("1.targets.json", metadata)
    made.republish()
    assert refusal(made) == "metadata-form"


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    made = trust_folder(tmp_path)
    made.path(name).unlink()
    assert refusal(made) == "metadata-missing"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("timestamp.json", lambda one: one.update(further=1), "timestamp-form"),
        ("timestamp.json", lambda one: one["meta"]["snapshot.json"].pop("hashes"), "metadata-form"),
        ("timestamp.json", lambda one: one["meta"]["snapshot.json"].pop("length"), "metadata-form"),
        ("1.snapshot.json", lambda one: one.update(further=1), "snapshot-form"),
        ("1.snapshot.json", lambda one: one["meta"].pop("targets.json"), "snapshot-roles"),
        ("1.snapshot.json", lambda one: one["meta"].update({"x.json": {"version": 1}}),
         "snapshot-roles"),
        ("1.targets.json", lambda one: one.update(version=2), "targets-version"),
        ("1.targets.json", lambda one: one.update(further=1), "targets-form"),
        ("1.targets.json", lambda one: one["targets"]["manifest.json"].update(custom={}),
         "targets-form"),
        ("1.targets.json", lambda one: one["targets"]["manifest.json"].update(length=2**40),
         "target-long"),
        ("1.targets.json", lambda one: one["targets"]["manifest.json"].update(hashes={"md5": "0"}),
         "targets-form"),
        ("1.targets.json", lambda one: one["targets"]["manifest.json"].update(length=True),
         "targets-form"),
        ("timestamp.json", lambda one: one["meta"]["snapshot.json"].update(version=True),
         "timestamp-form"),
        ("1.targets.json", lambda one: one["targets"].update(
            {f"release/{n}": one["targets"]["manifest.json"] for n in range(64)}), "targets-many"),
        *[
            ("1.targets.json", lambda one, bad=bad: one["targets"].update(
                {bad: one["targets"]["manifest.json"]}), "target-name")
            for bad in ("", "x", "release/", "release/../x", "release/a/b", "/etc/passwd",
                        "release/..", "release/a..b", "Manifest.json", "release/a b")
        ],
    ],
)  # fmt: skip
def test_files_are_exactly_what_writ_writes(
    tmp_path: Path, name: str, change: Callable[[Json], object], code: str
) -> None:
    """Even where everybody who has to has signed them."""
    made = trust_folder(tmp_path)
    signers = (ANNA, BERT) if "targets" in name else (PUBLISHER,)
    made.forge(name, change, *signers)
    if "targets" in name:
        made.republish()
    elif "snapshot" in name:
        data = made.read(name)
        made.path(name).unlink()
        made.write("2.snapshot.json", data)
        repoint(made)
    assert refusal(made) == code


def repoint(made: TrustFolder) -> None:
    """Name 2.snapshot.json in the timestamp, whatever it holds."""
    made.forge("2.snapshot.json", lambda signed: signed.update(version=2), PUBLISHER)
    data = made.path("2.snapshot.json").read_bytes()
    made.forge(
        "timestamp.json",
        lambda signed: signed["meta"].update({"snapshot.json": {"version": 2, **named(data)}}),
        PUBLISHER,
    )
